//! A text of a record, or several that were given at the same time.

use client::types::FieldEdit;
use yew::prelude::*;

use super::choices;
use super::drafts::Typed;
use super::editable_text::EditableText;
use super::field_cell::CellPlace;
use crate::tr;
use crate::view_model::Text;

pub(super) fn show(place: &CellPlace<'_>, text: &Text, button_label: String) -> Html {
    let CellPlace { layout, field, called, on_edit, .. } = place;
    html! {
        <>
            <EditableText value={text.shown.clone()} placeholder={tr!("Add {one}", one = field.one())} {button_label}
                input_label={tr!("New {field} for {name}", field = field.word(), name = called)} multiline={layout.is_multiline(field)}
                draft_of={place.draft_of()} on_save={saving(place, text)} />
            if !text.choices.is_empty() {
                { choices::show(&field.several(), &text.choices, &on_edit.reform(FieldEdit::Assign)) }
            }
        </>
    }
}

/// Saves what was typed, unless it is the value already. A field that is saved as it was opened stands for the value, of
/// which it may show the spaces around it and the ends of lines otherwise.
fn saving(place: &CellPlace<'_>, text: &Text) -> Callback<Typed, Result<(), String>> {
    let (layout, field, on_typed) = (place.layout.clone(), place.field.clone(), place.on_typed.clone());
    let (shown, current) = (text.shown.clone(), text.settled().map(str::to_owned));
    Callback::from(move |(typed, seen): Typed| {
        let value = if typed == in_a_field(&shown) { shown.as_str() } else { typed.trim() };
        let edit = FieldEdit::Assign(value.to_owned());
        layout.check(&field.name, &edit)?;
        if current.as_deref() != Some(value) {
            on_typed.emit((edit, seen));
        }
        Ok(())
    })
}

/// A text as a field has it: each line ends with a line feed.
fn in_a_field(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
