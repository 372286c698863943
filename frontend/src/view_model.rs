//! From the replica's state to what the components show: pure, and all the wording of states and events.

mod number;
mod person;
mod relays;
mod status;
mod story;

pub use number::{InvalidNumber, Number, NumberState, parse_number, parse_wish};
pub use person::{Choice, Glow, Name, Person, new_tags};
pub use relays::{RelayItem, TabItem};
pub use status::{StatusLine, Tone};
pub use story::{Notice, PutBack, StoryItem};

use std::rc::Rc;

use shared::crdt::FieldEdit;
use shared::id::ReplicaId;
use shared::schema::{Schema, SchemaViolation};

use crate::browser;
use crate::engine::Standing;
use crate::engine::session::Session;

/// The local time of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    pub minutes_ahead_of_utc: i64,
}

impl LocalTime {
    #[must_use]
    pub fn here() -> Self {
        LocalTime { minutes_ahead_of_utc: browser::minutes_ahead_of_utc() }
    }

    /// Hours and minutes, as on a clock.
    #[must_use]
    pub fn clock(self, at_ms: u64) -> String {
        const MINUTES_PER_DAY: i64 = 24 * 60;
        let minutes = i64::try_from(at_ms / 60_000).unwrap_or(0) + self.minutes_ahead_of_utc;
        let of_day = minutes.rem_euclid(MINUTES_PER_DAY);
        format!("{:02}:{:02}", of_day / 60, of_day % 60)
    }
}

/// Everything that the page shows, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub status: StatusLine,
    pub offline: bool,
    /// Whether the first load is still under way, so that an empty table means nothing yet.
    pub loading: bool,
    /// Whether closing the page would lose something.
    pub at_risk: bool,
    pub people: Rc<Vec<Rc<Person>>>,
    pub relays: Rc<Vec<RelayItem>>,
    pub highest: u64,
    pub story: Rc<Vec<StoryItem>>,
    pub notices: Rc<Vec<Notice>>,
}

impl Snapshot {
    /// `last` lends what has not changed, so that components can tell by a glance at the pointers.
    #[must_use]
    pub fn of(session: &Session, standing: &Standing, time: LocalTime, last: Option<&Snapshot>) -> Self {
        let view = session.view();
        let me = view.me();
        Snapshot {
            status: StatusLine::of(session, standing),
            offline: *standing == Standing::Offline,
            loading: !session.has_caught_up() && *standing != Standing::Offline,
            at_risk: view.unsaved_edits() > 0 || view.pending_wishes() > 0,
            people: person::people(session, time, last.map(|last| &last.people)),
            relays: kept(relays::relays(session, standing), last.map(|last| &last.relays)),
            highest: view.ledger().highest(),
            story: kept(story::story(session.feed(), me, time), last.map(|last| &last.story)),
            notices: kept(story::notices(session), last.map(|last| &last.notices)),
        }
    }
}

/// `next`, under the old pointer if it says the same.
fn kept<T: PartialEq>(next: T, last: Option<&Rc<T>>) -> Rc<T> {
    match last {
        Some(last) if **last == next => Rc::clone(last),
        _ => Rc::new(next),
    }
}

/// Who did it, as the subject of a sentence.
fn who(replica: Option<ReplicaId>, me: ReplicaId) -> String {
    match replica {
        Some(replica) if replica == me => "this tab".to_owned(),
        Some(replica) => format!("tab {replica}"),
        None => "somebody".to_owned(),
    }
}

/// `1 edit`, `2 edits`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Whether a person may be edited so.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn check_edit(field: &str, edit: &FieldEdit) -> Result<(), String> {
    Schema::people().check_edit(field, edit).map_err(|violation| problem(&violation))
}

/// What is wrong with a value, as a sentence.
fn problem(violation: &SchemaViolation) -> String {
    match violation {
        SchemaViolation::Missing { field } => format!("A person needs a {field}."),
        other => format!("{}.", capitalised(&other.to_string())),
    }
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
