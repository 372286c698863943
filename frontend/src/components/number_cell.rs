//! A record's number with its state, and what can be done about it.

use client::session::{Action, NumberOperation};
use client::types::Resolution;
use yew::prelude::*;

use super::drafts::Typed;
use super::editable_text::EditableText;
use super::number_tag;
use crate::tr;
use crate::view_model::{NumberState, OpenConflict, TableRow, parse_number};

/// The draft of a number stands beside those of the fields: no field of a schema is called so.
const NUMBER: &str = "#";

pub fn show(row: &TableRow, on_action: &Callback<Action>) -> Html {
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
                    { act(tr!("Release"), tr!("Release the number of {name}", name = row.called),
                        Action::Free { record: row.id }, on_action) }
                }
            </span>
        </>
    }
}

fn asking(row: &TableRow, on_action: &Callback<Action>) -> Html {
    let (record, name) = (row.id, &row.called);
    let on_save = {
        let on_action = on_action.clone();
        Callback::from(move |(typed, _): Typed| {
            let number = parse_number(&typed).map_err(|invalid| invalid.to_string())?;
            on_action.emit(Action::Number { record, number: NumberOperation::This(number) });
            Ok(())
        })
    };
    html! {
        <>
            <EditableText class="small" value={tr!("Give number")} start="" button_label={tr!("Give {name} a number", name = name)}
                input_label={tr!("Number for {name}", name = name)} inputmode="numeric" draft_of={(record, NUMBER.to_owned())} {on_save} />
            { act(tr!("Next number"), tr!("Next number for {name}", name = name),
                Action::Number { record, number: NumberOperation::Next }, on_action) }
        </>
    }
}

/// Where a removed record is in the way.
fn freeing(row: &TableRow, on_action: &Callback<Action>) -> Html {
    let Some((owner, number)) = row.number.to_free else { return Html::default() };
    act(tr!("Free it"), tr!("Free number {number}", number = number), Action::Free { record: owner }, on_action)
}

/// Where nobody is in the way any more.
fn taking(row: &TableRow, on_action: &Callback<Action>) -> Html {
    let Some(number) = row.number.to_take else { return Html::default() };
    let label = tr!("Take {number} for {name}", number = number, name = row.called);
    act(tr!("Take it"), label, Action::Number { record: row.id, number: NumberOperation::This(number) }, on_action)
}

fn dismissing(row: &TableRow, on_action: &Callback<Action>) -> Html {
    if !row.number.dismissable {
        return Html::default();
    }
    act(
        tr!("Dismiss"),
        tr!("Dismiss the refusal for {name}", name = row.called),
        Action::DismissRefusal { record: row.id },
        on_action,
    )
}

/// Where somebody else has the number that the record had provisionally.
fn resolving(row: &TableRow, on_action: &Callback<Action>) -> Html {
    let Some(OpenConflict { id, given }) = row.number.conflict else { return Html::default() };
    let resolve = |resolution| Action::Resolve { conflict: id, resolution };
    let name = &row.called;
    match given {
        Some(given) => html! {
            <>
                { act(tr!("Keep"), tr!("Keep {value} for {name}", value = given, name = name), resolve(Resolution::Kept), on_action) }
                { act(tr!("Undo"), tr!("Undo: free {number} of {name}", number = given, name = name), resolve(Resolution::Undone), on_action) }
            </>
        },
        None => act(
            tr!("Seen"),
            tr!("The rejection for {name} was seen", name = name),
            resolve(Resolution::Kept),
            on_action,
        ),
    }
}

fn act(text: String, label: String, action: Action, on_action: &Callback<Action>) -> Html {
    let onclick = on_action.reform(move |_: MouseEvent| action.clone());
    html! { <button type="button" class="small" aria-label={label.clone()} title={label} {onclick}>{ text }</button> }
}
