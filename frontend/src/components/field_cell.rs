//! A field of a record, by its kind.

use std::rc::Rc;

use client::session::Action;
use client::types::{FieldEdit, Live, RecordId};
use yew::prelude::*;

use super::drafts::DraftOf;
use super::{counter_cell, set_cell, text_cell};
use crate::tr;
use crate::view_model::{Cell, Field, Layout, TableRow};

/// A field of one record, to be shown and edited.
pub(super) struct CellPlace<'a> {
    pub layout: &'a Rc<Layout>,
    pub field: &'a Rc<Field>,
    /// What the record is called.
    pub called: &'a str,
    pub on_edit: Callback<FieldEdit>,
    /// The same for what was typed into a field, with the versions that its user saw.
    pub on_typed: Callback<(FieldEdit, Option<Vec<Live>>)>,
    record: RecordId,
}

impl<'a> CellPlace<'a> {
    pub(super) fn of(
        layout: &'a Rc<Layout>,
        field: &'a Rc<Field>,
        row: &'a TableRow,
        on_action: &Callback<Action>,
    ) -> Self {
        let (record, name) = (row.id, field.name.clone());
        let on_typed = on_action.reform(move |(edit, seen)| Action::Edit { record, field: name.clone(), edit, seen });
        let on_edit = on_typed.reform(|edit| (edit, None));
        CellPlace { layout, field, called: &row.called, on_edit, on_typed, record }
    }

    pub(super) fn draft_of(&self) -> Option<DraftOf> {
        Some((self.record, self.field.name.clone()))
    }
}

/// `labelled` says whether the name of the field stands beside it, where there is no heading above.
pub(super) fn show(place: &CellPlace<'_>, cell: &Cell, labelled: bool) -> Html {
    let content = match cell {
        Cell::Text(text) => text_cell::show(
            place,
            text,
            tr!("Edit the {field} of {name}", field = place.field.word(), name = place.called),
        ),
        Cell::Count(count) => counter_cell::show(place, *count),
        Cell::Elements(elements) => set_cell::show(place, elements),
    };
    html! {
        <div key={place.field.name.clone()} class="field" data-field={place.field.name.clone()}>
            if labelled {
                <span class="label" aria-hidden="true">{ place.field.label() }</span>
            }
            { content }
        </div>
    }
}
