//! Takes back what was done last in this tab.

use yew::prelude::*;

use crate::engine::session::Action;

/// `undo` is what would be undone, if there is anything.
pub fn show(undo: Option<&str>, on_action: &Callback<Action>) -> Html {
    let title = match undo {
        Some(deed) => format!("Undo {deed} (Ctrl Z)"),
        None => "Nothing to undo".to_owned(),
    };
    html! {
        <button type="button" class="undo" aria-keyshortcuts="Control+Z" {title} disabled={undo.is_none()}
            onclick={on_action.reform(|_: MouseEvent| Action::Undo)}>
            <span aria-hidden="true">{ "↶" }</span>
            { "Undo" }
        </button>
    }
}
