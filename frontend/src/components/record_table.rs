//! The table of records.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::record_row::RecordRow;
use crate::engine::session::Action;
use crate::view_model::{Column, Layout, Row, capitalised};
use crate::{tr, trn};

/// How many rows are shown before one asks for all: more than anybody reads, few enough to be fast.
const FIRST_ROWS: usize = 200;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub layout: Rc<Layout>,
    pub rows: Rc<Vec<Rc<Row>>>,
    pub on_action: Callback<Action>,
}

#[component]
pub fn RecordTable(Props { layout, rows, on_action }: &Props) -> Html {
    let all = use_state(|| false);
    let shown = if *all { rows.len() } else { FIRST_ROWS };
    let each = rows.iter().take(shown).map(|row| {
        html! {
            <RecordRow key={row.id.to_string()} layout={layout.clone()} row={row.clone()} on_action={on_action.clone()} />
        }
    });
    let on_all = move |_| all.set(true);
    html! {
        <>
            <table role="table" aria-labelledby="people-heading" class={classes!(layout.is_wide().then_some("wide"))}>
                { head(layout) }
                <tbody role="rowgroup" onkeydown={move_between_rows}>{ for each }</tbody>
            </table>
            if rows.len() > shown {
                <button type="button" class="more" onclick={on_all}>
                    { trn!(rows.len() as u64, "Show all {count} {many}", "Show all {count} {many}", many = layout.nouns.many) }
                </button>
            }
        </>
    }
}

fn head(layout: &Layout) -> Html {
    let title = layout.title.as_ref().map_or_else(|| capitalised(&layout.nouns.one), |title| title.label());
    html! {
        <thead role="rowgroup">
            <tr role="row">
                <th role="columnheader" scope="col" class="title" title={tr!("A merge field: it never waits")}>{ title }</th>
                { for layout.columns.iter().map(heading) }
                <th role="columnheader" scope="col" class="number-head" title={tr!("An agree field: the relays decide")}>{ tr!("Number") }</th>
                <th role="columnheader" scope="col" class="remove"><span class="unseen">{ tr!("Remove") }</span></th>
            </tr>
        </thead>
    }
}

fn heading(column: &Column) -> Html {
    let hint = match column.fields.len() {
        1 => tr!("A merge field: it never waits"),
        _ => tr!("Merge fields: they never wait"),
    };
    html! { <th role="columnheader" scope="col" title={hint}>{ &column.heading }</th> }
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
