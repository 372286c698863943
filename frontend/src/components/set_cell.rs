//! The elements of a set, such as tags, each with a button that takes it out, and a field for more.

use client::types::FieldEdit;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::drafts::Typed;
use super::editable_text::EditableText;
use super::field_cell::CellPlace;
use crate::tr;

pub(super) fn show(place: &CellPlace<'_>, elements: &[String]) -> Html {
    let CellPlace { field, called, .. } = place;
    let placeholder = if elements.is_empty() { tr!("Add {one}", one = field.one()) } else { "+".to_owned() };
    html! {
        <ul class="tags" role="list" aria-label={tr!("{field} of {name}", field = field.label(), name = called)}>
            { for elements.iter().map(|element| chip(place, element)) }
            <li key="+">
                <EditableText value="" {placeholder} button_label={tr!("Add {one} to {name}", one = field.one(), name = called)}
                    input_label={tr!("New {field} for {name}", field = field.element(), name = called)} draft_of={place.draft_of()}
                    on_save={adding(place, elements)} />
            </li>
        </ul>
    }
}

fn chip(place: &CellPlace<'_>, element: &str) -> Html {
    let edit = FieldEdit::Remove(element.to_owned());
    let onclick = place.on_edit.reform(move |event: MouseEvent| {
        keep_focus(&event);
        edit.clone()
    });
    let label = tr!("Remove {element} from {name}", element = element, name = place.called);
    // With a comma, it is the key of no other thing in the list.
    html! {
        <li key={format!("{element},")} class="tag">
            <span>{ element }</span>
            <button type="button" aria-label={label.clone()} title={label} {onclick}>{ "×" }</button>
        </li>
    }
}

/// With the element goes its button: the focus moves on to the one after it.
fn keep_focus(event: &MouseEvent) {
    let chip = event.target_dyn_into::<HtmlElement>().and_then(|button| button.closest("li").ok()?);
    let next = chip.and_then(|chip| chip.next_element_sibling()?.query_selector("button, input").ok()?);
    if let Some(next) = next.and_then(|next| next.dyn_into::<HtmlElement>().ok()) {
        let _focused_if_visible = next.focus();
    }
}

/// Adds the elements that were typed.
fn adding(place: &CellPlace<'_>, elements: &[String]) -> Callback<Typed, Result<(), String>> {
    let (layout, field, on_edit) = (place.layout.clone(), place.field.clone(), place.on_edit.clone());
    let elements = elements.to_vec();
    Callback::from(move |(typed, _): Typed| {
        let new = layout.new_elements(&field, &typed, &elements)?;
        new.into_iter().for_each(|element| on_edit.emit(FieldEdit::Insert(element)));
        Ok(())
    })
}
