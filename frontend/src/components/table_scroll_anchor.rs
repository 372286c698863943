//! Where things are in a table of which only a part is in the document: what is seen, and what has the focus.

use client::types::RecordId;
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement, KeyboardEvent};

use crate::browser;
use crate::view_model::Sight;

/// How much of the window is covered from above, by the status line and the head of the table.
const COVERED: f64 = 84.0;
/// Room that is no row's, in rows: what is covered, and one row to go on from.
const OVERLAP: usize = 3;

/// What somebody looks at while rows come and go: it stays where it is.
pub(super) struct ScrollAnchor {
    /// The first row that can be seen, if the table begins above it, and where it is.
    seen: Option<(String, f64)>,
    focus: Option<Focus>,
}

struct Focus {
    element: HtmlElement,
    /// The record in whose row it is, which of the rows in the document that is, and its column.
    record: Option<String>,
    row: usize,
    column: String,
}

impl ScrollAnchor {
    pub(super) fn take(body: &Element) -> Self {
        let rows = rows(body);
        let is_passed = body.get_bounding_client_rect().top() < COVERED;
        let seen = rows.iter().filter(|_| is_passed).find_map(|row| {
            let place = row.get_bounding_client_rect();
            (place.bottom() > COVERED).then(|| Some((row.get_attribute("data-record")?, place.top())))?
        });
        let active = browser::document().active_element().and_then(|active| active.dyn_into::<HtmlElement>().ok());
        let focus = active.filter(|active| body.contains(Some(active))).and_then(|element| {
            let own = element.closest("tr").ok()??;
            let row = rows.iter().position(|row| **row == own)?;
            let column = column_of(&element)?;
            Some(Focus { element, record: own.get_attribute("data-record"), row, column })
        });
        ScrollAnchor { seen, focus }
    }

    pub(super) fn restore(self, body: &Element) {
        if let Some((record, top)) = self.seen
            && let Some(row) = row(body, &record)
        {
            let moved = row.get_bounding_client_rect().top() - top;
            if moved.abs() >= 1.0 {
                browser::window().scroll_by_with_x_and_y(0.0, moved);
            }
        }
        let is_lost = browser::document().active_element().is_none_or(|active| active.tag_name() == "BODY");
        if let Some(Focus { element, record, row: at, column }) = self.focus.filter(|_| is_lost) {
            let same = || button_in(&row(body, &record?)?, &column);
            let rows = rows(body);
            let beside = || button_in(rows.get(at).or(rows.last())?, &column);
            if let Some(element) = Some(element).filter(|element| element.is_connected()).or_else(same).or_else(beside)
            {
                let options = FocusOptions::new();
                options.set_prevent_scroll(true);
                let _focused_if_visible = element.focus_with_options(&options);
            }
        }
    }
}

/// What can be seen of the table, and how high the rows of its window are, whose room begins `above`. `pinned` is a row
/// outside of it.
pub(super) fn look(body: &Element, pinned: Option<&str>, above: f64) -> Option<(Sight, Vec<f64>)> {
    let mut rows = rows(body);
    rows.retain(|row| pinned.is_none() || row.get_attribute("data-record").as_deref() != pinned);
    let places: Vec<_> = rows.iter().map(|row| row.get_bounding_client_rect()).collect();
    let (first, last) = (places.first()?, places.last()?);
    let mut heights: Vec<f64> = places.windows(2).map(|pair| pair[1].top() - pair[0].top()).collect();
    heights.push(last.height());
    let height = browser::window().inner_height().ok()?.as_f64()?;
    Some((Sight { top: above - first.top(), height }, heights))
}

/// How many rows one goes by a page at a time.
pub(super) fn screenful(row: f64) -> usize {
    let height = browser::window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    ((height / row.max(1.0)) as usize).saturating_sub(OVERLAP).max(1)
}

/// Tells assistive technology which rows these are among all. The first one is the head.
pub(super) fn number(body: &Element, places: &[usize]) {
    for (row, at) in rows(body).iter().zip(places) {
        let number = (at + 2).to_string();
        if row.get_attribute("aria-rowindex").as_deref() != Some(&number) {
            // It has a sound name.
            let _set = row.set_attribute("aria-rowindex", &number);
        }
    }
}

/// The table begins anew: so does its reader.
pub(super) fn back_to_top(body: &Element) {
    let top = body.get_bounding_client_rect().top() - COVERED;
    if top < 0.0 {
        browser::window().scroll_by_with_x_and_y(0.0, top);
    }
}

/// In which row of all something stands, and in which column.
pub(super) fn place_of(target: &Element) -> Option<(usize, String)> {
    let number: usize = target.closest("tr").ok()??.get_attribute("aria-rowindex")?.parse().ok()?;
    Some((number.checked_sub(2)?, column_of(target)?))
}

/// Tab stops at what is in this row alone; from row to row go the arrows.
pub(super) fn keep_one_stop(body: &Element, record: RecordId) {
    let stops = format!("[data-record='{record}'] [tabindex='-1']");
    let others = format!("tr:not([data-record='{record}']) :is(button, input):not([tabindex='-1'])");
    for (controls, index) in [(stops, 0), (others, -1)] {
        for control in all(body, &controls) {
            control.set_tab_index(index);
        }
    }
}

pub(super) fn focus(body: &Element, record: RecordId, column: &str) {
    let button = row(body, &record.to_string()).and_then(|row| button_in(&row, column));
    if let Some(button) = button {
        let _focused_if_visible = button.focus();
    }
}

/// The focus goes to the next button of the row, or to the one before.
pub(super) fn focus_beside(event: &KeyboardEvent, target: &Element, forward: bool) {
    let Some(row) = target.closest("tr").ok().flatten() else { return };
    let buttons = all(&row, "button");
    let own = buttons.iter().position(|button| **button == *target);
    let beside = own.and_then(|own| if forward { own.checked_add(1) } else { own.checked_sub(1) });
    if let Some(button) = beside.and_then(|beside| buttons.get(beside)) {
        event.prevent_default();
        let _focused_if_visible = button.focus();
    }
}

/// The button in the same place of the next row in the document, or of the one before.
pub(super) fn button_beside(target: &Element, down: bool) -> Option<HtmlElement> {
    let row = target.closest("tr").ok()??;
    let beside = if down { row.next_element_sibling() } else { row.previous_element_sibling() }?;
    button_in(&beside, &column_of(target)?)
}

fn button_in(row: &Element, column: &str) -> Option<HtmlElement> {
    row.query_selector(&format!("td.{column} button")).ok()??.dyn_into().ok()
}

/// The first class of the cell, which names its column.
fn column_of(target: &Element) -> Option<String> {
    target.closest("td").ok()??.class_name().split_whitespace().next().map(str::to_owned)
}

fn row(body: &Element, record: &str) -> Option<Element> {
    body.query_selector(&format!("tr[data-record='{record}']")).ok()?
}

fn rows(body: &Element) -> Vec<HtmlElement> {
    all(body, "tr[data-record]")
}

fn all(root: &Element, selector: &str) -> Vec<HtmlElement> {
    let Ok(found) = root.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|at| found.get(at)?.dyn_into().ok()).collect()
}
