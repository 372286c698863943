//! One slot of the log.

use std::rc::Rc;

use yew::prelude::*;

use super::vote_ring;
use crate::tr;
use crate::view_model::agreement::SlotItem;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub item: Rc<SlotItem>,
}

#[component]
pub fn SlotRow(Props { item }: &Props) -> Html {
    let SlotItem { slot, ballot, leader, kind, command, result, by, at, votes, votes_in_words, is_released } = &**item;
    html! {
        <tr role="row" data-slot={slot.to_string()} data-kind={kind.key()} data-released={is_released.to_string()}>
            <th role="rowheader" scope="row" class="code">{ slot }</th>
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
            <td role="cell" class="vote-cell">{ vote_ring::show(votes, votes_in_words) }</td>
            <td role="cell" class="steps">
                <span class="chosen">{ tr!("✓ chosen") }</span>
                if *is_released {
                    <span class="released">{ tr!("● released") }</span>
                } else {
                    <span class="waits">{ tr!("◔ waits for witnesses") }</span>
                }
            </td>
        </tr>
    }
}
