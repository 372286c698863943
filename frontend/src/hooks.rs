//! How components reach the model.

use std::rc::Rc;

use client::session::Action;
use gloo::events::EventListener;
use yew::prelude::*;

use crate::browser;
use crate::model::Model;
use crate::page::Page;
use crate::view_model::PageState;

/// # Panics
/// Outside of the [`App`](crate::app::App), which provides the model.
#[hook]
pub fn use_model() -> Model {
    use_context::<Model>().expect("the app provides the model")
}

/// How everything stands; the component is rendered anew when that changes.
#[hook]
pub fn use_page_state() -> Rc<PageState> {
    let model = use_model();
    let page_state = use_state_eq(|| model.page_state());
    let current = Rc::clone(&page_state);
    use_effect_with(model, move |model| {
        let refresh = {
            let model = model.clone();
            move || page_state.set(model.page_state())
        };
        // Something may have changed between the first rendering and this effect.
        refresh();
        let subscription = model.subscribe(refresh);
        move || drop(subscription)
    });
    current
}

/// A value of the model that is no part of the page's state. The component is rendered again when it changes.
#[hook]
pub fn use_told<T: Clone + PartialEq + 'static>(read: fn(&Model) -> T) -> T {
    let model = use_model();
    let told = use_state_eq(|| read(&model));
    let current = (*told).clone();
    use_effect_with(model, move |model| {
        let refresh = {
            let model = model.clone();
            move || told.set(read(&model))
        };
        refresh();
        let subscription = model.subscribe(refresh);
        move || drop(subscription)
    });
    current
}

/// Does what the user wants. The same callback in every rendering, so that rows need not be rendered for it.
#[hook]
pub fn use_action() -> Callback<Action> {
    let model = use_model();
    use_callback(model, |action, model| model.act(action))
}

/// The page that the address names.
#[hook]
pub fn use_page() -> Page {
    let page = use_state_eq(|| Page::of_hash(&browser::hash()));
    let current = *page;
    use_effect_with((), move |()| {
        let go = move |_: &web_sys::Event| page.set(Page::of_hash(&browser::hash()));
        let listener = EventListener::new(&browser::window(), "hashchange", go);
        move || drop(listener)
    });
    current
}

/// The component is rendered anew after each change of anything: for what looks at the session itself.
#[hook]
pub fn use_every_change() {
    let model = use_model();
    let update = use_force_update();
    use_effect_with(model, move |model| {
        let subscription = model.subscribe(move || update.force_update());
        move || drop(subscription)
    });
}

/// As long as the component is there, this tab is told what the relays see.
#[hook]
pub fn use_watching() {
    let model = use_model();
    use_effect_with(model, |model| {
        model.set_watching(true);
        let model = model.clone();
        move || model.set_watching(false)
    });
}
