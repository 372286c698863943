//! Phase 2 under way: the slots that a leader has in flight.

use std::collections::VecDeque;

use super::rules::{InForce, Rules};
use super::{Ballot, Entry, Payload, Slot};
use crate::base::id::RelayId;
use crate::base::sorted::{SortedMap, SortedSet};

/// How many slots may be in flight at once.
const WINDOW: usize = 4096;
/// How many proposals may be in flight at once. When so many are, entries wait and go together: the more there is to
/// do, the more goes into one message and one flush of the disk.
const PROPOSALS: usize = 4;
/// How many entries one proposal carries at the most: a bound on the size of a message.
pub(super) const ENTRIES_PER_PROPOSAL: usize = 1024;

/// A voter that leads under `ballot`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leader<C> {
    pub(super) ballot: Ballot,
    /// The first slot in flight.
    first: Slot,
    /// The entries proposed from `first` on and not yet decided. Invariant: one that ends the configuration is the last.
    flights: VecDeque<Entry<C>>,
    /// The slots behind the proposals in flight, ascending.
    proposals: VecDeque<Slot>,
    /// Up to which slot each voter has accepted.
    accepted: SortedMap<RelayId, Slot>,
    /// The slot behind all that earlier leaders may have decided: whoever has learnt less has no business reading.
    pub(super) inherited: Slot,
    /// The round of confirmations asked for last, and who has answered it.
    confirmation: (u64, SortedSet<RelayId>),
}

impl<C: Payload> Leader<C> {
    /// A new leader that proposes `entries` from `first` on.
    pub(super) fn new(ballot: Ballot, first: Slot, entries: Vec<Entry<C>>) -> Self {
        let inherited = first.plus(entries.len() as u64);
        let proposals = if entries.is_empty() { VecDeque::new() } else { VecDeque::from([inherited]) };
        Leader {
            ballot,
            first,
            flights: entries.into(),
            proposals,
            accepted: SortedMap::new(),
            inherited,
            confirmation: (0, SortedSet::new()),
        }
    }

    /// The slot of the next proposal.
    pub(super) fn next(&self) -> Slot {
        self.first.plus(self.flights.len() as u64)
    }

    /// Whether the entry that ends the configuration is in flight.
    pub(super) fn ends_configuration(&self) -> bool {
        self.flights.back().is_some_and(|last| last.configuration().is_some())
    }

    /// How many entries can be proposed now.
    pub(super) fn capacity(&self) -> usize {
        if InForce::is_closed(self.ends_configuration()) || self.proposals.len() >= PROPOSALS {
            return 0;
        }
        WINDOW.saturating_sub(self.flights.len()).min(ENTRIES_PER_PROPOSAL)
    }

    /// Puts entries in flight.
    pub(super) fn take_off(&mut self, entries: &[Entry<C>]) {
        self.flights.extend(entries.iter().cloned());
        self.proposals.push_back(self.next());
    }

    pub(super) fn accepted(&mut self, from: RelayId, until: Slot) {
        let held = self.accepted.entry(from).or_insert(until);
        *held = until.max(*held);
    }

    /// Up to which slot each voter has accepted.
    pub(super) fn accepted_by(&self) -> Vec<(RelayId, Slot)> {
        self.accepted.iter().map(|(&voter, &until)| (voter, until)).collect()
    }

    /// The slot below which everything is accepted by as many voters as `quorum`.
    pub(super) fn chosen_until(&self, quorum: usize) -> Slot {
        let mut accepted: Vec<Slot> = self.accepted.values().copied().collect();
        accepted.sort_unstable_by(|a, b| b.cmp(a));
        accepted.get(quorum - 1).copied().unwrap_or(self.first)
    }

    /// Ends the flights of the slots that are decided.
    pub(super) fn forget_below(&mut self, decided: Slot) {
        let landed = decided.0.saturating_sub(self.first.0).min(self.flights.len() as u64);
        self.flights.drain(..landed as usize);
        self.first = self.first.plus(landed);
        while self.proposals.front().is_some_and(|&end| end <= decided) {
            self.proposals.pop_front();
        }
    }

    /// The first slot in flight, and the entries from it on.
    pub(super) fn in_flight(&self) -> (Slot, &VecDeque<Entry<C>>) {
        (self.first, &self.flights)
    }

    /// Begins a round of confirmations.
    pub(super) fn ask_confirmation(&mut self) -> u64 {
        self.confirmation = (self.confirmation.0 + 1, SortedSet::new());
        self.confirmation.0
    }

    /// A voter confirms. Says whether the round has a majority by that.
    pub(super) fn confirmed(&mut self, from: RelayId, round: u64, quorum: usize) -> bool {
        round == self.confirmation.0 && self.confirmation.1.insert(from) && self.confirmation.1.len() == quorum
    }
}
