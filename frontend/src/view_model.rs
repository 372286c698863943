//! From the replica's state to what the components show: pure, and all the wording of states and events.

mod layout;
mod number;
mod relays;
mod row;
mod status;
mod story;

pub use layout::{Column, Field, Layout, Nouns};
pub use number::{InvalidNumber, Number, NumberState, parse_number, parse_wish};
pub use relays::{RelayItem, TabItem};
pub use row::{Cell, Choice, Glow, Row, Text, parse_count};
pub use status::{StatusLine, Tone};
pub use story::{Notice, PutBack, StoryItem};

use std::rc::Rc;

use shared::id::ReplicaId;

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
    pub layout: Rc<Layout>,
    pub rows: Rc<Vec<Rc<Row>>>,
    pub relays: Rc<Vec<RelayItem>>,
    pub highest: u64,
    pub story: Rc<Vec<StoryItem>>,
    pub notices: Rc<Vec<Notice>>,
    /// Answers to what the user did just now.
    pub toasts: Rc<Vec<Notice>>,
    /// What would be undone, if there is anything.
    pub undo: Option<String>,
}

impl Snapshot {
    /// `last` lends what has not changed, so that components can tell by a glance at the pointers.
    #[must_use]
    pub fn of(session: &Session, standing: &Standing, time: LocalTime, last: Option<&Snapshot>) -> Self {
        let view = session.view();
        let layout = match last {
            Some(last) if last.layout.is_of(view.schema()) => Rc::clone(&last.layout),
            _ => Rc::new(Layout::of(view.schema())),
        };
        Snapshot {
            status: StatusLine::of(session, standing),
            offline: *standing == Standing::Offline,
            loading: !session.has_caught_up() && *standing != Standing::Offline,
            at_risk: view.unsaved_edits() > 0 || view.pending_wishes() > 0,
            rows: row::rows(session, &layout, time, last.map(|last| &last.rows)),
            relays: kept(relays::relays(session, standing), last.map(|last| &last.relays)),
            highest: view.ledger().highest(),
            story: kept(story::story(session, &layout, time), last.map(|last| &last.story)),
            notices: kept(story::notices(session, &layout, false), last.map(|last| &last.notices)),
            toasts: kept(story::notices(session, &layout, true), last.map(|last| &last.toasts)),
            undo: story::undo(session, &layout),
            layout,
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

/// With a capital letter at its beginning.
#[must_use]
pub fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
