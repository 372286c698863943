//! A burst of edits, and what came of it.

use std::rc::Rc;

use client::burst::{FASTEST, Kind, MOST, Plan};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::page::Page;
use crate::tr;
use crate::view_model::{BurstView, LabView, guests_in_words};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub view: Rc<LabView>,
    pub on_begin: Callback<Plan>,
    pub on_remove: Callback<()>,
}

#[component]
pub fn BurstForm(Props { view, on_begin, on_remove }: &Props) -> Html {
    let plan = use_state(|| Plan { kind: Kind::Adds, count: 100, per_second: 50 });
    let onsubmit = {
        let (plan, on_begin) = (*plan, on_begin.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            on_begin.emit(plan);
        }
    };
    let kinds = [
        (Kind::Adds, tr!("New records")),
        (Kind::Renames, tr!("Names for one record")),
        (Kind::Numbers, tr!("New records with the next number")),
    ];
    let kind = |(kind, name): (Kind, String)| {
        let (plan, checked) = (plan.clone(), plan.kind == kind);
        let onchange = move |_: Event| plan.set(Plan { kind, ..*plan });
        html! {
            <label class="radio"><input type="radio" name="burst-kind" {checked} {onchange} /><span>{ name }</span></label>
        }
    };
    html! {
        <section class="panel experiment" aria-labelledby="burst-heading">
            <h2 id="burst-heading">{ tr!("A burst of edits") }</h2>
            <form aria-label={tr!("A burst of edits")} {onsubmit}>
                <div role="radiogroup" aria-label={tr!("What is done")}>{ for kinds.into_iter().map(kind) }</div>
                <div class="figures">
                    { figure(tr!("How many"), plan.count, MOST, &plan, |plan, count| Plan { count, ..plan }) }
                    { figure(tr!("A second"), plan.per_second, FASTEST, &plan, |plan, per_second| Plan { per_second, ..plan }) }
                </div>
                <p class="answers">
                    <button type="submit" class="primary">{ tr!("Begin the burst") }</button>
                    if view.guests > 0 {
                        <button type="button" onclick={on_remove.reform(|_: MouseEvent| ())}>{ guests_in_words(view.guests) }</button>
                    }
                </p>
            </form>
            { for view.burst.iter().map(outcome) }
            <p class="quiet">
                { tr!("More numbers a second than the threshold allows, and the room goes up a level.") }
                { " " }<a href={Page::Dynamic.hash()}>{ tr!("Watch it, or take a step by hand, on Dynamic.") }</a>
            </p>
        </section>
    }
}

fn figure(label: String, value: u32, most: u32, plan: &UseStateHandle<Plan>, with: fn(Plan, u32) -> Plan) -> Html {
    let plan = plan.clone();
    let oninput = move |event: InputEvent| {
        let typed = event.target_unchecked_into::<HtmlInputElement>().value();
        plan.set(with(*plan, typed.parse().unwrap_or(1).clamp(1, most)));
    };
    html! {
        <label class="figure">
            <span class="name">{ label.clone() }</span>
            <input type="number" aria-label={label} min="1" max={most.to_string()} value={value.to_string()} {oninput} />
        </label>
    }
}

fn outcome(burst: &BurstView) -> Html {
    let figures = burst.figures.iter().map(|(name, value)| html! { <div><dt>{ name }</dt><dd>{ value }</dd></div> });
    html! {
        <>
            <progress aria-label={tr!("Done so far")} max="100" value={burst.percent.to_string()}>{ burst.percent }{ " %" }</progress>
            <dl class="outcome" aria-label={tr!("What came of the burst")}>{ for figures }</dl>
        </>
    }
}
