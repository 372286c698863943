//! The numbers that are not everybody's truth yet, by record: what a row looks up.

use client::session::Session;
use client::types::{AgreedView, Conflict, Final, RecordId, SortedMap, SortedSet};

/// What the rows need to know of one another and of the log.
#[derive(Default)]
pub(super) struct Contested {
    /// The latest conflict about each record that nobody has seen to.
    open: SortedMap<RecordId, Conflict>,
    /// Which records were given each number provisionally.
    given_to: SortedMap<u64, SortedSet<RecordId>>,
}

impl Contested {
    /// Looks at all conflicts anew. Gives the records for which that makes a difference.
    pub(super) fn look_at_conflicts(&mut self, session: &Session) -> Vec<RecordId> {
        let conflicts = released(session).filter(|conflict| conflict.resolution.is_none());
        let open = conflicts.map(|conflict| (conflict.provisional.record, *conflict)).collect();
        let before = std::mem::replace(&mut self.open, open);
        let either = before.keys().chain(self.open.keys()).copied();
        either.filter(|record| before.get(record) != self.open.get(record)).collect()
    }

    /// The numbers that a record has, or was given provisionally, were these, and are others now.
    pub(super) fn numbers_changed(&mut self, record: RecordId, before: &[u64], now: &AgreedView) {
        for number in before {
            if let Some(records) = self.given_to.get_mut(number) {
                records.remove(&record);
                if records.is_empty() {
                    self.given_to.remove(number);
                }
            }
        }
        for number in given(now) {
            self.given_to.entry(number).or_default().insert(record);
        }
    }

    pub(super) fn open(&self, record: RecordId) -> Option<&Conflict> {
        self.open.get(&record)
    }

    /// Another record that was given the same number provisionally.
    pub(super) fn rival(&self, record: RecordId, number: u64) -> Option<RecordId> {
        self.given_to.get(&number)?.iter().copied().find(|&other| other != record)
    }
}

/// The numbers that replicas have given a record by themselves.
fn given(number: &AgreedView) -> impl Iterator<Item = u64> {
    let provisional = number.provisional.iter().map(|unsettled| unsettled.for_now().number);
    number.leased.map(Final::into_inner).into_iter().chain(provisional)
}

/// The numbers that a record has, whatever they rest on.
pub(super) fn numbers(number: &AgreedView) -> Vec<u64> {
    let decided = number.held.map(Final::into_inner).or(number.unreleased);
    decided.map(|decided| decided.number).into_iter().chain(given(number)).collect()
}

/// The conflicts that people may be told of, the oldest first.
pub(super) fn released(session: &Session) -> impl DoubleEndedIterator<Item = &Conflict> {
    let until = session.view().released();
    session.view().ledger().conflicts().filter(move |conflict| conflict.id.slot < until)
}
