//! The guided tour: a panel over the pages, which waits for what somebody does.

use std::rc::Rc;

use client::session::{Action, NewRecord, NumberOperation};
use client::types::FieldEdit;
use yew::prelude::*;

use crate::browser;
use crate::page::Page;
use crate::tr;
use crate::view_model::PageState;
use crate::view_model::tour::{Help, STEPS, Tour, TourView};

/// Where it is kept that somebody has been through the tour.
const DONE_KEY: &str = "duet.tour";

/// How components begin the tour.
#[derive(Clone, PartialEq)]
pub struct StartTour(pub Callback<()>);

#[derive(Properties, PartialEq)]
pub struct Props {
    pub page_state: Rc<PageState>,
    pub page: Page,
    pub on_action: Callback<Action>,
    pub on_leave: Callback<()>,
}

#[component]
pub fn TourPanel(Props { page_state, page, on_action, on_leave }: &Props) -> Html {
    let tour = use_state(|| Tour::begin(page_state));
    let heading = use_node_ref();
    let next = (*tour).clone().advanced(page_state, *page);
    {
        let (tour, next) = (tour.clone(), next.clone());
        use_effect_with(next, move |next| {
            if *tour != *next {
                tour.set(next.clone());
            }
        });
    }
    let view = next.view();
    use_effect_with(view.over, |&over| {
        if over {
            browser::remember(DONE_KEY, Some("done"));
        }
    });
    let on_skip = {
        let (tour, page_state) = (tour.clone(), page_state.clone());
        Callback::from(move |_: MouseEvent| tour.set(next.clone().skipped(&page_state)))
    };
    let on_key = {
        let on_leave = on_leave.clone();
        move |event: KeyboardEvent| {
            if event.key() == "Escape" {
                on_leave.emit(());
            }
        }
    };
    {
        let heading = heading.clone();
        // The tour was asked for just now: it has the focus first, and never takes it again.
        use_effect_with((), move |()| {
            if let Some(heading) = heading.cast::<web_sys::HtmlElement>() {
                let _focused_if_visible = heading.focus();
            }
        });
    }
    // There the text would cover what it speaks of.
    let is_small = *use_state(browser::is_small);
    let leave = if view.over { tr!("Close") } else { tr!("Leave the tour") };
    html! {
        <aside class="tour" aria-labelledby="tour-heading" onkeydown={on_key}>
            <p class="quiet">{ progress(&view) }</p>
            <div role="status">
                <details open={!is_small}>
                    <summary ref={heading}><h2 id="tour-heading">{ &view.title }</h2></summary>
                    <p>{ &view.text }</p>
                </details>
                <ol>{ for view.tasks.iter().map(task) }</ol>
            </div>
            <p class="answers">
                if view.page != *page {
                    <a class="button" href={view.page.hash()}>{ tr!("Go there") }</a>
                }
                { help(&view, page_state, on_action) }
                if !view.over {
                    <button type="button" class="small" onclick={on_skip}>{ tr!("Skip this step") }</button>
                }
                <button type="button" class="small" onclick={on_leave.reform(|_: MouseEvent| ())}>{ leave }</button>
            </p>
        </aside>
    }
}

/// Whether somebody has been through the tour in this browser.
#[must_use]
pub fn is_done() -> bool {
    browser::recall(DONE_KEY).is_some()
}

fn progress(view: &TourView) -> String {
    if view.over {
        tr!("The tour is done")
    } else {
        tr!("Tour: step {place} of {all}", place = view.place, all = STEPS)
    }
}

fn task((text, done): &(String, bool)) -> Html {
    let word = if *done { tr!("done") } else { tr!("to do") };
    html! {
        <li data-done={done.to_string()}>
            <span class="glyph" aria-hidden="true">{ if *done { "●" } else { "○" } }</span>
            <span>{ text }<span class="unseen">{ ", " }{ word }</span></span>
        </li>
    }
}

fn help(view: &TourView, page_state: &PageState, on_action: &Callback<Action>) -> Html {
    match view.help {
        Help::None => Html::default(),
        Help::OpenTab => {
            html! { <button type="button" class="small primary" onclick={|_: MouseEvent| browser::open_tab()}>{ tr!("Open another tab") }</button> }
        }
        Help::AskForNumber => {
            let title = page_state.layout.title.as_ref().map(|title| title.name.clone());
            let onclick = on_action.reform(move |_: MouseEvent| {
                let fields = title.iter().map(|field| (field.clone(), FieldEdit::Assign(tr!("A guest of the tour"))));
                Action::Add(NewRecord { fields: fields.collect(), number: Some(NumberOperation::Next) })
            });
            html! { <button type="button" class="small primary" {onclick}>{ tr!("Add a guest with the next number") }</button> }
        }
    }
}
