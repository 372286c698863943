//! A count, with buttons for one less and one more. Typing a number adds what is missing to it.

use shared::crdt::FieldEdit;
use yew::prelude::*;

use super::editable_text::EditableText;
use super::field_cell::Place;
use crate::view_model::parse_count;

pub(super) fn show(place: &Place<'_>, count: i64) -> Html {
    let Place { field, called, .. } = place;
    let name = &field.name;
    html! {
        <span class="counter" role="group" aria-label={format!("{} of {called}", field.label())}>
            { step(place, -1, "−", format!("Take 1 from the {name} of {called}")) }
            <EditableText value={count.to_string()} button_label={format!("Change the {name} of {called}: {count}")}
                input_label={format!("New {name} for {called}")} inputmode="numeric" on_save={saving(place, count)} />
            { step(place, 1, "+", format!("Add 1 to the {name} of {called}")) }
        </span>
    }
}

fn step(place: &Place<'_>, by: i64, sign: &'static str, label: String) -> Html {
    let onclick = place.on_edit.reform(move |_: MouseEvent| FieldEdit::Add(by));
    html! {
        <button type="button" class="small step" aria-label={label.clone()} title={label} {onclick}>{ sign }</button>
    }
}

fn saving(place: &Place<'_>, count: i64) -> Callback<String, Result<(), String>> {
    let (field, on_edit) = (place.field.clone(), place.on_edit.clone());
    Callback::from(move |typed: String| {
        let missing = parse_count(&field, &typed, count)?;
        if missing != 0 {
            on_edit.emit(FieldEdit::Add(missing));
        }
        Ok(())
    })
}
