//! Takes this tab away from the relays, and back.

use yew::prelude::*;

use crate::tr;

pub fn show(offline: bool, on_change: &Callback<bool>) -> Html {
    let onclick = on_change.reform(move |_: MouseEvent| !offline);
    html! {
        <button type="button" class="switch" role="switch" aria-label={tr!("Offline")} aria-checked={offline.to_string()}
            title={tr!("Stay away from the relays, to edit at the same time as others and watch it merge (o)")} {onclick}>
            <span class="track" aria-hidden="true"><span class="thumb"></span></span>
            <span aria-hidden="true">{ tr!("Offline") }</span>
        </button>
    }
}
