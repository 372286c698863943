//! A count, with buttons for one less and one more. Typing a number adds what is missing to it.

use client::types::FieldEdit;
use yew::prelude::*;

use super::drafts::Typed;
use super::editable_text::EditableText;
use super::field_cell::CellPlace;
use crate::tr;
use crate::view_model::parse_count;

pub(super) fn show(place: &CellPlace<'_>, count: i64) -> Html {
    let CellPlace { field, called, .. } = place;
    let name = field.word();
    html! {
        <span class="counter" role="group" aria-label={tr!("{field} of {name}", field = field.label(), name = called)}>
            { step(place, -1, "−", tr!("Take 1 from the {field} of {name}", field = name, name = called)) }
            <EditableText value={count.to_string()} button_label={tr!("Change the {field} of {name}: {value}", field = name, name = called, value = count)}
                input_label={tr!("New {field} for {name}", field = name, name = called)} inputmode="numeric" draft_of={place.draft_of()} on_save={saving(place, count)} />
            { step(place, 1, "+", tr!("Add 1 to the {field} of {name}", field = name, name = called)) }
        </span>
    }
}

fn step(place: &CellPlace<'_>, by: i64, sign: &'static str, label: String) -> Html {
    let onclick = place.on_edit.reform(move |_: MouseEvent| FieldEdit::Add(by));
    html! {
        <button type="button" class="small step" aria-label={label.clone()} title={label} {onclick}>{ sign }</button>
    }
}

fn saving(place: &CellPlace<'_>, count: i64) -> Callback<Typed, Result<(), String>> {
    let (field, on_edit) = (place.field.clone(), place.on_edit.clone());
    Callback::from(move |(typed, _): Typed| {
        let missing = parse_count(&field, &typed, count)?;
        if missing != 0 {
            on_edit.emit(FieldEdit::Add(missing));
        }
        Ok(())
    })
}
