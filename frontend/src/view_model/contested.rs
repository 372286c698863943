//! The numbers that are not everybody's truth yet, by record: what a row, and the list of conflicts, look up.

use std::collections::BTreeMap;

use shared::id::RecordId;
use shared::ledger::Conflict;

use crate::engine::session::Session;

/// What the rows need to know of one another and of the log, gathered once.
pub(super) struct Contested {
    /// The latest conflict about each record that nobody has seen to.
    open: BTreeMap<RecordId, Conflict>,
    /// Which records were given each number provisionally.
    claimants: BTreeMap<u64, Vec<RecordId>>,
}

impl Contested {
    pub(super) fn of(session: &Session) -> Self {
        let conflicts = released(session).filter(|conflict| conflict.resolution.is_none());
        let open = conflicts.map(|conflict| (conflict.claim.record, *conflict)).collect();
        let mut claimants: BTreeMap<u64, Vec<RecordId>> = BTreeMap::new();
        for claim in session.view().unsettled() {
            claimants.entry(claim.for_now().number).or_default().push(claim.for_now().record);
        }
        Contested { open, claimants }
    }

    pub(super) fn open(&self, record: RecordId) -> Option<&Conflict> {
        self.open.get(&record)
    }

    /// Another record that was given the same number provisionally.
    pub(super) fn rival(&self, record: RecordId, number: u64) -> Option<RecordId> {
        self.claimants.get(&number)?.iter().copied().find(|&claimant| claimant != record)
    }
}

/// The conflicts that people may be told of, the oldest first.
pub(super) fn released(session: &Session) -> impl DoubleEndedIterator<Item = &Conflict> {
    let until = session.view().released();
    session.view().ledger().conflicts().filter(move |conflict| conflict.id.slot < until)
}
