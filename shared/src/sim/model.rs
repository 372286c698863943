//! The log as it was decided, over all replicas and all their lives, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::dot::Dot;
use crate::base::encoding;
use crate::base::id::{RecordId, ReplicaId};
use crate::consensus::{Ballot, Configuration, Slot};
use crate::ledger::{
    Accepted, ConflictId, Dynamic, Entry, Epoch, Granted, Key, Ledger, Log, Operation, Outcome, Range, Rejection,
    Request, RequestId, UnsettledNumber,
};
use crate::sim::violated::Violated;

/// The decided log and its fold.
#[derive(Debug, Default)]
pub(super) struct Model {
    entries: Vec<Accepted>,
    /// By number.
    configurations: BTreeMap<u32, Configuration>,
    /// The hash of the log below each slot.
    chains: Vec<u64>,
    ledger: Ledger,
    /// For each slot how many observers were wanted once its entry was applied.
    wanted_observers: Vec<u8>,
    /// The slot and the outcome of each request when it was first done, whatever the ledger has forgotten since.
    done: BTreeMap<RequestId, (Slot, Outcome)>,
    /// Which entry has each key, whatever the ledger has forgotten since, and by which request.
    keys: BTreeMap<Key, (Slot, RequestId)>,
    pub(super) keys_repeated: u64,
    /// The keys of requests of which nobody knows any more whether they were done.
    forgotten_keys: BTreeSet<Key>,
    /// The provisional numbers that were settled.
    settled: BTreeSet<Dot>,
    /// The numbers that users were told to be final out of leases, and not freed since, with their records.
    leased: BTreeMap<u64, RecordId>,
    /// Who was ever given which number by the log.
    given: BTreeSet<(u64, RecordId)>,
    /// The highest number to which anything could ever be raised so far.
    furthest: u64,
    /// The numbers that were freed.
    freed: BTreeSet<u64>,
    /// The leases that were lost by restores: their lessees may not know so.
    lost_ranges: Vec<Range>,
    /// The tabs whose profiles were copied.
    pub(super) copied: BTreeSet<ReplicaId>,
    pub(super) conflicts: u64,
    pub(super) epochs_by_load: u64,
    pub(super) repeated: u64,
    pub(super) waivers: u64,
    pub(super) forgotten: u64,
}

impl Model {
    pub(super) fn decided(&self) -> Slot {
        Slot(self.entries.len() as u64)
    }

    pub(super) fn entry(&self, slot: Slot) -> Option<&Accepted> {
        self.entries.get(slot.0 as usize)
    }

    /// The hash of the log below a slot, if it was seen to be decided so far.
    pub(super) fn chain_below(&self, slot: Slot) -> Option<u64> {
        if slot == Slot(0) { Some(0) } else { self.chains.get(slot.0 as usize - 1).copied() }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn furthest(&self) -> u64 {
        self.furthest.max(self.ledger.limit())
    }

    pub(super) fn configuration(&self, number: u32) -> Option<&Configuration> {
        self.configurations.get(&number)
    }

    pub(super) fn done(&self, request: RequestId) -> Option<(Slot, Outcome)> {
        self.done.get(&request).copied()
    }

    /// The fewest observers that were wanted at any time from a slot on.
    pub(super) fn observers_wanted_since(&self, slot: Slot) -> u8 {
        self.wanted_observers[slot.0 as usize..].iter().copied().min().unwrap_or(0)
    }

    /// The fold of the log below a slot.
    pub(super) fn fold_below(&self, slot: Slot) -> Vec<u8> {
        let mut ledger = Ledger::default();
        for (slot, accepted) in (0..slot.0).zip(&self.entries) {
            ledger.apply(Slot(slot), &accepted.entry);
        }
        encoding::encode(&ledger)
    }

    /// All relays were restored: of the log as it was that below `at` is left, and `log` goes on from there.
    pub(super) fn restored(&mut self, at: Slot, log: &Log) -> Result<(), Violated> {
        let before = std::mem::take(self);
        // Copies have asked under one name in what is left, too.
        self.copied = before.copied;
        for (accepted, &chain) in before.entries[..at.0 as usize].iter().zip(&before.chains) {
            self.decide(accepted, chain)?;
        }
        for slot in (at.0..log.decided().0).map(Slot) {
            let chain = log.chain_below(slot.plus(1)).expect("it is decided");
            self.decide(log.decision(slot).expect("it is decided"), chain)?;
        }
        self.lost_ranges = before.lost_ranges;
        self.lost_ranges.extend(before.ledger.ranges().filter(|range| self.ledger.ranges().all(|kept| kept != *range)));
        let is_kept = |number: u64| self.range_of(number).is_some();
        self.leased = before.leased.into_iter().filter(|&(number, _)| is_kept(number)).collect();
        self.given.extend(before.given);
        Ok(())
    }

    /// The next slot is seen to be decided for the first time, after which the hash of the log is `chain`.
    pub(super) fn decide(&mut self, accepted: &Accepted, chain: u64) -> Result<(), Violated> {
        let slot = self.decided();
        self.check_configuration(slot, accepted)?;
        let before = effects(&self.ledger);
        self.furthest = self.furthest();
        let outcome = self.ledger.apply(slot, &accepted.entry);
        self.check_owners(&before)?;
        if let (Entry::Command(request), Some(outcome)) = (&accepted.entry, outcome) {
            self.check_reach(slot, request, &before)?;
            self.check_switch(slot, request, outcome, &before)?;
            self.check_settlement(slot, request, outcome)?;
            self.check_outcome(slot, request, outcome, before)?;
        }
        self.ledger.assert_invariants();
        if let Some(configuration) = accepted.entry.configuration() {
            self.configurations.insert(configuration.number, configuration.clone());
        }
        self.entries.push(accepted.clone());
        self.chains.push(chain);
        self.wanted_observers.push(self.ledger.policy().observers);
        Ok(())
    }

    /// Each slot is decided in the configuration in force, and a configuration has one successor.
    fn check_configuration(&self, slot: Slot, accepted: &Accepted) -> Result<(), Violated> {
        let number = self.ledger.configuration().map_or(0, |configuration| configuration.number);
        let entry = Box::new(accepted.entry.clone());
        let wrong = Violated::WrongConfiguration { slot, ballot: accepted.ballot, number, entry };
        if accepted.ballot == Ballot::ZERO {
            return Ok(()); // Decided by nobody: the log is founded, or restored.
        }
        if accepted.ballot.configuration != number {
            return Err(wrong);
        }
        match &accepted.entry {
            Entry::Configure(configuration) if slot > Slot(0) => {
                if self.ledger.next_configuration() == Some(configuration) { Ok(()) } else { Err(wrong) }
            }
            _ => Ok(()),
        }
    }

    /// A request is done once, whatever is forgotten; and numbers come from where they may.
    fn check_outcome(
        &mut self,
        slot: Slot,
        request: &Request,
        outcome: Outcome,
        before: Effects,
    ) -> Result<(), Violated> {
        if outcome == Err(Rejection::Forgotten) {
            self.forgotten += 1;
            if let Operation::Once { keyed, .. } = &request.operation {
                self.forgotten_keys.insert(keyed.key);
            }
        } else if self.copied.contains(&request.id.replica) && self.done.contains_key(&request.id) {
            // Two copies may ask for two things under one name.
            self.repeated += 1;
        } else if let Some(&(first, done)) = self.done.get(&request.id) {
            self.repeated += 1;
            if done != outcome || effects(&self.ledger) != before {
                return Err(Violated::DoneTwice { request: request.id, first, again: slot });
            }
        } else {
            self.done.insert(request.id, (slot, outcome));
            self.check_key(slot, request, outcome)?;
            self.waivers += u64::from(request.operation == Operation::Waive);
            self.check_number(slot, request, outcome)?;
        }
        Ok(())
    }

    /// A key is used once, unless whoever had it has said that nothing came of it.
    fn check_key(&mut self, slot: Slot, request: &Request, outcome: Outcome) -> Result<(), Violated> {
        match (&request.operation, outcome) {
            (Operation::Once { .. }, Err(Rejection::Repeated | Rejection::KeyUsedOtherwise)) => {
                self.keys_repeated += 1;
                Ok(())
            }
            (Operation::Once { keyed, .. }, _) => match self.keys.insert(keyed.key, (slot, request.id)) {
                Some((first, _)) => Err(Violated::KeyUsedTwice { key: keyed.key, first, again: slot }),
                None => Ok(()),
            },
            (Operation::Finish { key, by, made: None }, _) if self.keys.get(key).is_some_and(|(_, has)| has == by) => {
                self.keys.remove(key);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether it was always known whether something was done under a key.
    pub(super) fn remembers(&self, key: Key) -> bool {
        !self.forgotten_keys.contains(&key)
    }

    pub(super) fn keys_used(&self) -> u64 {
        self.keys.len() as u64
    }

    /// Whether the log has ever given a record a number.
    pub(super) fn was_given_to(&self, record: RecordId) -> bool {
        self.given.iter().any(|&(_, owner)| owner == record)
    }

    /// A user was told that a number is final, and that it is out of a lease of `by`, or decided.
    pub(super) fn told_final(&mut self, by: ReplicaId, record: RecordId, number: u64) -> Result<Origin, Violated> {
        let owner = self.ledger.owner_of(number).map(|(owner, _)| owner);
        if self.given.contains(&(number, record)) {
            return Ok(Origin::Log);
        }
        let is_in = |range: &Range| range.to == by && (range.first..=range.last).contains(&number);
        if !self.ledger.ranges().any(|range| is_in(&range)) {
            if self.lost_ranges.iter().any(is_in) {
                return Ok(Origin::Lease);
            }
            return Err(Violated::FinalWithoutGround { number, record });
        }
        // Copies that know nothing of one another give the same numbers.
        if self.copied.contains(&by) {
            return Ok(Origin::Lease);
        }
        let first = self.leased.insert(number, record).or(owner).unwrap_or(record);
        if first == record { Ok(Origin::Lease) } else { Err(Violated::TwoOwners { number, first, second: record }) }
    }

    /// Nobody gets a number that a user was told to be another's for good, unless it was freed.
    fn check_owners(&mut self, before: &Effects) -> Result<(), Violated> {
        let now: BTreeMap<u64, RecordId> = self.ledger.numbers().collect();
        for (number, _) in before.numbers.iter().filter(|(number, owner)| now.get(number) != Some(owner)) {
            self.leased.remove(number);
            self.freed.insert(*number);
        }
        for (&number, &second) in &now {
            self.given.insert((number, second));
            if let Some(&first) = self.leased.get(&number).filter(|&&first| first != second) {
                return Err(Violated::TwoOwners { number, first, second });
            }
        }
        Ok(())
    }

    /// An entry raises the highest number by what may be asked for, or by what it gives without being asked which.
    fn check_reach(&self, slot: Slot, request: &Request, before: &Effects) -> Result<(), Violated> {
        let most = match &*request.operation.plain() {
            Operation::Leap { .. } => return Ok(()),
            Operation::GrantRange { count, .. } => before.reach.max(u64::from(*count)),
            // Those that collide get the next numbers, one after the other.
            Operation::Settle { numbers, .. } => before.reach + numbers.len() as u64,
            _ => before.reach,
        };
        let (from, to) = (before.highest, self.ledger.highest());
        if to - from <= most { Ok(()) } else { Err(Violated::TooFarAhead { slot, from, to }) }
    }

    /// A switch by load ends the epoch whose load it was.
    fn check_switch(
        &mut self,
        slot: Slot,
        request: &Request,
        outcome: Outcome,
        before: &Effects,
    ) -> Result<(), Violated> {
        let (Operation::SetMode { from: Some(from), .. }, Ok(_)) = (&*request.operation.plain(), outcome) else {
            return Ok(());
        };
        let is_again = self.done.contains_key(&request.id);
        self.epochs_by_load += u64::from(!is_again);
        if is_again || *from == before.epoch.number { Ok(()) } else { Err(Violated::StaleSwitch { slot, from: *from }) }
    }

    /// Each provisional number is settled once, and either has its number or is listed as a conflict.
    fn check_settlement(&mut self, slot: Slot, request: &Request, outcome: Outcome) -> Result<(), Violated> {
        let (Operation::Settle { numbers, .. }, Ok(Granted::Settled { settled, .. })) = (&request.operation, outcome)
        else {
            return Ok(());
        };
        if self.done.contains_key(&request.id) {
            return Ok(());
        }
        let mut fresh = 0;
        for (&unsettled, at) in numbers.iter().zip(0..) {
            if !self.settled.insert(unsettled.dot) {
                continue;
            }
            fresh += 1;
            let id = ConflictId { slot, at };
            let is_listed =
                self.ledger.conflicts().any(|conflict| conflict.id == id && conflict.provisional == unsettled);
            let held = self.ledger.number_of(unsettled.record).filter(|held| held.number == unsettled.number);
            self.conflicts += u64::from(is_listed);
            if is_listed == held.is_some() {
                return Err(Violated::NumberUnaccounted { slot, number: unsettled });
            }
            let conflict =
                self.ledger.conflicts().find(|conflict| conflict.id == id && conflict.provisional == unsettled);
            if let Some(Rejection::NumberTaken { number, owner, .. }) = conflict.map(|conflict| conflict.because)
                && self.was_renumbered(slot, owner, number)
            {
                return Err(Violated::PushedOut { slot, number });
            }
            let is_given = held.is_some_and(|held| held.slot == slot) && !self.freed.contains(&unsettled.number);
            // Another number of this entry may be the same for the same record, out of the lease.
            let is_of_lessee = |range: Range| {
                let same =
                    |other: &&UnsettledNumber| (other.record, other.number) == (unsettled.record, unsettled.number);
                numbers.iter().filter(same).any(|other| other.leased && other.dot.replica() == range.to)
            };
            if is_given && self.range_of(unsettled.number).is_some_and(|range| !is_of_lessee(range)) {
                return Err(Violated::LeasedNumberGiven { slot, number: unsettled.number });
            }
        }
        if fresh == settled { Ok(()) } else { Err(Violated::SettledTwice { slot, fresh, settled }) }
    }

    /// Whether an entry gave a record this number in place of another one.
    fn was_renumbered(&self, slot: Slot, record: RecordId, number: u64) -> bool {
        let mut of_entry = self.ledger.conflicts().filter(|conflict| conflict.id.slot == slot);
        of_entry.any(|conflict| {
            conflict.provisional.record == record && conflict.given.is_some_and(|given| given.number == number)
        })
    }

    pub(super) fn settled(&self) -> u64 {
        self.settled.len() as u64
    }

    fn range_of(&self, number: u64) -> Option<Range> {
        self.ledger.ranges().find(|range| (range.first..=range.last).contains(&number))
    }

    fn check_number(&self, slot: Slot, request: &Request, outcome: Outcome) -> Result<(), Violated> {
        let given = match outcome {
            Ok(Granted::Final(numbered)) => numbered.number,
            Ok(Granted::Set { number: Some(numbered) }) if numbered.slot == slot => numbered.number,
            _ => return Ok(()),
        };
        let is_allocated = matches!(*request.operation.plain(), Operation::Allocate { .. });
        let may = self.range_of(given).is_none() || (self.freed.contains(&given) && !is_allocated);
        if may { Ok(()) } else { Err(Violated::LeasedNumberGiven { slot, number: given }) }
    }

    /// The voters that decide a slot.
    pub(super) fn voters_at(&self, slot: Slot) -> Option<&Configuration> {
        let before = self.entries[..slot.0 as usize].iter().rev();
        before.into_iter().find_map(|accepted| accepted.entry.configuration())
    }

    /// The slots that were decided under a lower ballot and that `holds` does not hold.
    pub(super) fn missing(&self, from: Slot, below: Ballot, holds: impl Fn(Slot, &Entry) -> bool) -> Option<Slot> {
        let slots = (from.0..).map(Slot).zip(self.entries.iter().skip(from.0 as usize));
        let mut chosen = slots.filter(|(_, accepted)| accepted.ballot < below);
        chosen.find(|(slot, accepted)| !holds(*slot, &accepted.entry)).map(|(slot, _)| slot)
    }
}

/// The ground on which a number was told to be final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Log,
    Lease,
}

/// A summary of the effects of requests on a ledger.
#[derive(Debug, PartialEq, Eq)]
struct Effects {
    highest: u64,
    reach: u64,
    ranges: usize,
    epoch: Epoch,
    dynamic: Dynamic,
    conflicts: usize,
    numbers: Vec<(u64, RecordId)>,
    retired: Vec<(ReplicaId, u64)>,
}

fn effects(ledger: &Ledger) -> Effects {
    Effects {
        highest: ledger.highest(),
        reach: ledger.reach(),
        ranges: ledger.ranges().count(),
        epoch: ledger.epoch(),
        dynamic: ledger.dynamic(),
        conflicts: ledger.conflicts().count(),
        numbers: ledger.numbers().collect(),
        retired: ledger.retired().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::Position;
    use crate::ledger::Policy;

    /// The requests of two copies of one tab under one name, the second after the ledger has forgotten the first.
    fn requests_of_copies(copied: ReplicaId) -> Vec<Accepted> {
        let request = |replica, seq, seen, operation| {
            let id = RequestId { replica, seq };
            let request = Request { id, settled: 0, seen: Slot(seen), after: None, operation };
            Accepted { ballot: Ballot::ZERO, entry: Entry::Command(request) }
        };
        let other = ReplicaId(copied.0 + 1);
        let policy = Policy { sessions: 1, ..Policy::default() };
        vec![
            request(other, 1, 0, Operation::SetPolicy { policy }),
            request(copied, 1, 1, Operation::GrantRange { to: copied, count: 3, above: 0 }),
            request(other, 2, 2, Operation::Raise { number: 5 }),
            request(copied, 1, 3, Operation::Raise { number: 8 }),
        ]
    }

    #[test]
    fn copies_that_have_asked_under_one_name_are_no_violation_in_what_a_restore_leaves_of_the_log() {
        let copied = ReplicaId(7);
        let entries = requests_of_copies(copied);
        let end = Slot(entries.len() as u64);
        let log = Log::recover(Position::default(), (0..).map(Slot).zip(entries.clone()).collect(), end);
        let decide_all = |model: &mut Model| {
            (0..).map(Slot).zip(&entries).try_for_each(|(slot, accepted): (Slot, _)| {
                model.decide(accepted, log.chain_below(slot.plus(1)).expect("it is decided"))
            })
        };
        let mut model = Model::default();
        assert!(matches!(decide_all(&mut model), Err(Violated::DoneTwice { .. })), "nobody has copied it");
        for at in [Slot(1), end] {
            let mut model = Model { copied: [copied].into(), ..Model::default() };
            assert_eq!(decide_all(&mut model), Ok(()));
            assert_eq!(model.restored(at, &log), Ok(()), "restored at slot {at}");
            assert_eq!(model.repeated, 1);
        }
    }
}
