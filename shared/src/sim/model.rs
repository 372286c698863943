//! The log as it was decided, over all replicas and all their lives, and what follows from it.

use std::collections::BTreeMap;

use crate::id::ReplicaId;
use crate::ledger::{Claim, ClaimId, Granted, Ledger, Outcome, Rejection, Wish};
use crate::paxos::{Accepted, Ballot, Configuration, Entry, Slot};
use crate::sim::checker::Violated;
use crate::wire;

/// The decided log and its fold.
#[derive(Debug, Default)]
pub(super) struct Model {
    entries: Vec<Accepted>,
    /// The hash of the log below each slot.
    chains: Vec<u64>,
    ledger: Ledger,
    /// For each slot how many witnesses were wanted once its entry was applied.
    wanted_witnesses: Vec<u8>,
    /// What became of each claim when it was first done, whatever the ledger has forgotten since.
    done: BTreeMap<ClaimId, (Slot, Outcome)>,
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

    pub(super) fn done(&self, claim: ClaimId) -> Option<(Slot, Outcome)> {
        self.done.get(&claim).copied()
    }

    /// The fewest witnesses that were wanted at any time from a slot on.
    pub(super) fn witnesses_wanted_since(&self, slot: Slot) -> u8 {
        self.wanted_witnesses[slot.0 as usize..].iter().copied().min().unwrap_or(0)
    }

    /// The fold of the log below a slot.
    pub(super) fn fold_below(&self, slot: Slot) -> Vec<u8> {
        let mut ledger = Ledger::default();
        for (slot, accepted) in (0..slot.0).zip(&self.entries) {
            ledger.apply(Slot(slot), &accepted.entry);
        }
        wire::plain_bytes(&ledger)
    }

    /// The next slot is seen to be decided for the first time, after which the hash of the log is `chain`.
    pub(super) fn decide(&mut self, accepted: &Accepted, chain: u64) -> Result<(), Violated> {
        let slot = self.decided();
        self.check_configuration(slot, accepted)?;
        let before = effects(&self.ledger);
        let outcome = self.ledger.apply(slot, &accepted.entry);
        if let (Entry::Claim(claim), Some(outcome)) = (&accepted.entry, outcome) {
            self.check_outcome(slot, claim, outcome, before)?;
        }
        self.ledger.assert_invariants();
        self.entries.push(accepted.clone());
        self.chains.push(chain);
        self.wanted_witnesses.push(self.ledger.policy().witnesses);
        Ok(())
    }

    /// Each slot is decided in the configuration in force, and a configuration has one successor.
    fn check_configuration(&self, slot: Slot, accepted: &Accepted) -> Result<(), Violated> {
        let number = self.ledger.configuration().map_or(0, |configuration| configuration.number);
        let entry = Box::new(accepted.entry.clone());
        let wrong = Violated::WrongConfiguration { slot, ballot: accepted.ballot, number, entry };
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

    /// A claim is done once, whatever is forgotten; and numbers come from where they may.
    fn check_outcome(&mut self, slot: Slot, claim: &Claim, outcome: Outcome, before: Effects) -> Result<(), Violated> {
        if outcome == Err(Rejection::Forgotten) {
            self.forgotten += 1;
        } else if let Some(&(first, done)) = self.done.get(&claim.id) {
            self.repeated += 1;
            if done != outcome || effects(&self.ledger) != before {
                return Err(Violated::DoneTwice { claim: claim.id, first, again: slot });
            }
        } else {
            self.done.insert(claim.id, (slot, outcome));
            self.waivers += u64::from(claim.wish == Wish::Waive);
            self.check_number(slot, claim, outcome)?;
        }
        Ok(())
    }

    fn check_number(&self, slot: Slot, claim: &Claim, outcome: Outcome) -> Result<(), Violated> {
        let given = match outcome {
            Ok(Granted::Final(numbered)) => numbered.number,
            Ok(Granted::Set { number: Some(numbered) }) if numbered.slot == slot => numbered.number,
            _ => return Ok(()),
        };
        let range = self.ledger.ranges().find(|range| (range.first..=range.last).contains(&given));
        let may = match (range, &claim.wish) {
            (None, _) => true,
            (Some(_), Wish::Allocate { .. }) => false,
            (Some(range), _) => range.to == claim.id.replica,
        };
        if may { Ok(()) } else { Err(Violated::LeasedNumberGiven { slot, number: given }) }
    }

    /// The voters that decide a slot.
    pub(super) fn voters_at(&self, slot: Slot) -> Option<&Configuration> {
        let before = self.entries[..slot.0 as usize].iter().rev();
        before.into_iter().find_map(|accepted| match &accepted.entry {
            Entry::Configure(configuration) => Some(configuration),
            _ => None,
        })
    }

    /// The slots that were decided under a lower ballot and that `holds` does not hold.
    pub(super) fn missing(&self, from: Slot, below: Ballot, holds: impl Fn(Slot, &Entry) -> bool) -> Option<Slot> {
        let slots = (from.0..).map(Slot).zip(self.entries.iter().skip(from.0 as usize));
        let mut chosen = slots.filter(|(_, accepted)| accepted.ballot < below);
        chosen.find(|(slot, accepted)| !holds(*slot, &accepted.entry)).map(|(slot, _)| slot)
    }
}

/// What claims have done to a ledger, in short.
type Effects = (usize, u64, usize, (u64, crate::ledger::Mode), Vec<(u64, crate::id::RecordId)>, Vec<(ReplicaId, u64)>);

fn effects(ledger: &Ledger) -> Effects {
    let numbers = ledger.numbers().collect();
    (ledger.count(), ledger.highest(), ledger.ranges().count(), ledger.mode(), numbers, ledger.retired().collect())
}
