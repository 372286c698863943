//! Who may give which numbers without asking.

use client::session::Action;
use yew::prelude::*;

use crate::view_model::{DynamicView, LeaseItem};
use crate::{tr, trn};

/// How many numbers are taken along at a time.
const TAKEN_ALONG: u32 = 10;

pub fn show(dynamic: &DynamicView, on_action: &Callback<Action>) -> Html {
    let left = match dynamic.left {
        0 => tr!("This tab has no numbers of its own."),
        left => {
            trn!(left, "This tab has {count} number of its own left.", "This tab has {count} numbers of its own left.")
        }
    };
    let label = trn!(TAKEN_ALONG.into(), "Take {count} number along", "Take {count} numbers along");
    let onclick = on_action.reform(|_: MouseEvent| Action::Lease { count: TAKEN_ALONG });
    html! {
        <section class="panel">
            <h2>{ tr!("Leases") }</h2>
            <p id="left">{ left }</p>
            <p class="quiet">
                { tr!("Numbers that you take along are final as soon as you give them, also offline. Those that you never use are never used by anybody: they stay gaps.") }
            </p>
            <button type="button" class="small along" aria-label={label.clone()} {onclick}>{ label }</button>
            <ul class="leases" aria-label={tr!("Leases")}>{ for dynamic.leases.iter().map(lease) }</ul>
            if dynamic.more_holders > 0 {
                <p class="quiet">{ trn!(dynamic.more_holders as u64, "{count} more has leases.", "{count} more have leases.") }</p>
            }
        </section>
    }
}

fn lease(lease: &LeaseItem) -> Html {
    let count = trn!(lease.count, "{count} number", "{count} numbers");
    html! {
        <li key={lease.holder.clone()} data-this={lease.is_this.then_some("true")}>
            <strong>{ &lease.holder }</strong>
            <span class="ranges">{ &lease.ranges }</span>
            <span class="quiet">{ count }</span>
        </li>
    }
}
