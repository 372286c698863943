//! A person's tags, each with a button that takes it off, and a field for more.

use std::rc::Rc;

use shared::crdt::FieldEdit;
use shared::schema;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::editable_text::EditableText;
use crate::engine::session::Action;
use crate::view_model::{Person, new_tags};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub person: Rc<Person>,
    pub on_action: Callback<Action>,
}

#[component]
pub fn Tags(Props { person, on_action }: &Props) -> Html {
    let name = &person.name.shown;
    let placeholder = if person.tags.is_empty() { "Add a tag" } else { "+" };
    html! {
        <ul class="tags" role="list" aria-label={format!("Tags of {name}")} data-field={schema::TAGS}>
            { for person.tags.iter().map(|tag| chip(person, tag, on_action)) }
            <li key="+">
                <EditableText value="" {placeholder} button_label={format!("Add a tag to {name}")}
                    input_label={format!("New tag for {name}")} on_save={adding(person, on_action)} />
            </li>
        </ul>
    }
}

fn chip(person: &Person, tag: &str, on_action: &Callback<Action>) -> Html {
    let record = person.id;
    let edit = FieldEdit::Remove(tag.to_owned());
    let onclick = on_action.reform(move |event: MouseEvent| {
        keep_focus(&event);
        Action::Edit { record, field: schema::TAGS, edit: edit.clone() }
    });
    let label = format!("Remove {tag} from {}", person.name.shown);
    // With a comma, it is the key of no other thing in the list.
    html! {
        <li key={format!("{tag},")} class="tag">
            <span>{ tag }</span>
            <button type="button" aria-label={label.clone()} title={label} {onclick}>{ "×" }</button>
        </li>
    }
}

/// With the tag goes its button: the focus moves on to the one after it.
fn keep_focus(event: &MouseEvent) {
    let chip = event.target_dyn_into::<HtmlElement>().and_then(|button| button.closest("li").ok()?);
    let next = chip.and_then(|chip| chip.next_element_sibling()?.query_selector("button, input").ok()?);
    if let Some(next) = next.and_then(|next| next.dyn_into::<HtmlElement>().ok()) {
        let _focused_if_visible = next.focus();
    }
}

/// Adds the tags that were typed.
fn adding(person: &Person, on_action: &Callback<Action>) -> Callback<String, Result<(), String>> {
    let (record, tags, on_action) = (person.id, person.tags.clone(), on_action.clone());
    Callback::from(move |typed: String| {
        for tag in new_tags(&typed, &tags)? {
            on_action.emit(Action::Edit { record, field: schema::TAGS, edit: FieldEdit::Insert(tag) });
        }
        Ok(())
    })
}
