//! Takes back what was done last in this tab.

use client::session::Action;
use yew::prelude::*;

use crate::tr;

/// `undo` is what would be undone, if there is anything.
pub fn show(undo: Option<&str>, on_action: &Callback<Action>) -> Html {
    let title = match undo {
        Some(deed) => tr!("Undo {deed} (Ctrl Z)", deed = deed),
        None => tr!("Nothing to undo"),
    };
    html! {
        <button type="button" class="undo" aria-keyshortcuts="Control+Z" {title} disabled={undo.is_none()}
            onclick={on_action.reform(|_: MouseEvent| Action::Undo)}>
            <span aria-hidden="true">{ "↶" }</span>
            { tr!("Undo") }
        </button>
    }
}
