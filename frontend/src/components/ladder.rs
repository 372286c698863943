//! The ladder: four ways to give numbers, each asking less of the relays than the one before.

use shared::ledger::Rung;
use yew::prelude::*;

use super::focus;
use crate::tr;
use crate::view_model::{mode_in_words, rung_key, rung_meaning, rung_name};

/// `on_rung` is told which step somebody wants.
pub fn show(rung: Rung, on_rung: &Callback<Rung>) -> Html {
    html! {
        <section class="panel" aria-labelledby="ladder-heading">
            <h2 id="ladder-heading">{ tr!("The ladder") }</h2>
            <ol class="ladder">{ for Rung::ALL.into_iter().map(|each| step(each, rung, on_rung)) }</ol>
        </section>
    }
}

fn step(step: Rung, present: Rung, on_rung: &Callback<Rung>) -> Html {
    let is_present = step == present;
    let onclick = on_rung.reform(move |event: MouseEvent| {
        focus::stay(&event);
        step
    });
    let label = tr!("Take the step {step} by hand", step = rung_name(step));
    html! {
        <li key={rung_key(step)} data-rung={rung_key(step)} aria-current={is_present.then_some("step")}
            tabindex="-1">
            <span class="place" aria-hidden="true">{ step as usize + 1 }</span>
            <p class="title"><strong>{ rung_name(step) }</strong><span class="quiet">{ mode_in_words(step.mode()) }</span></p>
            <p class="means">{ rung_meaning(step) }</p>
            if is_present {
                <span class="here">{ tr!("● now") }</span>
            } else {
                <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>
                    { tr!("Take this step") }
                </button>
            }
        </li>
    }
}
