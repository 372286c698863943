//! One conflict: both sides, what was decided, and what can be done about it.

use shared::ledger::{ConflictId, Resolution, Wish};
use yew::prelude::*;

use super::{focus, number_tag};
use crate::engine::session::Action;
use crate::view_model::{ConflictItem, ConflictState, NumberState};

pub(crate) fn show(item: &ConflictItem, on_action: &Callback<Action>) -> Html {
    let given = item.given.filter(|_| item.state != ConflictState::Undone);
    let given = given.map(|given| given.to_string()).unwrap_or_default();
    html! {
        <li key={item.id.to_string()} class="conflict" data-conflict={item.id.to_string()}
            data-resolution={item.state.key()} tabindex="-1">
            <div class="sides">
                { side("Gave", &item.loser, (NumberState::Provisional, item.wanted.to_string()), &item.origin) }
                if let Some(winner) = &item.winner {
                    { side("Has it", winner, (NumberState::Final, item.wanted.to_string()), &item.place) }
                }
                { side("Instead", &item.loser, (item.outcome(), given), "") }
            </div>
            <p class="told">{ &item.story }</p>
            { answers(item, on_action) }
        </li>
    }
}

/// Who has, or had, which number, since when or where.
fn side(caption: &'static str, who: &str, (state, digits): (NumberState, String), origin: &str) -> Html {
    html! {
        <div>
            <span class="caption">{ caption }</span>
            <strong>{ who.to_owned() }</strong>
            { number_tag::show(state, &digits, None) }
            <span class="quiet">{ origin.to_owned() }</span>
        </div>
    }
}

fn answers(item: &ConflictItem, on_action: &Callback<Action>) -> Html {
    let loser = &item.loser;
    let (ConflictState::Open { undoable }, given) = (item.state, item.given) else {
        return html! { <p class="seen-to" role="status">{ seen_to(item) }</p> };
    };
    let keep = match given {
        Some(given) => (format!("Keep {given}"), format!("Keep {given} for {loser}")),
        None => ("Seen".to_owned(), format!("The rejection of {} for {loser} was seen", item.wanted)),
    };
    html! {
        <p class="answers">
            { answer(keep, item.id, Resolution::Kept, on_action) }
            if let (true, Some(given)) = (undoable, given) {
                { answer((format!("Undo: free {given}"), format!("Undo: free {given} of {loser}")),
                    item.id, Resolution::Undone, on_action) }
            }
        </p>
    }
}

fn seen_to(ConflictItem { state, given, loser, .. }: &ConflictItem) -> String {
    match (state, given) {
        (ConflictState::Undone, Some(given)) => format!("Undone: number {given} is free again."),
        (_, Some(given)) => format!("Kept: {loser} has {given}."),
        (_, None) => "Seen.".to_owned(),
    }
}

/// Settles a conflict with one click; `text` is followed by the name of the button.
fn answer(
    (text, label): (String, String),
    conflict: ConflictId,
    resolution: Resolution,
    on_action: &Callback<Action>,
) -> Html {
    let onclick = on_action.reform(move |event: MouseEvent| {
        focus::stay(&event);
        Action::Ask(Wish::Resolve { conflict, resolution })
    });
    html! { <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>{ text }</button> }
}
