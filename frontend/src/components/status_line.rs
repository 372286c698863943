//! Where things stand, in one line of words. On a phone it is two short facts, and the rest on a tap.

use yew::prelude::*;

use crate::tr;
use crate::view_model::StatusLine;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub status: StatusLine,
}

#[component]
pub fn Status(Props { status }: &Props) -> Html {
    let open = use_state(|| false);
    let onclick = {
        let open = open.clone();
        move |_: MouseEvent| open.set(!*open)
    };
    let last = status.parts.len().saturating_sub(1);
    let parts = status.parts.iter().enumerate().map(|(at, part)| {
        let end = if at < last { " · " } else { "" };
        let class = if at == 0 || at == last { "fact" } else { "detail" };
        html! { <span {class}>{ part }<span class="detail">{ end }</span></span> }
    });
    html! {
        <div class="status" data-tone={status.tone.key()} data-open={open.to_string()}>
            <span class="dot" aria-hidden="true"></span>
            <p id="status" role="status" data-tone={status.tone.key()}>{ for parts }</p>
            <button type="button" class="small" aria-expanded={open.to_string()} aria-label={tr!("Details of the status")} {onclick}>
                <span aria-hidden="true">{ "⋯" }</span>
            </button>
        </div>
    }
}
