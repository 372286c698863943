//! The table of people.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::person_row::PersonRow;
use crate::engine::session::Action;
use crate::view_model::Person;

/// How many rows are shown before one asks for all: more than anybody reads, few enough to be fast.
const FIRST_ROWS: usize = 200;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub people: Rc<Vec<Rc<Person>>>,
    pub on_action: Callback<Action>,
}

#[component]
pub fn PeopleTable(Props { people, on_action }: &Props) -> Html {
    let all = use_state(|| false);
    let shown = if *all { people.len() } else { FIRST_ROWS };
    let rows = people.iter().take(shown).map(|person| {
        html! { <PersonRow key={person.id.to_string()} person={person.clone()} on_action={on_action.clone()} /> }
    });
    let on_all = move |_| all.set(true);
    html! {
        <>
            <table role="table" aria-labelledby="people-heading">
                <thead role="rowgroup">
                    <tr role="row">
                        <th role="columnheader" scope="col" title="A merge field: it never waits">{ "Name" }</th>
                        <th role="columnheader" scope="col" title="Merge fields: they never wait">{ "Note and tags" }</th>
                        <th role="columnheader" scope="col" title="An agree field: the relays decide">{ "Number" }</th>
                        <th role="columnheader" scope="col"><span class="unseen">{ "Remove" }</span></th>
                    </tr>
                </thead>
                <tbody role="rowgroup" onkeydown={move_between_rows}>{ for rows }</tbody>
            </table>
            if people.len() > shown {
                <button type="button" class="more" onclick={on_all}>{ format!("Show all {} people", people.len()) }</button>
            }
        </>
    }
}

/// The arrows go from a row to the same place in the next one.
fn move_between_rows(event: KeyboardEvent) {
    let down = match event.key().as_str() {
        "ArrowDown" => true,
        "ArrowUp" => false,
        _ => return,
    };
    let Some(target) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else { return };
    if target.tag_name() != "BUTTON" {
        return;
    }
    if let Some(button) = button_beside(&target, down) {
        event.prevent_default();
        let _focused_if_visible = button.focus();
    }
}

/// The button in the same place of the next row, or of the one before.
pub(super) fn button_beside(target: &Element, down: bool) -> Option<HtmlElement> {
    let row = target.closest("tr").ok()??;
    let cell = target.closest("td").ok()??;
    let field = cell.class_name();
    let beside = if down { row.next_element_sibling() } else { row.previous_element_sibling() }?;
    let button = beside.query_selector(&format!("td.{} button", field.split_whitespace().next()?)).ok()?;
    button?.dyn_into().ok()
}
