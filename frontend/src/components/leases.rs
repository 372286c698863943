//! Who may give which numbers without asking.

use yew::prelude::*;

use crate::engine::session::Action;
use crate::view_model::{DynamicView, LeaseItem};

/// How many numbers are taken along at a time.
const TAKEN_ALONG: u32 = 10;

pub fn show(dynamic: &DynamicView, on_action: &Callback<Action>) -> Html {
    let left = match dynamic.left {
        0 => "This tab has no numbers of its own.".to_owned(),
        1 => "This tab has 1 number of its own left.".to_owned(),
        many => format!("This tab has {many} numbers of its own left."),
    };
    let label = format!("Take {TAKEN_ALONG} numbers along");
    let onclick = on_action.reform(|_: MouseEvent| Action::Lease { count: TAKEN_ALONG });
    html! {
        <section class="panel">
            <h2>{ "Leases" }</h2>
            <p id="left">{ left }</p>
            <p class="quiet">
                { "Numbers that you take along are final as soon as you give them, also offline. Those that you never \
                   use are never used by anybody: they stay gaps." }
            </p>
            <button type="button" class="small along" aria-label={label.clone()} {onclick}>{ label }</button>
            <ul class="leases" aria-label="Leases">{ for dynamic.leases.iter().map(lease) }</ul>
            if dynamic.more_holders > 0 {
                <p class="quiet">{ format!("{} more have leases.", dynamic.more_holders) }</p>
            }
        </section>
    }
}

fn lease(lease: &LeaseItem) -> Html {
    let count = if lease.count == 1 { "1 number".to_owned() } else { format!("{} numbers", lease.count) };
    html! {
        <li key={lease.holder.clone()} data-this={lease.is_this.then_some("true")}>
            <strong>{ &lease.holder }</strong>
            <span class="ranges">{ &lease.ranges }</span>
            <span class="quiet">{ count }</span>
        </li>
    }
}
