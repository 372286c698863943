//! The dynamic method: how numbers are given now, why, and what can be done about it.

use shared::ledger::{Load, Reason, Rung, Wish};
use yew::prelude::*;

use crate::components::load_chart::LoadGraph;
use crate::components::settings_form::SettingsForm;
use crate::components::{focus, ladder, leases};
use crate::engine::session::Action;
use crate::view_model::{DynamicView, Snapshot, rung_key, rung_name};
use crate::{tr, trn};

pub fn show(snapshot: &Snapshot, on_action: &Callback<Action>) -> Html {
    let dynamic = &snapshot.dynamic;
    let on_rung = on_action.reform(|rung| Action::Ask(begin(rung, Reason::ByHand)));
    html! {
        <div class="page dynamic">
            <section aria-labelledby="dynamic-heading">
                <div class="page-head">
                    <div>
                        <h1 id="dynamic-heading" tabindex="-1">{ tr!("Dynamic") }</h1>
                        <p class="quiet">{ tr!("How numbers are given now, and why. Names and notes merge at all times.") }</p>
                    </div>
                </div>
                { now(dynamic, on_action) }
                { ladder::show(dynamic.rung, &on_rung) }
                <LoadGraph history={snapshot.load.clone()} threshold={dynamic.threshold}
                    told={snapshot.connected_to.is_some()} />
                <SettingsForm settings={dynamic.settings} on_action={on_action.clone()} />
            </section>
            <aside class="side" aria-label={tr!("Numbers given without asking")}>
                { leases::show(dynamic, on_action) }
                { unsettled(dynamic) }
            </aside>
        </div>
    }
}

fn begin(rung: Rung, reason: Reason) -> Wish {
    Wish::SetMode { from: None, rung, reason, load: Load::default() }
}

fn now(dynamic: &DynamicView, on_action: &Callback<Action>) -> Html {
    let rung = dynamic.rung;
    let on_resume = on_action.reform(move |event: MouseEvent| {
        focus::stay(&event);
        Action::Ask(begin(rung, Reason::Resumed))
    });
    html! {
        <div class="now" data-rung={rung_key(rung)} tabindex="-1">
            <p class="mode">
                <strong>{ &dynamic.mode }</strong>
                <span>{ rung_name(rung) }</span>
            </p>
            <p>{ &dynamic.meaning }</p>
            <p class="quiet">{ &dynamic.why }</p>
            if let Some(figures) = &dynamic.figures {
                <p class="quiet">{ tr!("Measured when it began: {figures}.", figures = figures) }</p>
            }
            if let Some(alone) = &dynamic.alone {
                <p class="alone">{ format!("◌ {alone}.") }</p>
            }
            if dynamic.by_hand {
                <button type="button" class="primary" aria-label={tr!("Let load decide")} onclick={on_resume}>{ tr!("Let load decide") }</button>
            }
        </div>
    }
}

fn unsettled(dynamic: &DynamicView) -> Html {
    let text = match dynamic.unsettled {
        0 => tr!("No number is provisional: every number that you see is settled."),
        many => trn!(
            many as u64,
            "{count} provisional number waits to be settled.",
            "{count} provisional numbers wait to be settled."
        ),
    };
    let hint = tr!(
        "The relays go through them in the order in which they were given. Whoever was first keeps the number; the \
         other gets another one, and stands in Conflicts."
    );
    html! {
        <section class="panel">
            <h2>{ tr!("Provisional") }</h2>
            <p id="unsettled">{ text }</p>
            <p class="quiet">{ hint }</p>
        </section>
    }
}
