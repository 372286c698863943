//! One conflict: both sides, what was decided, and what can be done about it.

use client::session::Action;
use client::types::{ConflictId, Resolution};
use yew::prelude::*;

use super::{focus, number_tag};
use crate::tr;
use crate::view_model::{ConflictItem, ConflictState, NumberState};

pub(crate) fn show(item: &ConflictItem, on_action: &Callback<Action>) -> Html {
    let given = item.given.filter(|_| item.state != ConflictState::Undone);
    let given = given.map(|given| given.to_string()).unwrap_or_default();
    html! {
        <li key={item.id.to_string()} class="conflict" data-conflict={item.id.to_string()}
            data-resolution={item.state.key()} tabindex="-1">
            <div class="sides">
                { side(tr!("Gave"), &item.loser, (NumberState::Provisional, item.wanted.to_string()), &item.origin) }
                if let Some(winner) = &item.winner {
                    { side(tr!("Has it"), winner, (NumberState::Final, item.wanted.to_string()), &item.place) }
                }
                { side(tr!("Instead"), &item.loser, (item.outcome(), given), "") }
            </div>
            <p class="told">{ &item.story }</p>
            { answers(item, on_action) }
        </li>
    }
}

/// Who has, or had, which number, since when or where.
fn side(caption: String, who: &str, (state, digits): (NumberState, String), origin: &str) -> Html {
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
        Some(given) => {
            (tr!("Keep {value}", value = given), tr!("Keep {value} for {name}", value = given, name = loser))
        }
        None => (tr!("Seen"), tr!("The rejection of {number} for {name} was seen", number = item.wanted, name = loser)),
    };
    html! {
        <p class="answers">
            { answer(keep, item.id, Resolution::Kept, on_action) }
            if let (true, Some(given)) = (undoable, given) {
                { answer((tr!("Undo: free {number}", number = given), tr!("Undo: free {number} of {name}", number = given, name = loser)),
                    item.id, Resolution::Undone, on_action) }
            }
        </p>
    }
}

fn seen_to(ConflictItem { state, given, loser, .. }: &ConflictItem) -> String {
    match (state, given) {
        (ConflictState::Undone, Some(given)) => tr!("Undone: number {number} is free again.", number = given),
        (_, Some(given)) => tr!("Kept: {name} has {number}.", name = loser, number = given),
        (_, None) => tr!("Seen."),
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
        Action::Resolve { conflict, resolution }
    });
    html! { <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>{ text }</button> }
}
