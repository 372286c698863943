//! The page *Agreement*: the log as it grows.

use std::rc::Rc;

use yew::prelude::*;

use crate::components::slot_row::SlotRow;
use crate::components::{filter_bar, glossary};
use crate::hooks::{use_every_change, use_model, use_watching};
use crate::page::Page;
use crate::view_model::Term;
use crate::view_model::agreement::{AgreementView, Kind, SlotItem};
use crate::{tr, trn};

/// How many slots are shown before one asks for all that are kept.
const FIRST_SLOTS: usize = 60;

#[component]
pub fn AgreementPage() -> Html {
    let model = use_model();
    use_watching();
    use_every_change();
    let kind = use_state(|| 0_usize);
    let all = use_state(|| false);
    let view = model.agreement_view();
    let on_kind = {
        let kind = kind.clone();
        Callback::from(move |chosen| kind.set(chosen))
    };
    let on_all = {
        let all = all.clone();
        move |_| all.set(true)
    };
    let wanted = kind.checked_sub(1).map(|at| Kind::ALL[at]);
    let slots: Vec<&SlotItem> = view.slots.iter().filter(|item| wanted.is_none_or(|kind| item.kind == kind)).collect();
    let shown = if *all { slots.len() } else { slots.len().min(FIRST_SLOTS) };
    let words = std::iter::once(tr!("All")).chain(Kind::ALL.map(Kind::word)).collect();
    html! {
        <div class="page agreement">
            <section aria-labelledby={Page::Agreement.heading_id()}>
                <div class="page-head">
                    <div>
                        <h1 id={Page::Agreement.heading_id()} tabindex="-1">{ tr!("Agreement") }</h1>
                        <p class="quiet">{ tr!("The log: what the relays decide, one slot after the other, the same everywhere.") }</p>
                    </div>
                </div>
                { figures(&view) }
                if let Some(missing) = &view.missing {
                    <p class="notice waits" role="status">{ missing }</p>
                }
                { filter_bar::show(words, *kind, &on_kind) }
                { table(&slots[..shown]) }
                if slots.is_empty() {
                    <p class="empty">{ tr!("Nothing of this kind is decided yet. Give somebody a number on the first page, and watch.") }</p>
                }
                if slots.len() > shown {
                    <button type="button" class="more" onclick={on_all}>
                        { trn!((slots.len() - shown) as u64, "Show {count} slot more", "Show {count} slots more") }
                    </button>
                }
                { glossary::list(Term::OF_AGREEMENT) }
            </section>
        </div>
    }
}

fn figures(view: &AgreementView) -> Html {
    let AgreementView { highest, chosen, released, ballot, leader, in_flight, .. } = view;
    let figure = |term: Term, value: String, remark: String| {
        html! {
            <div id={format!("figure-{}", term.key())}>
                <dt>{ glossary::term(term) }</dt>
                <dd><strong>{ value }</strong><span class="quiet">{ remark }</span></dd>
            </div>
        }
    };
    let under_way = match in_flight {
        0 => tr!("nothing under way"),
        count => trn!(*count, "{count} under way", "{count} under way"),
    };
    let waiting = chosen.saturating_sub(*released);
    let waits = match waiting {
        0 => tr!("all that is chosen"),
        count => trn!(count, "{count} waits for observers", "{count} wait for observers"),
    };
    html! {
        <dl class="figures">
            { figure(Term::HighestNumber, highest.to_string(), String::new()) }
            { figure(Term::Ballot, ballot.clone().unwrap_or_else(|| "–".to_owned()),
                leader.as_ref().map_or_else(|| tr!("nobody leads"), |leader| tr!("{relay} leads", relay = leader))) }
            { figure(Term::Chosen, chosen.to_string(), under_way) }
            { figure(Term::Released, released.to_string(), waits) }
        </dl>
    }
}

fn table(slots: &[&SlotItem]) -> Html {
    html! {
        <table role="table" class="facts log" aria-labelledby={Page::Agreement.heading_id()}>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">{ glossary::term(Term::Slot) }</th>
                    <th role="columnheader" scope="col">{ glossary::term(Term::Ballot) }</th>
                    <th role="columnheader" scope="col">{ tr!("Command") }</th>
                    <th role="columnheader" scope="col">{ glossary::term(Term::Vote) }</th>
                    <th role="columnheader" scope="col">{ tr!("State") }</th>
                </tr>
            </thead>
            <tbody role="rowgroup">
                { for slots.iter().map(|item| html! { <SlotRow key={item.key.clone()} item={Rc::new((*item).clone())} /> }) }
            </tbody>
        </table>
    }
}
