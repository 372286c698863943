//! A text of a record, or several that were given at the same time.

use shared::crdt::FieldEdit;
use yew::prelude::*;

use super::choices;
use super::drafts::Typed;
use super::editable_text::EditableText;
use super::field_cell::Place;
use crate::tr;
use crate::view_model::Text;

pub(super) fn show(place: &Place<'_>, text: &Text, button_label: String) -> Html {
    let Place { field, called, on_edit, .. } = place;
    html! {
        <>
            <EditableText value={text.shown.clone()} placeholder={tr!("Add {one}", one = field.one())} {button_label}
                input_label={tr!("New {field} for {name}", field = field.word(), name = called)} multiline={place.is_multiline()}
                draft_of={place.draft_of()} on_save={saving(place, text)} />
            if !text.choices.is_empty() {
                { choices::show(&field.several(), &text.choices, &on_edit.reform(FieldEdit::Assign)) }
            }
        </>
    }
}

/// Saves what was typed, unless it is the value already.
fn saving(place: &Place<'_>, text: &Text) -> Callback<Typed, Result<(), String>> {
    let (layout, field, on_typed) = (place.layout.clone(), place.field.clone(), place.on_typed.clone());
    let current = text.settled().map(str::to_owned);
    Callback::from(move |(typed, seen): Typed| {
        let value = typed.trim();
        let edit = FieldEdit::Assign(value.to_owned());
        layout.check(&field.name, &edit)?;
        if current.as_deref() != Some(value) {
            on_typed.emit((edit, seen));
        }
        Ok(())
    })
}
