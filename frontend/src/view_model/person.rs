//! The rows of the table.

use std::rc::Rc;

use shared::id::{RecordId, ReplicaId};
use shared::replica::{CandidateView, RecordView};
use shared::schema;

use super::{LocalTime, Number, who};
use crate::engine::session::Session;

/// One person, as a row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: RecordId,
    pub name: Field,
    pub note: Field,
    pub number: Number,
    pub glow: Option<Glow>,
}

/// A merge field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The value that stands for the field until somebody chooses.
    pub shown: String,
    /// The values given at the same time; empty where there is but one.
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
        needle.is_empty() || self.number.text.contains(needle) || self.name.matches(needle) || self.note.matches(needle)
    }
}

impl Field {
    fn of(candidates: Option<&Vec<CandidateView>>, me: ReplicaId, time: LocalTime) -> Self {
        let candidates = candidates.map_or(&[][..], Vec::as_slice);
        let shown = candidates.first().map(|first| first.value.clone()).unwrap_or_default();
        let choices = match candidates {
            [] | [_] => Vec::new(),
            several => several.iter().map(|candidate| Choice::of(candidate, me, time)).collect(),
        };
        Field { shown, choices }
    }

    fn matches(&self, needle: &str) -> bool {
        self.shown.to_lowercase().contains(needle)
            || self.choices.iter().any(|choice| choice.value.to_lowercase().contains(needle))
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
        name: Field::of(record.fields.get(schema::NAME), me, time),
        note: Field::of(record.fields.get(schema::NOTE), me, time),
        number: Number::of(session, record.id, record.number),
        glow: mark.map(|mark| Glow { serial: mark.serial, cause: format!("Changed by {}", who(mark.by, me)) }),
    }
}
