//! The log: what an acceptor has accepted, and how much of it a learner knows to be decided.

use std::collections::BTreeMap;

use super::{Accepted, Ballot, Slot, Suffix};
use crate::io::WriteOp;

/// How many entries one [`Suffix`] carries at the most: a bound on the size of a message.
const ENTRIES_PER_SUFFIX: usize = 1024;

/// The log of one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Invariant: no gap below `decided`, and an entry below `decided` never changes.
    entries: BTreeMap<Slot, Accepted>,
    /// The first slot that is not known to be decided. Invariant: never falls.
    decided: Slot,
}

impl Log {
    /// A log read back from durable state, whose `decided` may lag behind what was known.
    #[must_use]
    pub fn recover(entries: BTreeMap<Slot, Accepted>, decided: Slot) -> Self {
        Log { entries, decided }
    }

    #[must_use]
    pub fn decided(&self) -> Slot {
        self.decided
    }

    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&Accepted> {
        self.entries.get(&slot)
    }

    /// The decided entry of `slot`.
    #[must_use]
    pub fn decision(&self, slot: Slot) -> Option<&Accepted> {
        if slot < self.decided { self.entries.get(&slot) } else { None }
    }

    /// Everything accepted at or above `first`.
    #[must_use]
    pub fn accepted_from(&self, first: Slot) -> Vec<(Slot, Accepted)> {
        self.entries.range(first..).map(|(&slot, &accepted)| (slot, accepted)).collect()
    }

    /// Accepts an entry, unless the slot is decided already or holds it under the same ballot.
    pub(super) fn accept(&mut self, slot: Slot, accepted: Accepted, writes: &mut Vec<WriteOp>) {
        if slot < self.decided || self.entries.get(&slot).is_some_and(|held| held.ballot == accepted.ballot) {
            return;
        }
        self.entries.insert(slot, accepted);
        writes.push(WriteOp::Accept { slot, accepted });
    }

    /// Notes that the first undecided slot is decided, with the entry that it holds.
    ///
    /// # Panics
    /// If it holds none.
    pub(super) fn decide_next(&mut self) {
        assert!(self.entries.contains_key(&self.decided), "a decided slot holds its entry");
        self.decided = self.decided.plus(1);
    }

    /// Notes as decided what the leader of `ballot` says is, as far as its own entries are here. An entry under
    /// another ballot may be one that was never chosen.
    pub(super) fn decide_until(&mut self, decided: Slot, ballot: Ballot) {
        while self.decided < decided && self.entries.get(&self.decided).is_some_and(|held| held.ballot == ballot) {
            self.decide_next();
        }
    }

    /// The decided log from `first` on, as much as one message carries.
    #[must_use]
    pub fn suffix(&self, first: Slot) -> Suffix {
        let end = self.decided.max(first);
        let entries = self.entries.range(first..end).map(|(_, &accepted)| accepted).take(ENTRIES_PER_SUFFIX).collect();
        Suffix { first, entries, decided: self.decided }
    }

    /// Learns decided entries. Says whether the sender has more than arrived here so far.
    pub fn learn(&mut self, suffix: &Suffix, writes: &mut Vec<WriteOp>) -> bool {
        for (offset, &accepted) in (0..).zip(&suffix.entries) {
            if suffix.first.plus(offset) == self.decided {
                // Whatever was accepted here before may differ, and then it was not chosen.
                if self.entries.get(&self.decided) != Some(&accepted) {
                    self.entries.insert(self.decided, accepted);
                    writes.push(WriteOp::Accept { slot: self.decided, accepted });
                }
                self.decide_next();
            }
        }
        self.decided < suffix.decided
    }

    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        let held = self.entries.range(..self.decided).count() as u64;
        assert_eq!(held, self.decided.0, "the decided log has a gap");
    }
}
