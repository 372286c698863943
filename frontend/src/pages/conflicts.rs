//! The inbox: what did not get what it wanted, with both sides, until somebody has seen to it.

use std::rc::Rc;

use client::session::Action;
use client::types::{FieldEdit, SortedSet};
use yew::prelude::*;

use super::SEARCH_ID;
use crate::browser;
use crate::components::notices::put_back;
use crate::components::text_input::TextInput;
use crate::components::{choices, conflict_card};
use crate::hooks::use_action;
use crate::view_model::{
    Cell, ConflictItem, Field, Notice, PageState, TableRow, Text, conflicts_as_csv, conflicts_as_json, folded,
};
use crate::{tr, trn};

/// How many conflicts are shown before one asks for all.
const FIRST_CONFLICTS: usize = 100;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub page_state: Rc<PageState>,
}

#[component]
pub fn ConflictsPage(Props { page_state }: &Props) -> Html {
    let on_action = use_action();
    let search = use_state(String::new);
    let open_only = use_state(|| true);
    let all = use_state(|| false);
    // What somebody has just seen to stays where it is, so that it can be read what came of it.
    let watched = use_mut_ref(SortedSet::new);
    watched.borrow_mut().extend(page_state.conflicts.iter().filter(|item| item.state.is_open()).map(|item| item.id));
    let found = found(&page_state.conflicts, &search, |item| !*open_only || watched.borrow().contains(&item.id));
    let shown = if *all { found.len() } else { FIRST_CONFLICTS };
    let on_search = {
        let search = search.clone();
        use_callback((), move |text, ()| search.set(text))
    };
    let cards = found.iter().take(shown).map(|item| conflict_card::show(item, &on_action));
    html! {
        <div class="page single">
            <section aria-labelledby="conflicts-heading">
                <div class="page-head">
                    <div>
                        <h1 id="conflicts-heading" tabindex="-1">{ tr!("Conflicts") }</h1>
                        <p class="quiet">{ count(page_state) }</p>
                    </div>
                    <div class="tools">
                        { filter(&open_only, page_state) }
                        { exports(&found) }
                        <TextInput id={SEARCH_ID} class="search" label={tr!("Search")} kind="search" placeholder={tr!("Search  /")}
                            value={(*search).clone()} on_input={on_search} />
                    </div>
                </div>
                if found.is_empty() {
                    { nothing(page_state, &search) }
                } else {
                    <ul class="conflicts" aria-label={tr!("Conflicts")}>{ for cards }</ul>
                }
                if found.len() > shown {
                    <button type="button" class="more" onclick={move |_| all.set(true)}>
                        { trn!(found.len() as u64, "Show all {count} conflict", "Show all {count} conflicts") }
                    </button>
                }
                { side_by_side(page_state, &on_action) }
                { losses(&page_state.losses, &on_action) }
            </section>
        </div>
    }
}

fn found<'a>(
    conflicts: &'a [Rc<ConflictItem>],
    search: &str,
    is_wanted: impl Fn(&ConflictItem) -> bool,
) -> Vec<&'a ConflictItem> {
    let needle = folded(search.trim());
    conflicts.iter().map(Rc::as_ref).filter(|item| is_wanted(item) && item.matches(&needle)).collect()
}

fn count(page_state: &PageState) -> String {
    match (page_state.open_conflicts(), page_state.conflicts.len()) {
        (0, 0) => tr!("None so far"),
        (0, all) => tr!("None is open; {all} in all", all = all),
        (open, all) => tr!("{open} open, {all} in all", open = open, all = all),
    }
}

fn filter(open_only: &UseStateHandle<bool>, page_state: &PageState) -> Html {
    let choice = |wanted: bool, text: String| {
        let (open_only, pressed) = (open_only.clone(), **open_only == wanted);
        html! {
            <button type="button" aria-pressed={pressed.to_string()} onclick={move |_| open_only.set(wanted)}>{ text }</button>
        }
    };
    html! {
        <div class="filter" role="group" aria-label={tr!("Which conflicts")}>
            { choice(true, tr!("Open {open}", open = page_state.open_conflicts())) }
            { choice(false, tr!("All {all}", all = page_state.conflicts.len())) }
        </div>
    }
}

/// What is shown, to be kept as a file.
fn exports(found: &[&ConflictItem]) -> Html {
    let disabled = found.is_empty();
    let save = |name: &'static str, kind: &'static str, text: fn(&[&ConflictItem]) -> String| {
        let items: Vec<_> = found.iter().map(|&item| item.clone()).collect();
        move |_: MouseEvent| browser::download(name, kind, &text(&items.iter().collect::<Vec<_>>()))
    };
    html! {
        <>
            <button type="button" {disabled} aria-label={tr!("Save as CSV")} title={tr!("Save what is shown as CSV")}
                onclick={save("conflicts.csv", "text/csv", conflicts_as_csv)}>{ "CSV" }</button>
            <button type="button" {disabled} aria-label={tr!("Save as JSON")} title={tr!("Save what is shown as JSON")}
                onclick={save("conflicts.json", "application/json", conflicts_as_json)}>{ "JSON" }</button>
        </>
    }
}

/// In place of an empty list.
fn nothing(page_state: &PageState, search: &str) -> Html {
    let (title, text) = if !search.trim().is_empty() {
        (
            tr!("No conflict matches “{search}”", search = search.trim()),
            tr!("Look among all, or search for something else."),
        )
    } else if page_state.conflicts.is_empty() {
        let text = tr!(
            "When a tab is offline, or very much is going on, numbers are given without asking. If two give the same \
             one, the first keeps it, and the other is told here what it got in its place. Try it: take two tabs \
             offline, give the same number in both, and come back."
        );
        (tr!("Nobody got in another's way"), text)
    } else {
        (tr!("Nothing is open"), tr!("Somebody has seen to every conflict. They stand under All."))
    };
    html! { <div class="empty"><p><strong>{ title }</strong></p><p>{ text }</p></div> }
}

/// Fields of which several values were given at the same time.
fn side_by_side(page_state: &PageState, on_action: &Callback<Action>) -> Html {
    let layout = &page_state.layout;
    let fields: Vec<_> = layout.title.iter().chain(layout.columns.iter().flat_map(|column| &column.fields)).collect();
    let waiting = page_state.rows.iter().flat_map(|row| fields.iter().filter_map(|field| several(row, field)));
    let items: Vec<_> = waiting.map(|(row, field, text)| values(row, field, text, on_action)).collect();
    if items.is_empty() {
        return Html::default();
    }
    html! {
        <section class="panel aside">
            <h2>{ tr!("Waiting for somebody to choose") }</h2>
            <p class="quiet">{ tr!("Given at the same time: each is kept until one of them is chosen.") }</p>
            <ul class="conflicts">{ for items }</ul>
        </section>
    }
}

fn several<'a>(row: &'a TableRow, field: &'a Field) -> Option<(&'a TableRow, &'a Field, &'a Text)> {
    match row.cell(field) {
        Some(Cell::Text(text)) if !text.choices.is_empty() => Some((row, field, text)),
        _ => None,
    }
}

fn values(row: &TableRow, field: &Field, text: &Text, on_action: &Callback<Action>) -> Html {
    let (record, name) = (row.id, field.name.clone());
    let on_choose = on_action.reform(move |value| {
        let edit = FieldEdit::Assign(value);
        Action::Edit { record, field: name.clone(), edit, seen: None }
    });
    html! {
        <li key={format!("{record} {}", field.name)} class="conflict">
            <strong>{ &row.called }</strong>
            { choices::show(&field.several(), &text.choices, &on_choose) }
        </li>
    }
}

/// Writes of this session that gave way to others.
fn losses(losses: &[Notice], on_action: &Callback<Action>) -> Html {
    if losses.is_empty() {
        return Html::default();
    }
    let items = losses.iter().map(|loss| {
        html! {
            <li key={loss.serial} class="conflict">
                <p class="told">{ &loss.text }</p>
                <p class="answers">{ for loss.put_back.iter().map(|lost| put_back(loss.serial, lost, on_action)) }</p>
            </li>
        }
    });
    html! {
        <section class="panel aside">
            <h2>{ tr!("Writes that lost") }</h2>
            <p class="quiet">{ tr!("Of two texts written at the same time, the later stands. Since this tab was opened:") }</p>
            <ul class="conflicts">{ for items }</ul>
        </section>
    }
}
