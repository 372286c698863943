//! Phase 2 under way: the slots that a leader has in flight.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ballot, Entry, Slot};
use crate::id::VoterId;

/// How many slots may be in flight at once.
const WINDOW: u64 = 256;

/// A voter that leads under `ballot`.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) ballot: Ballot,
    /// The slot of the next proposal.
    next: Slot,
    /// The slots proposed and not yet decided, with the voters that accepted. Invariant: all below `next`.
    flights: BTreeMap<Slot, Flight>,
}

#[derive(Debug)]
struct Flight {
    entry: Entry,
    accepted_by: BTreeSet<VoterId>,
}

impl Leader {
    /// A new leader that proposes `entries` from `first` on.
    pub(super) fn new(ballot: Ballot, first: Slot, entries: &[Entry]) -> Self {
        let mut leader = Leader { ballot, next: first, flights: BTreeMap::new() };
        for &entry in entries {
            leader.take_off(entry);
        }
        leader
    }

    pub(super) fn next(&self) -> Slot {
        self.next
    }

    /// The slot for a new entry, or `None` while the window is full.
    pub(super) fn assign(&mut self, entry: Entry, decided: Slot) -> Option<Slot> {
        (self.next.0 < decided.0.saturating_add(WINDOW)).then(|| self.take_off(entry))
    }

    fn take_off(&mut self, entry: Entry) -> Slot {
        let slot = self.next;
        self.flights.insert(slot, Flight { entry, accepted_by: BTreeSet::new() });
        self.next = slot.plus(1);
        slot
    }

    pub(super) fn accepted(&mut self, from: VoterId, first: Slot, count: u32) {
        for (_, flight) in self.flights.range_mut(first..first.plus(count.into())) {
            flight.accepted_by.insert(from);
        }
    }

    pub(super) fn is_chosen(&self, slot: Slot, quorum: usize) -> bool {
        self.flights.get(&slot).is_some_and(|flight| flight.accepted_by.len() >= quorum)
    }

    /// Ends the flights of the slots that are decided.
    pub(super) fn forget_below(&mut self, decided: Slot) {
        self.flights = self.flights.split_off(&decided);
    }

    /// The entries in flight from `decided` on.
    pub(super) fn in_flight(&self, decided: Slot) -> Vec<Entry> {
        self.flights.range(decided..).map(|(_, flight)| flight.entry).collect()
    }
}
