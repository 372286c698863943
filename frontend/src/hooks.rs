//! How components reach the engine.

use std::rc::Rc;

use gloo::events::EventListener;
use yew::prelude::*;

use crate::browser;
use crate::engine::Engine;
use crate::engine::session::Action;
use crate::page::Page;
use crate::view_model::Snapshot;

/// # Panics
/// Outside of the [`App`](crate::app::App), which provides the engine.
#[hook]
pub fn use_engine() -> Engine {
    use_context::<Engine>().expect("the app provides the engine")
}

/// How everything stands; the component is rendered anew when that changes.
#[hook]
pub fn use_snapshot() -> Rc<Snapshot> {
    let engine = use_engine();
    let snapshot = use_state_eq(|| engine.snapshot());
    let current = Rc::clone(&snapshot);
    use_effect_with(engine, move |engine| {
        let refresh = {
            let engine = engine.clone();
            move || snapshot.set(engine.snapshot())
        };
        // Something may have changed between the first rendering and this effect.
        refresh();
        let subscription = engine.subscribe(refresh);
        move || drop(subscription)
    });
    current
}

/// What the engine tells besides the snapshot; the component is rendered anew when that changes.
#[hook]
pub fn use_told<T: Clone + PartialEq + 'static>(read: fn(&Engine) -> T) -> T {
    let engine = use_engine();
    let told = use_state_eq(|| read(&engine));
    let current = (*told).clone();
    use_effect_with(engine, move |engine| {
        let refresh = {
            let engine = engine.clone();
            move || told.set(read(&engine))
        };
        refresh();
        let subscription = engine.subscribe(refresh);
        move || drop(subscription)
    });
    current
}

/// Does what the user wants. The same callback in every rendering, so that rows need not be rendered for it.
#[hook]
pub fn use_action() -> Callback<Action> {
    let engine = use_engine();
    use_callback(engine, |action, engine| engine.act(action))
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
    let engine = use_engine();
    let update = use_force_update();
    use_effect_with(engine, move |engine| {
        let subscription = engine.subscribe(move || update.force_update());
        move || drop(subscription)
    });
}

/// As long as the component is there, this tab is told what the relays see.
#[hook]
pub fn use_watching() {
    let engine = use_engine();
    use_effect_with(engine, |engine| {
        engine.set_watching(true);
        let engine = engine.clone();
        move || engine.set_watching(false)
    });
}
