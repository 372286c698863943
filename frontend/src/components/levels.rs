//! The levels: four ways to give numbers, each asking less of the relays than the one before.

use client::types::Level;
use yew::prelude::*;

use super::focus;
use crate::tr;
use crate::view_model::{level_key, level_meaning, level_name, mode_in_words};

/// `on_level` is told which step somebody wants.
pub fn show(level: Level, on_level: &Callback<Level>) -> Html {
    html! {
        <section class="panel" aria-labelledby="levels-heading">
            <h2 id="levels-heading">{ tr!("Levels") }</h2>
            <ol class="levels">{ for Level::ALL.into_iter().map(|each| step(each, level, on_level)) }</ol>
        </section>
    }
}

fn step(step: Level, present: Level, on_level: &Callback<Level>) -> Html {
    let is_present = step == present;
    let onclick = on_level.reform(move |event: MouseEvent| {
        focus::stay(&event);
        step
    });
    let label = tr!("Take the step {step} by hand", step = level_name(step));
    html! {
        <li key={level_key(step)} data-level={level_key(step)} aria-current={is_present.then_some("step")}
            tabindex="-1">
            <span class="place" aria-hidden="true">{ step as usize + 1 }</span>
            <p class="title"><strong>{ level_name(step) }</strong><span class="quiet">{ mode_in_words(step.mode()) }</span></p>
            <p class="means">{ level_meaning(step) }</p>
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
