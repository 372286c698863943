//! A record's number with its state, and what can be done about it.

use shared::ledger::{Resolution, Wish};
use yew::prelude::*;

use super::editable_text::EditableText;
use super::number_tag;
use crate::engine::session::{Action, NumberWish};
use crate::view_model::{NumberState, OpenConflict, Row, parse_number};

pub fn show(row: &Row, on_action: &Callback<Action>) -> Html {
    let number = &row.number;
    let state = number.state;
    let asks = matches!(state, NumberState::None | NumberState::Rejected);
    html! {
        <>
            if state != NumberState::None {
                { number_tag::show(state, &number.text, number.proof.as_deref()) }
            }
            if let Some(remark) = &number.remark {
                <span class="remark" role="status">{ remark }</span>
            }
            <span class="actions">
                if asks { { asking(row, on_action) } }
                { freeing(row, on_action) }
                { taking(row, on_action) }
                { dismissing(row, on_action) }
                { resolving(row, on_action) }
                if number.releasable {
                    { act("Release", format!("Release the number of {}", row.called),
                        Action::Free { record: row.id }, on_action) }
                }
            </span>
        </>
    }
}

fn asking(row: &Row, on_action: &Callback<Action>) -> Html {
    let (record, name) = (row.id, &row.called);
    let on_save = {
        let on_action = on_action.clone();
        Callback::from(move |typed: String| {
            let number = parse_number(&typed).map_err(|invalid| invalid.to_string())?;
            on_action.emit(Action::Number { record, number: NumberWish::This(number) });
            Ok(())
        })
    };
    html! {
        <>
            <EditableText class="small" value="Give number" start="" button_label={format!("Give {name} a number")}
                input_label={format!("Number for {name}")} inputmode="numeric" {on_save} />
            { act("Next number", format!("Next number for {name}"),
                Action::Number { record, number: NumberWish::Next }, on_action) }
        </>
    }
}

/// Where a removed record is in the way.
fn freeing(row: &Row, on_action: &Callback<Action>) -> Html {
    let Some((owner, number)) = row.number.to_free else { return Html::default() };
    act("Free it", format!("Free number {number}"), Action::Free { record: owner }, on_action)
}

/// Where nobody is in the way any more.
fn taking(row: &Row, on_action: &Callback<Action>) -> Html {
    let Some(number) = row.number.to_take else { return Html::default() };
    let label = format!("Take {number} for {}", row.called);
    act("Take it", label, Action::Number { record: row.id, number: NumberWish::This(number) }, on_action)
}

fn dismissing(row: &Row, on_action: &Callback<Action>) -> Html {
    if !row.number.dismissable {
        return Html::default();
    }
    act(
        "Dismiss",
        format!("Dismiss the refusal for {}", row.called),
        Action::DismissRefusal { record: row.id },
        on_action,
    )
}

/// Where somebody else has the number that the record had provisionally.
fn resolving(row: &Row, on_action: &Callback<Action>) -> Html {
    let Some(OpenConflict { id, given }) = row.number.conflict else { return Html::default() };
    let resolve = |resolution| Action::Ask(Wish::Resolve { conflict: id, resolution });
    let name = &row.called;
    match given {
        Some(given) => html! {
            <>
                { act("Keep", format!("Keep {given} for {name}"), resolve(Resolution::Kept), on_action) }
                { act("Undo", format!("Undo: free {given} of {name}"), resolve(Resolution::Undone), on_action) }
            </>
        },
        None => act("Seen", format!("The rejection for {name} was seen"), resolve(Resolution::Kept), on_action),
    }
}

fn act(text: &'static str, label: String, action: Action, on_action: &Callback<Action>) -> Html {
    let onclick = on_action.reform(move |_: MouseEvent| action.clone());
    html! { <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>{ text }</button> }
}
