//! One slot of the log.

use std::rc::Rc;

use yew::prelude::*;

use super::vote_ring;
use crate::tr;
use crate::view_model::agreement::{SlotItem, Stage};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub item: Rc<SlotItem>,
}

#[component]
pub fn SlotRow(Props { item }: &Props) -> Html {
    let SlotItem { slot, stage, ballot, leader, kind, command, result, by, at, votes, votes_in_words, .. } = &**item;
    let slot = slot.map(|slot| slot.to_string());
    let chosen = ("chosen", tr!("✓ chosen"));
    let steps = match stage {
        Stage::Asked => vec![("waits", tr!("◔ not proposed yet"))],
        Stage::Proposed => vec![("chosen", tr!("◔ proposed"))],
        Stage::Chosen => vec![chosen, ("waits", tr!("◔ waits for observers"))],
        Stage::Released => vec![chosen, ("released", tr!("● released"))],
    };
    html! {
        <tr role="row" data-slot={slot.clone()} data-kind={kind.key()} data-stage={stage.key()}>
            <th role="rowheader" scope="row" class="code">{ slot.as_deref().unwrap_or("–") }</th>
            <td role="cell" class="code" data-label={tr!("Ballot")} title={leader.clone()}>{ ballot }</td>
            <td role="cell" class="command">
                <span class="said">{ command }</span>
                if let Some(result) = result {
                    <span class="result" data-refused={result.is_refused.to_string()}>
                        <span aria-hidden="true">{ if result.is_refused { "✕ " } else { "→ " } }</span>{ &result.text }
                    </span>
                }
                <span class="quiet asker">
                    if let Some(by) = by {
                        { tr!("by {who}", who = by) }
                    }
                    if let (Some(_), Some(_)) = (by, at) { { " · " } }
                    { at.clone().unwrap_or_default() }
                </span>
            </td>
            <td role="cell" class="vote-cell">
                if !votes.is_empty() { { vote_ring::show(votes, votes_in_words) } }
            </td>
            <td role="cell" class="steps">
                { for steps.into_iter().map(|(class, step)| html! { <span {class}>{ step }</span> }) }
            </td>
        </tr>
    }
}
