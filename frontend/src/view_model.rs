//! From the replica's state to what the components show: pure, and all the wording of states and events.

pub mod agreement;
mod conflicts;
mod contested;
mod dynamic;
mod errors;
mod import;
mod import_error;
mod lab;
mod layout;
mod listing;
mod load_chart;
pub mod merges;
pub mod nodes;
mod number;
mod projection;
mod relays;
mod row;
mod rows;
pub mod settings;
mod status;
mod story;
mod terms;
pub mod tour;
mod window;

pub use conflicts::{ConflictItem, ConflictState, conflicts_as_csv, conflicts_as_json};
pub use dynamic::{DynamicView, LeaseItem, level_key, level_meaning, level_name, mode_in_words};
pub use errors::{command_rejection, number_refusal, schema_violation, violation_in_words};
pub use import::{ImportView, ProblemItem, left_out};
pub use import_error::{file_error, line_error, report_as_csv};
pub use lab::{BurstView, LabView, guest_name, guests_in_words, impairment_in_words, writer_names, writers_story};
pub use layout::{Column, Field, Layout, Nouns, bad_list, field_word};
pub use listing::{Listing, Order, SortKey};
pub use load_chart::{Band, LoadChart, Reading, SHOWN_SECONDS, figure};
pub use number::{InvalidNumber, Number, NumberState, OpenConflict, next_word, parse_number, parse_operation};
pub use projection::Projection;
pub use relays::{RelayItem, TabItem};
pub use row::{Cell, Choice, Glow, TableRow, Text, parse_count};
pub use settings::SettingsDraft;
pub use status::{StatusLine, Tone};
pub use story::{Notice, PutBack, StoryItem};
pub use terms::Term;
pub use window::{Sight, Window};

use std::rc::Rc;
use std::sync::Arc;

use client::author::Author;
use client::connection::ConnectionState;
use client::load_history::LoadHistory;
use client::name::Name;
use client::session::{Safety, Session};
use client::storage_error::StorageError;
use client::types::{RelayId, ReplicaId, text};

use conflicts::Conflicts;
use rows::{Rows, Scene};

use crate::browser;
use crate::language::{self, Language};
use crate::tr;

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
pub struct PageState {
    /// The language of all that it says.
    pub language: Language,
    pub status: StatusLine,
    pub offline: bool,
    /// Whether the relay serves a newer version of the page.
    pub outdated: bool,
    /// The source that an empty table waits for.
    pub loading: Loading,
    /// Whether closing the page would lose something.
    pub at_risk: bool,
    pub layout: Rc<Layout>,
    pub rows: Rc<Vec<Rc<TableRow>>>,
    pub relays: Rc<Vec<RelayItem>>,
    /// The relay that this tab is connected to, with its address.
    pub connected_to: Option<String>,
    pub highest: u64,
    pub dynamic: Rc<DynamicView>,
    pub load: Arc<LoadHistory>,
    /// The latest first.
    pub conflicts: Rc<Vec<Rc<ConflictItem>>>,
    /// Writes that were lost, and can be put back.
    pub losses: Rc<Vec<Notice>>,
    pub story: Rc<Vec<Rc<StoryItem>>>,
    pub notices: Rc<Vec<Notice>>,
    /// Answers to what the user did just now.
    pub toasts: Rc<Vec<Notice>>,
    /// What would be undone, if there is anything.
    pub undo: Option<String>,
}

impl PageState {
    /// Made from nothing. `last` lends what has not changed, so that components can tell by a glance at the pointers; a
    /// [`Projection`] does that for the rows, too.
    #[must_use]
    pub fn of(session: &Session, connection: &ConnectionState, time: LocalTime, last: Option<&PageState>) -> Self {
        let view = session.view();
        let language = language::current();
        let last = last.filter(|last| last.language == language);
        let layout = match last {
            Some(last) if last.layout.is_of(view.schema()) => Rc::clone(&last.layout),
            _ => Rc::new(Layout::of(view.schema())),
        };
        let scene = Scene { session, layout: &layout, time };
        let (rows, conflicts) = (Rows::all(scene), Conflicts::all(scene));
        Self::with(session, connection, time, &layout, (&rows, &conflicts), last)
    }

    fn with(
        session: &Session,
        connection: &ConnectionState,
        time: LocalTime,
        layout: &Rc<Layout>,
        (rows, conflicts): (&Rows, &Conflicts),
        last: Option<&PageState>,
    ) -> Self {
        let view = session.view();
        let told = last.map_or(&[][..], |last| &last.story);
        PageState {
            language: language::current(),
            status: StatusLine::of(session, connection),
            offline: *connection == ConnectionState::Offline,
            outdated: last.is_some_and(|last| last.outdated),
            loading: Loading::of(session, connection),
            at_risk: session.safety() == Safety::Memory,
            rows: Rc::clone(rows.sorted()),
            relays: kept(relays::relays(session, connection), last.map(|last| &last.relays)),
            connected_to: relays::own(session, connection),
            highest: view.ledger().highest(),
            dynamic: kept(DynamicView::of(session), last.map(|last| &last.dynamic)),
            load: Arc::clone(session.load()),
            conflicts: Rc::clone(conflicts.items()),
            losses: kept(story::losses(session, layout), last.map(|last| &last.losses)),
            story: kept(story::story(session, layout, time, told), last.map(|last| &last.story)),
            notices: kept(story::notices(session, layout, false), last.map(|last| &last.notices)),
            toasts: kept(story::notices(session, layout, true), last.map(|last| &last.toasts)),
            undo: story::undo(session, layout),
            layout: Rc::clone(layout),
        }
    }

    /// How many conflicts nobody has seen to.
    #[must_use]
    pub fn open_conflicts(&self) -> usize {
        self.conflicts.iter().filter(|conflict| conflict.state.is_open()).count()
    }
}

/// From where the first load is still to come, so that an empty table means nothing yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    /// It is over.
    Done,
    /// From this device.
    Reading,
    /// From a relay.
    Fetching,
    /// From a relay, as soon as there is one.
    Waiting,
}

impl Loading {
    fn of(session: &Session, connection: &ConnectionState) -> Self {
        match connection {
            _ if session.reading().is_some() => Loading::Reading,
            ConnectionState::Offline => Loading::Done,
            _ if session.has_caught_up() => Loading::Done,
            ConnectionState::Connected { .. } => Loading::Fetching,
            ConnectionState::Seeking { .. } => Loading::Waiting,
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
fn who(author: Option<Author>, me: ReplicaId) -> String {
    match author {
        Some(Author::Relay(relay)) => tr!("a program at relay {number}", number = relay.0),
        Some(tab) => replica_name(tab, me),
        None => tr!("somebody"),
    }
}

/// Such as `tab f6f3` or `relay 2`.
fn replica_name(replica: Author, me: ReplicaId) -> String {
    match replica {
        Author::Tab(tab) if tab == me => tr!("this tab"),
        Author::Tab(tab) => tr!("tab {id}", id = tab),
        Author::Relay(relay) => relay_name(relay),
    }
}

/// The name of a record; one that has none goes by its id.
fn named(name: &Name) -> String {
    match name {
        Name::Title(title) => title.clone(),
        Name::Untitled(record) => tr!("record {id}", id = record),
    }
}

/// Why the device keeps nothing, as a part of a sentence.
fn storage_error(error: &StorageError) -> String {
    match error {
        StorageError::NoLocks => tr!("this browser has no locks here"),
        StorageError::NoDatabases => tr!("this browser keeps no databases here"),
        StorageError::Silent => tr!("its storage does not answer"),
        StorageError::Cleared => tr!("the browser has cleared what this page kept"),
        StorageError::Wanted => tr!("another version of this page wants it"),
        StorageError::Older => tr!("an older version of this page wrote it"),
        StorageError::NoSecret => tr!("the secret that proves its id is missing"),
        StorageError::OtherFields => tr!("its records have other fields than the room"),
        StorageError::Aborted => tr!("the browser did not finish a write"),
        StorageError::Corrupt(reason) | StorageError::Browser(reason) => reason.clone(),
    }
}

/// Such as `relay 2`.
fn relay_name(voter: RelayId) -> String {
    tr!("relay {number}", number = voter.0)
}

/// A text as searches compare it: however its capitals and its accents were typed.
#[must_use]
pub fn folded(text: &str) -> String {
    text::folded(text, browser::composed)
}

/// With a capital letter at its beginning.
#[must_use]
pub fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
