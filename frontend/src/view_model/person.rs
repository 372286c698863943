//! The rows of the table.

use std::collections::BTreeSet;
use std::rc::Rc;

use shared::crdt::FieldEdit;
use shared::id::{RecordId, ReplicaId};
use shared::replica::{CandidateView, RecordView};
use shared::schema::{self, MAX_ELEMENTS, SchemaViolation};

use super::{LocalTime, Number, check_edit, problem, who};
use crate::engine::session::Session;

/// One person, as a row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: RecordId,
    pub name: Name,
    pub note: String,
    /// In alphabetical order.
    pub tags: Vec<String>,
    pub number: Number,
    pub glow: Option<Glow>,
}

/// A person's name, of which there may be several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// The one that stands for all until somebody chooses.
    pub shown: String,
    /// The names given at the same time; empty where there is but one.
    pub choices: Vec<Choice>,
}

/// One of several values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    /// Who gave it, and when.
    pub origin: String,
}

/// The latest change by another replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glow {
    /// Another one for each change.
    pub serial: u64,
    pub cause: String,
}

impl Person {
    /// Whether the person meets a search; `needle` is in lower case.
    #[must_use]
    pub fn matches(&self, needle: &str) -> bool {
        let meets = |text: &String| text.to_lowercase().contains(needle);
        self.number.text.contains(needle)
            || meets(&self.name.shown)
            || self.name.choices.iter().any(|choice| meets(&choice.value))
            || meets(&self.note)
            || self.tags.iter().any(meets)
    }
}

impl Name {
    fn of(candidates: &[CandidateView], me: ReplicaId, time: LocalTime) -> Self {
        let shown = candidates.first().map(|first| first.value.clone()).unwrap_or_default();
        let choices = match candidates {
            [] | [_] => Vec::new(),
            several => several.iter().map(|candidate| Choice::of(candidate, me, time)).collect(),
        };
        Name { shown, choices }
    }
}

impl Choice {
    fn of(candidate: &CandidateView, me: ReplicaId, time: LocalTime) -> Self {
        let origin = format!("{}, {}", who(Some(candidate.by), me), time.clock(candidate.at_ms));
        Choice { value: candidate.value.clone(), origin }
    }
}

/// All people by name. Rows that are as they were keep their pointers.
pub(super) fn people(session: &Session, time: LocalTime, last: Option<&Rc<Vec<Rc<Person>>>>) -> Rc<Vec<Rc<Person>>> {
    let mut people: Vec<_> = session.view().records().map(|record| person(session, record, time)).collect();
    people.sort_by_cached_key(|person| (person.name.shown.to_lowercase(), person.id));
    let Some(last) = last else { return Rc::new(people.into_iter().map(Rc::new).collect()) };
    let mut earlier = last.iter().map(|person| (person.id, person)).collect::<std::collections::BTreeMap<_, _>>();
    let next = people.into_iter().map(|person| match earlier.remove(&person.id) {
        Some(same) if **same == person => Rc::clone(same),
        _ => Rc::new(person),
    });
    let next: Vec<_> = next.collect();
    let unchanged = next.len() == last.len() && next.iter().zip(last.iter()).all(|(a, b)| Rc::ptr_eq(a, b));
    if unchanged { Rc::clone(last) } else { Rc::new(next) }
}

fn person(session: &Session, record: RecordView, time: LocalTime) -> Person {
    let me = session.view().me();
    let mark = session.mark(record.id);
    Person {
        id: record.id,
        name: Name::of(record.candidates(schema::NAME), me, time),
        note: record.shown(schema::NOTE).to_owned(),
        tags: record.elements(schema::TAGS).to_vec(),
        number: Number::of(session, record.id, record.number),
        glow: mark.map(|mark| Glow { serial: mark.serial, cause: format!("Changed by {}", who(mark.by, me)) }),
    }
}

/// What somebody typed, as tags that a person with these `tags` does not have yet. Commas separate them.
///
/// # Errors
/// What is wrong with them, as a sentence.
pub fn new_tags(typed: &str, tags: &[String]) -> Result<Vec<String>, String> {
    let mut seen: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
    let wanted = typed.split(',').map(str::trim).filter(|tag| !tag.is_empty() && seen.insert(tag));
    let wanted: Vec<String> = wanted.map(str::to_owned).collect();
    for tag in &wanted {
        check_edit(schema::TAGS, &FieldEdit::Insert(tag.clone()))?;
    }
    if tags.len() + wanted.len() > MAX_ELEMENTS && !wanted.is_empty() {
        return Err(problem(&SchemaViolation::TooManyElements { field: schema::TAGS.to_owned() }));
    }
    Ok(wanted)
}
