//! Texts of several lines in the table and in the form, whatever way they have come in.

#![cfg(target_arch = "wasm32")]

mod rendered;
mod shown;

use std::rc::Rc;

use client::session::{Action, NewRecord};
use frontend::components::record_form::{self, RecordForm};
use frontend::components::record_row::{self, RecordRow};
use frontend::view_model::{Cell, Layout, Number, TableRow, Text};
use shared::base::dot::Dot;
use shared::base::id::{RecordId, ReplicaId};
use shared::schema::{self, FieldEdit, FieldKind, FieldSpec, Schema};
use shown::Shown;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::HtmlInputElement;

wasm_bindgen_test_configure!(run_in_browser);

fn id() -> RecordId {
    RecordId(Dot::new(ReplicaId(0x3f2a << 48), 1))
}

/// A person who is called Anna in sentences.
async fn person(name: &str, note: &str) -> Shown {
    row(&Schema::people(), &[name, note]).await
}

async fn row(schema: &Schema, texts: &[&str]) -> Shown {
    let text = |shown: &&str| Cell::Text(Text { shown: (*shown).to_owned(), choices: Vec::new() });
    let mut cells: Vec<_> = texts.iter().map(text).collect();
    if texts.len() < schema.fields().count() {
        cells.push(Cell::Elements(Vec::new()));
    }
    let (layout, row) =
        (Rc::new(Layout::of(schema)), Rc::new(TableRow::new(id(), "Anna".to_owned(), cells, Number::none(), None)));
    Shown::component::<RecordRow>("tbody", |on_action| record_row::Props { layout, row, on_action }).await
}

fn edit(field: &str, value: &str) -> Action {
    let edit = FieldEdit::Assign(value.to_owned());
    Action::Edit { record: id(), field: field.to_owned(), edit, seen: None }
}

fn value_of(shown: &Shown, label: &str) -> String {
    // A text area has a value in the same way.
    shown.labelled(label).unchecked_into::<HtmlInputElement>().value()
}

#[wasm_bindgen_test]
async fn a_note_of_several_lines_is_edited_as_such() {
    let shown = person("Anna", "first\nsecond").await;
    shown.click("Edit the note of Anna").await;
    assert_eq!(value_of(&shown, "New note for Anna"), "first\nsecond");
    shown.type_and_press("New note for Anna", "first\nsecond\nthird", "Enter").await;
    assert_eq!(*shown.actions.borrow(), [edit(schema::NOTE, "first\nsecond\nthird")]);
}

#[wasm_bindgen_test]
async fn a_name_that_has_several_lines_keeps_them_when_it_is_edited() {
    let shown = person("Anna\nBerger", "").await;
    shown.click("Rename Anna").await;
    assert_eq!(value_of(&shown, "New name for Anna"), "Anna\nBerger");
    shown.type_and_press("New name for Anna", "Anna\nBerger-Roth", "Enter").await;
    assert_eq!(*shown.actions.borrow(), [edit(schema::NAME, "Anna\nBerger-Roth")]);
}

#[wasm_bindgen_test]
async fn a_text_that_is_saved_as_it_was_opened_is_no_edit_whatever_stands_in_it() {
    for text in ["a\nb", "a\r\nb", "a\rb", "\na", " a ", "\ta"] {
        let shown = person(text, text).await;
        shown.click("Rename Anna").await;
        shown.press("New name for Anna", "Enter").await;
        shown.click("Edit the note of Anna").await;
        shown.press("New note for Anna", "Enter").await;
        assert_eq!(*shown.actions.borrow(), [], "{text:?}");
        shown.labelled("Rename Anna");
        shown.labelled("Edit the note of Anna");
    }
}

#[wasm_bindgen_test]
async fn the_fields_of_any_record_keep_their_lines() {
    let field = |name: &str, kind, required| FieldSpec { name: name.to_owned(), kind, required };
    let fields = vec![field("title", FieldKind::Lww, true), field("state", FieldKind::Mv, false)];
    let shown = row(&Schema::new(fields).unwrap(), &["Roof\r\nand wall", "open\r\nnot sent"]).await;
    shown.click("Rename Anna").await;
    shown.press("New title for Anna", "Enter").await;
    shown.click("Edit the state of Anna").await;
    shown.press("New state for Anna", "Enter").await;
    assert_eq!(*shown.actions.borrow(), []);
    shown.click("Rename Anna").await;
    shown.type_and_press("New title for Anna", "Roof\nand walls", "Enter").await;
    assert_eq!(*shown.actions.borrow(), [edit("title", "Roof\nand walls")]);
}

#[wasm_bindgen_test]
async fn the_form_takes_a_note_of_several_lines_and_enter_adds_the_person() {
    let layout = Rc::new(Layout::of(&Schema::people()));
    let form = |on_action| record_form::Props { layout, first_id: "new".into(), on_action };
    let shown = Shown::component::<RecordForm>("div", form).await;
    shown.type_and_press("Name", "Anna", "Tab").await;
    shown.type_and_press("Note", "first\nsecond", "Tab").await;
    assert_eq!(value_of(&shown, "Note"), "first\nsecond");
    assert_eq!(*shown.actions.borrow(), []);
    shown.press("Note", "Enter").await;
    let fields = [(schema::NAME, "Anna"), (schema::NOTE, "first\nsecond")];
    let fields = fields.map(|(field, text)| (field.to_owned(), FieldEdit::Assign(text.to_owned()))).into();
    assert_eq!(*shown.actions.borrow(), [Action::Add(NewRecord { fields, number: None })]);
    assert_eq!(value_of(&shown, "Note"), "");
}
