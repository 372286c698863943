//! Where things stand, in one line of words.

use yew::prelude::*;

use crate::view_model::StatusLine;

pub fn show(status: &StatusLine) -> Html {
    html! {
        <p id="status" class="status" role="status" data-tone={status.tone.key()}>
            <span class="dot" aria-hidden="true"></span>
            <span>{ status.parts.join(" · ") }</span>
        </p>
    }
}
