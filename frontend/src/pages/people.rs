//! The people: the table in the middle, and beside it why one can trust it.

use std::rc::Rc;

use yew::prelude::*;

use crate::components::highest::Highest;
use crate::components::people_table::PeopleTable;
use crate::components::person_form::PersonForm;
use crate::components::relay_list::RelayList;
use crate::components::story_list::StoryList;
use crate::components::text_input::TextInput;
use crate::hooks::use_action;
use crate::view_model::{Person, Snapshot};

pub const SEARCH_ID: &str = "search";
pub const NEW_PERSON_ID: &str = "new-person";

#[derive(Properties, PartialEq)]
pub struct Props {
    pub room: String,
    pub snapshot: Rc<Snapshot>,
}

#[component]
pub fn PeoplePage(Props { room, snapshot }: &Props) -> Html {
    let on_action = use_action();
    let search = use_state(String::new);
    let found = use_memo((snapshot.people.clone(), (*search).clone()), |(people, search)| found(people, search));
    let on_search = {
        let search = search.clone();
        use_callback((), move |text, ()| search.set(text))
    };
    html! {
        <div class="page">
            <section class="people" id="people" aria-labelledby="people-heading">
                <div class="page-head">
                    <div>
                        <h1 id="people-heading">{ "People" }</h1>
                        <p class="quiet">{ "Room " }<strong>{ room }</strong>{ " · " }{ count(found.len(), snapshot.people.len()) }</p>
                    </div>
                    <TextInput id={SEARCH_ID} class="search" label="Search" kind="search" placeholder="Search  /"
                        value={(*search).clone()} on_input={on_search} />
                </div>
                <PersonForm first_id={NEW_PERSON_ID} on_action={on_action.clone()} />
                if found.is_empty() {
                    { nobody(snapshot, &search) }
                } else {
                    <PeopleTable people={(*found).clone()} on_action={on_action.clone()} />
                }
            </section>
            <aside class="side" aria-label="How things stand">
                <RelayList relays={snapshot.relays.clone()} offline={snapshot.offline} />
                <Highest highest={snapshot.highest} {on_action} />
                <StoryList story={snapshot.story.clone()} />
            </aside>
        </div>
    }
}

fn found(people: &Rc<Vec<Rc<Person>>>, search: &str) -> Rc<Vec<Rc<Person>>> {
    let needle = search.trim().to_lowercase();
    if needle.is_empty() {
        return Rc::clone(people);
    }
    Rc::new(people.iter().filter(|person| person.matches(&needle)).cloned().collect())
}

fn count(found: usize, all: usize) -> String {
    match (found, all) {
        (_, 0) => "nobody yet".to_owned(),
        (1, 1) => "1 person".to_owned(),
        (found, all) if found == all => format!("{all} people"),
        (found, all) => format!("{found} of {all} people"),
    }
}

/// In place of an empty table.
fn nobody(snapshot: &Snapshot, search: &str) -> Html {
    if !snapshot.people.is_empty() {
        return html! { <p class="empty">{ format!("Nobody matches “{}”.", search.trim()) }</p> };
    }
    if snapshot.loading {
        return html! {
            <div class="empty" aria-busy="true">
                <p><strong>{ "Waiting for a relay" }</strong></p>
                <p>{ "The people of this room appear as soon as a relay answers. You can add people already: they are kept here and sent then." }</p>
            </div>
        };
    }
    html! {
        <div class="empty">
            <p><strong>{ "Nobody is here yet" }</strong></p>
            <p>{ "Add the first person above. Then open this page in a second tab and watch both stay the same." }</p>
        </div>
    }
}
