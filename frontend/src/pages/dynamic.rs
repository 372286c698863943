//! The dynamic method: how numbers are given now, why, and what can be done about it.

use client::session::Action;
use yew::prelude::*;

use crate::components::load_chart::LoadGraph;
use crate::components::settings_form::SettingsForm;
use crate::components::{focus, leases, levels};
use crate::view_model::{DynamicView, PageState, level_key, level_name};
use crate::{tr, trn};

pub fn show(page_state: &PageState, on_action: &Callback<Action>) -> Html {
    let dynamic = &page_state.dynamic;
    let on_level = on_action.reform(Action::SwitchLevel);
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
                { levels::show(dynamic.level, &on_level) }
                <LoadGraph history={page_state.load.clone()} threshold={dynamic.threshold}
                    told={page_state.connected_to.is_some()} />
                <SettingsForm settings={dynamic.settings} on_action={on_action.clone()} />
            </section>
            <aside class="side" aria-label={tr!("Numbers given without asking")}>
                { leases::show(dynamic, on_action) }
                { unsettled(dynamic) }
            </aside>
        </div>
    }
}

fn now(dynamic: &DynamicView, on_action: &Callback<Action>) -> Html {
    let level = dynamic.level;
    let on_resume = on_action.reform(move |event: MouseEvent| {
        focus::stay(&event);
        Action::ResumeLevels(level)
    });
    html! {
        <div class="now" data-level={level_key(level)} tabindex="-1">
            <p class="mode">
                <strong>{ &dynamic.mode }</strong>
                <span>{ level_name(level) }</span>
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
