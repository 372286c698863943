//! The feed of merges, with pause and step.

use client::merges::{FieldChange, Merge};
use client::session::Session;
use client::types::Change;

use super::agreement::author;
use super::{LocalTime, capitalised, named};
use crate::tr;

/// How many merges are shown at one time.
const SHOWN: usize = 100;

/// Which merges are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeFilter {
    #[default]
    All,
    Concurrent,
    Added,
    Removed,
}

impl MergeFilter {
    pub const ALL: [MergeFilter; 4] =
        [MergeFilter::All, MergeFilter::Concurrent, MergeFilter::Added, MergeFilter::Removed];

    #[must_use]
    pub fn word(self) -> String {
        match self {
            MergeFilter::All => tr!("All"),
            MergeFilter::Concurrent => tr!("Concurrent"),
            MergeFilter::Added => tr!("Added"),
            MergeFilter::Removed => tr!("Removed"),
        }
    }

    fn takes(self, merge: &Merge) -> bool {
        match self {
            MergeFilter::All => true,
            MergeFilter::Concurrent => merge.is_concurrent(),
            MergeFilter::Added => matches!(merge.change, Change::Added | Change::Restored),
            MergeFilter::Removed => merge.change == Change::Removed,
        }
    }
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldItem {
    pub label: String,
    /// Several values stand side by side; none is an empty field.
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// What was written and gave way.
    pub lost: Option<String>,
}

/// One merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeItem {
    pub serial: u64,
    pub at: String,
    pub name: String,
    /// What happened to the record, in a word.
    pub change: String,
    /// For `data-change`.
    pub key: &'static str,
    pub is_concurrent: bool,
    pub by: String,
    /// Such as `3fa2.7`.
    pub dot: Option<String>,
    /// By the author's clock, to the millisecond.
    pub stamp: Option<String>,
    pub fields: Vec<FieldItem>,
}

/// Up to which merge somebody looks; `None` is as they happen.
pub type Pause = Option<u64>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergesView {
    /// The latest first.
    pub shown: Vec<MergeItem>,
    /// How many wait behind the pause.
    pub waiting: usize,
    /// Where to pause now, and where the next step goes.
    pub latest: u64,
    pub next: Pause,
}

impl MergesView {
    #[must_use]
    pub fn of(session: &Session, filter: MergeFilter, pause: Pause, time: LocalTime) -> Self {
        let merges = || session.merges().latest().filter(|merge| filter.takes(merge));
        let is_shown = |merge: &&Merge| pause.is_none_or(|until| merge.serial <= until);
        let next = merges().rev().find(|merge| !is_shown(merge)).map(|merge| merge.serial);
        MergesView {
            shown: merges().filter(is_shown).take(SHOWN).map(|merge| item(session, merge, time)).collect(),
            waiting: merges().filter(|merge| !is_shown(merge)).count(),
            latest: session.merges().latest().next().map_or(0, |merge| merge.serial),
            next,
        }
    }
}

fn item(session: &Session, merge: &Merge, time: LocalTime) -> MergeItem {
    let (change, key) = match merge.change {
        Change::Added => (tr!("added"), "added"),
        Change::Edited => (tr!("edited"), "edited"),
        Change::Merged => (tr!("merged"), "merged"),
        Change::Removed => (tr!("removed"), "removed"),
        Change::Restored => (tr!("came back"), "restored"),
    };
    MergeItem {
        serial: merge.serial,
        at: clock(time, merge.at_ms),
        name: named(&merge.name),
        change,
        key,
        is_concurrent: merge.is_concurrent(),
        by: merge.by.map_or_else(|| tr!("somebody"), |by| author(session, by)),
        dot: merge.edit.map(|(dot, _)| dot.to_string()),
        stamp: merge.edit.map(|(_, stamp)| {
            let clock = clock(time, stamp.wall_ms);
            format!("{clock}.{:03}+{}", stamp.wall_ms % 1000, stamp.logical)
        }),
        fields: merge.fields.iter().map(field).collect(),
    }
}

/// Hours, minutes and seconds.
fn clock(time: LocalTime, at_ms: u64) -> String {
    format!("{}:{:02}", time.clock(at_ms), at_ms / 1000 % 60)
}

fn field(change: &FieldChange) -> FieldItem {
    let FieldChange { field, before, after, lost } = change;
    FieldItem { label: capitalised(field), before: before.clone(), after: after.clone(), lost: lost.clone() }
}
