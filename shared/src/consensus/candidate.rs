//! Phase 1 under way: the promises that a candidate has gathered.

use super::rules::{InForce, Rules};
use super::{Accepted, Ballot, Entry, Payload, Slot};
use crate::base::id::RelayId;
use crate::base::sorted::SortedMap;

/// A voter that tries to lead under `ballot`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Candidate<C> {
    pub(super) ballot: Ballot,
    /// Each voter that promised, with how far it knows the log.
    promises: SortedMap<RelayId, Slot>,
    /// For each slot, the entry accepted under the highest ballot among the promises.
    highest: SortedMap<Slot, Accepted<C>>,
}

impl<C: Payload> Candidate<C> {
    pub(super) fn new(ballot: Ballot) -> Self {
        Candidate { ballot, promises: SortedMap::new(), highest: SortedMap::new() }
    }

    pub(super) fn promised(&mut self, from: RelayId, decided: Slot, accepted: Vec<(Slot, Accepted<C>)>) {
        self.promises.insert(from, decided);
        let candidacy = self.ballot;
        let is_considered = |accepted: &Accepted<C>| InForce::is_considered(accepted.ballot, candidacy);
        for (slot, accepted) in accepted.into_iter().filter(|(_, accepted)| is_considered(accepted)) {
            let held = self.highest.get(&slot);
            if held.is_none_or(|held| InForce::is_taken_before(accepted.ballot, held.ballot)) {
                self.highest.insert(slot, accepted);
            }
        }
    }

    pub(super) fn promises(&self) -> usize {
        self.promises.len()
    }

    /// A voter that knows the log beyond `decided`: its decided part must be fetched, since promises leave it out.
    pub(super) fn voter_ahead_of(&self, decided: Slot) -> Option<RelayId> {
        let (&voter, &ahead) = self.promises.iter().max_by_key(|&(_, &decided)| decided)?;
        InForce::waits_for(ahead, decided).then_some(voter)
    }

    /// The entries to propose from `decided` on: for each slot the highest accepted one, where there is none a no-op
    /// (Paxos Made Simple, §3). The last is the entry that ends the configuration, if there is one: what was accepted
    /// behind it was not chosen (`docs/explanation/consensus.md`).
    pub(super) fn entries_to_propose(&self, decided: Slot) -> Vec<Entry<C>> {
        let last = self.highest.last_key_value().filter(|_| InForce::adopts());
        let Some((&last, _)) = last else { return Vec::new() };
        let mut entries = Vec::new();
        for slot in (decided.0..=last.0).map(Slot) {
            let entry = self.highest.get(&slot).map_or(Entry::Noop, |accepted| accepted.entry.clone());
            let ends = entry.configuration().is_some();
            entries.push(entry);
            if ends {
                break;
            }
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::Configuration;

    fn ballot(configuration: u32, round: u64) -> Ballot {
        Ballot { configuration, round, voter: RelayId(1) }
    }

    fn entry(number: u32) -> Entry<u64> {
        Entry::Configure(Configuration { number, voters: SortedMap::new() })
    }

    #[test]
    fn of_several_entries_for_a_slot_the_one_of_the_highest_ballot_is_proposed() {
        let mut candidate = Candidate::new(ballot(0, 9));
        candidate.promised(RelayId(1), Slot(3), vec![(Slot(3), Accepted { ballot: ballot(0, 2), entry: Entry::Noop })]);
        candidate.promised(RelayId(2), Slot(3), vec![(Slot(3), Accepted { ballot: ballot(0, 4), entry: entry(1) })]);
        candidate.promised(RelayId(3), Slot(3), vec![(Slot(3), Accepted { ballot: ballot(0, 3), entry: Entry::Noop })]);
        assert_eq!(candidate.entries_to_propose(Slot(3)), [entry(1)]);
    }

    #[test]
    fn what_was_accepted_behind_the_end_of_a_configuration_is_not_proposed() {
        let mut candidate = Candidate::new(ballot(0, 9));
        let behind = Accepted { ballot: ballot(0, 1), entry: Entry::Noop };
        let end = Accepted { ballot: ballot(0, 2), entry: entry(1) };
        candidate.promised(RelayId(1), Slot(0), vec![(Slot(1), end), (Slot(2), behind)]);
        assert_eq!(candidate.entries_to_propose(Slot(0)), [Entry::Noop, entry(1)]);
    }

    /// A stop-sign that was not decided can be left behind the one that was.
    #[test]
    fn what_an_earlier_configuration_has_left_is_not_proposed_in_the_next() {
        let mut candidate = Candidate::new(ballot(2, 1));
        let left_behind = Accepted { ballot: ballot(1, 5), entry: entry(2) };
        candidate.promised(RelayId(1), Slot(7), vec![(Slot(7), left_behind)]);
        assert_eq!(candidate.entries_to_propose(Slot(7)), []);
    }
}
