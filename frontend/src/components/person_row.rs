//! One person in the table.

use std::rc::Rc;

use shared::crdt::FieldEdit;
use shared::id::RecordId;
use shared::schema;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::choices::Choices;
use super::editable_text::EditableText;
use super::number_cell::NumberCell;
use super::people_table::button_beside;
use super::tags::Tags;
use crate::engine::session::Action;
use crate::view_model::{Name, Person, check_edit};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub person: Rc<Person>,
    pub on_action: Callback<Action>,
}

#[component]
pub fn PersonRow(Props { person, on_action }: &Props) -> Html {
    let record = person.id;
    let name = &person.name.shown;
    let on_remove = on_action.reform(move |event: MouseEvent| {
        keep_focus(&event);
        Action::Remove { record }
    });
    // An animation only starts anew under another name.
    let glow = person.glow.as_ref().map(|glow| if glow.serial % 2 == 0 { "glow-even" } else { "glow-odd" });
    html! {
        <tr role="row" data-record={record.to_string()} class={classes!(glow)}
            title={person.glow.as_ref().map(|glow| glow.cause.clone())}>
            <td role="cell" class="name" data-field={schema::NAME}>
                <EditableText value={name.clone()} button_label={format!("Rename {name}")}
                    input_label={format!("New name for {name}")}
                    on_save={saving(record, schema::NAME, settled(&person.name), on_action)} />
                { choices(record, &person.name, on_action) }
            </td>
            <td role="cell" class="note" data-field={schema::NOTE}>
                <div class="note-and-tags">
                    <EditableText value={person.note.clone()} placeholder="Add a note"
                        button_label={format!("Edit the note of {name}")} input_label={format!("New note for {name}")}
                        on_save={saving(record, schema::NOTE, Some(&person.note), on_action)} />
                    <Tags person={person.clone()} on_action={on_action.clone()} />
                </div>
            </td>
            <td role="cell" class="number-cell" data-field="number" data-state={person.number.state.key()}>
                <NumberCell person={person.clone()} on_action={on_action.clone()} />
            </td>
            <td role="cell" class="remove">
                <button type="button" class="small danger" aria-label={format!("Remove {name}")}
                    title={format!("Remove {name}")} onclick={on_remove}>{ "Remove" }</button>
            </td>
        </tr>
    }
}

/// With the row goes its button: the focus moves on to a neighbour's.
fn keep_focus(event: &MouseEvent) {
    let button = event.target_dyn_into::<HtmlElement>();
    let beside = button.and_then(|button| button_beside(&button, true).or_else(|| button_beside(&button, false)));
    if let Some(beside) = beside {
        let _focused_if_visible = beside.focus();
    }
}

/// The name, unless somebody has to choose one.
fn settled(name: &Name) -> Option<&String> {
    name.choices.is_empty().then_some(&name.shown)
}

/// Saves what was typed, unless it is the `current` value.
fn saving(
    record: RecordId,
    field: &'static str,
    current: Option<&String>,
    on_action: &Callback<Action>,
) -> Callback<String, Result<(), String>> {
    let (current, on_action) = (current.cloned(), on_action.clone());
    Callback::from(move |typed: String| {
        let value = typed.trim();
        let edit = FieldEdit::Assign(value.to_owned());
        check_edit(field, &edit)?;
        if current.as_deref() != Some(value) {
            on_action.emit(Action::Edit { record, field, edit });
        }
        Ok(())
    })
}

fn choices(record: RecordId, name: &Name, on_action: &Callback<Action>) -> Html {
    if name.choices.is_empty() {
        return Html::default();
    }
    let on_choose =
        on_action.reform(move |name| Action::Edit { record, field: schema::NAME, edit: FieldEdit::Assign(name) });
    html! { <Choices what="names" choices={name.choices.clone()} {on_choose} /> }
}
