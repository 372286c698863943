//! Phase 1 under way: the promises that a candidate has gathered.

use std::collections::BTreeMap;

use super::{Accepted, Ballot, Entry, Slot};
use crate::id::VoterId;

/// A voter that tries to lead under `ballot`.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) ballot: Ballot,
    /// Each voter that promised, with how far it knows the log.
    promises: BTreeMap<VoterId, Slot>,
    /// For each slot, the entry accepted under the highest ballot among the promises.
    highest: BTreeMap<Slot, Accepted>,
}

impl Candidate {
    pub(super) fn new(ballot: Ballot) -> Self {
        Candidate { ballot, promises: BTreeMap::new(), highest: BTreeMap::new() }
    }

    pub(super) fn promised(&mut self, from: VoterId, decided: Slot, accepted: Vec<(Slot, Accepted)>) {
        self.promises.insert(from, decided);
        for (slot, accepted) in accepted {
            let highest = self.highest.entry(slot).or_insert(accepted);
            if accepted.ballot > highest.ballot {
                *highest = accepted;
            }
        }
    }

    pub(super) fn promises(&self) -> usize {
        self.promises.len()
    }

    /// A voter that knows the log beyond `decided`: its decided part must be fetched, since promises leave it out.
    pub(super) fn voter_ahead_of(&self, decided: Slot) -> Option<VoterId> {
        let (&voter, &ahead) = self.promises.iter().max_by_key(|&(_, &decided)| decided)?;
        (ahead > decided).then_some(voter)
    }

    /// The entries to propose from `decided` on: for each slot the highest accepted one, where there is none a no-op
    /// (Paxos Made Simple, §3).
    pub(super) fn entries_to_propose(&self, decided: Slot) -> Vec<Entry> {
        let Some((&last, _)) = self.highest.last_key_value() else { return Vec::new() };
        (decided.0..=last.0)
            .map(|slot| self.highest.get(&Slot(slot)).map_or(Entry::Noop, |accepted| accepted.entry))
            .collect()
    }
}
