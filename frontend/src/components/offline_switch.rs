//! Takes this tab away from the relays, and back.

use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub offline: bool,
    pub on_change: Callback<bool>,
}

#[component]
pub fn OfflineSwitch(Props { offline, on_change }: &Props) -> Html {
    let offline = *offline;
    let onclick = on_change.reform(move |_: MouseEvent| !offline);
    html! {
        <button type="button" class="switch" role="switch" aria-label="Offline" aria-checked={offline.to_string()}
            title="Stay away from the relays, to edit at the same time as others and watch it merge (o)" {onclick}>
            <span class="track" aria-hidden="true"><span class="thumb"></span></span>
            <span aria-hidden="true">{ "Offline" }</span>
        </button>
    }
}
