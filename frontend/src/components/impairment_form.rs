//! Makes the link of this tab worse.

use client::impairment::{Impairment, MAX_LATENCY_MS};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::tr;

pub fn show(impairment: Impairment, on_change: &Callback<Impairment>) -> Html {
    let on_latency = on_change.reform(move |latency_ms| Impairment { latency_ms, ..impairment });
    let on_loss = on_change.reform(move |loss_percent| Impairment { loss_percent, ..impairment });
    let on_none = on_change.reform(|_: MouseEvent| Impairment::default());
    html! {
        <section class="panel experiment" aria-labelledby="network-heading">
            <h2 id="network-heading">{ tr!("A worse network, for this tab") }</h2>
            { slider(tr!("Latency"), tr!("ms each way"), (impairment.latency_ms, MAX_LATENCY_MS, 10), &on_latency) }
            { slider(tr!("Loss"), tr!("% of packets"), (impairment.loss_percent, 100, 1), &on_loss) }
            <p class="quiet">{ tr!("A WebSocket runs over TCP, which never loses anything silently: a lost packet is sent again after 200 ms, then 400, and so on, and all that follows waits behind it. Lost five times in a row, the link breaks, and the tab looks for another relay. So at a high loss you see waiting and reconnecting, and never a missing edit.") }</p>
            <button type="button" disabled={impairment.is_none()} onclick={on_none}>{ tr!("Back to the real network") }</button>
        </section>
    }
}

/// A value with its greatest and its step, to be pushed or typed.
fn slider(label: String, unit: String, (value, most, step): (u32, u32, u32), on_change: &Callback<u32>) -> Html {
    let oninput = on_change.reform(move |event: InputEvent| {
        let typed = event.target_unchecked_into::<HtmlInputElement>().value();
        typed.parse().unwrap_or(0).min(most)
    });
    let (max, value) = (most.to_string(), value.to_string());
    html! {
        <div class="slider">
            <span class="name">{ label.clone() }</span>
            <input type="range" aria-label={tr!("{label}, pushed", label = label)} min="0" max={max.clone()} step={step.to_string()}
                value={value.clone()} oninput={oninput.clone()} />
            <input type="number" aria-label={label} min="0" {max} {value} {oninput} />
            <span class="quiet">{ unit }</span>
        </div>
    }
}
