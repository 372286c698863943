//! The agree half's state machine: who owns which number. Driven by the decided log, so it is equal wherever the
//! same prefix of the log has been applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::{RecordId, ReplicaId};
use crate::paxos::Slot;

/// The largest number that can be given.
pub const MAX_NUMBER: u64 = 999_999_999_999;

/// The name of one wish for a number. Asking again under the same name is safe: it has one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClaimId {
    pub replica: ReplicaId,
    /// Counted by the replica from 1.
    pub seq: u64,
}

/// What a replica asks the ledger to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Give `number` to `record`, if nobody has it.
    Claim { record: RecordId, number: u64 },
    /// Give the next number above the highest to `record`.
    Allocate { record: RecordId },
    /// Raise the highest number to `number`, so that what is at or below it is not allocated any more.
    Raise { number: u64 },
    /// Free the number of `record`.
    Release { record: RecordId },
}

impl Wish {
    /// The record that the wish is about.
    #[must_use]
    pub fn record(&self) -> Option<RecordId> {
        match *self {
            Wish::Claim { record, .. } | Wish::Allocate { record } | Wish::Release { record } => Some(record),
            Wish::Raise { .. } => None,
        }
    }
}

/// A wish with its name: what the log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub id: ClaimId,
    pub wish: Wish,
}

/// A number that the log has given to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    pub number: u64,
    /// The slot of the claim that won.
    pub slot: Slot,
}

/// What a granted wish did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Granted {
    /// The record has the number.
    Final(Numbered),
    /// The record's number is free again.
    Released { number: u64 },
    /// The highest number, after it was raised.
    Highest { number: u64 },
}

/// An expected refusal, the same on every replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Rejection {
    #[error("number {number} belongs to another record already, since slot {slot}")]
    NumberTaken { number: u64, owner: RecordId, slot: Slot },
    #[error("the record has number {number} already, since slot {slot}: release it first")]
    AlreadyNumbered { number: u64, slot: Slot },
    #[error("the record has no number to release")]
    NotNumbered,
    #[error("numbers are in 1..={MAX_NUMBER}; {number} is not")]
    OutOfRange { number: u64 },
    #[error("every number up to {MAX_NUMBER} is in use")]
    Exhausted,
}

/// What became of a claim.
pub type Outcome = Result<Granted, Rejection>;

/// The numbers of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Invariant: `owners` and `numbers` are inverse to one another, so a number has one owner at the most.
    owners: BTreeMap<u64, (RecordId, Slot)>,
    numbers: BTreeMap<RecordId, Numbered>,
    /// Invariant: at least every number ever given; never falls.
    highest: u64,
    /// The outcome of every claim applied, so that one which is decided twice has its effect once.
    outcomes: BTreeMap<ClaimId, Outcome>,
}

impl Ledger {
    /// Applies the claim decided at `slot`; one that was applied before keeps its outcome.
    pub fn apply(&mut self, slot: Slot, claim: Claim) -> Outcome {
        if let Some(&outcome) = self.outcomes.get(&claim.id) {
            return outcome;
        }
        let outcome = match claim.wish {
            Wish::Claim { record, number } => self.give(slot, record, number),
            Wish::Allocate { record } => match self.highest {
                MAX_NUMBER => Err(Rejection::Exhausted),
                highest => self.give(slot, record, highest + 1),
            },
            Wish::Raise { number } => self.raise(number),
            Wish::Release { record } => self.release(record),
        };
        self.outcomes.insert(claim.id, outcome);
        outcome
    }

    fn give(&mut self, slot: Slot, record: RecordId, number: u64) -> Outcome {
        check_number(number)?;
        if let Some(&Numbered { number, slot }) = self.numbers.get(&record) {
            return Err(Rejection::AlreadyNumbered { number, slot });
        }
        if let Some(&(owner, slot)) = self.owners.get(&number) {
            return Err(Rejection::NumberTaken { number, owner, slot });
        }
        let numbered = Numbered { number, slot };
        self.owners.insert(number, (record, slot));
        self.numbers.insert(record, numbered);
        self.highest = self.highest.max(number);
        Ok(Granted::Final(numbered))
    }

    fn raise(&mut self, number: u64) -> Outcome {
        check_number(number)?;
        self.highest = self.highest.max(number);
        Ok(Granted::Highest { number: self.highest })
    }

    fn release(&mut self, record: RecordId) -> Outcome {
        let Numbered { number, .. } = self.numbers.remove(&record).ok_or(Rejection::NotNumbered)?;
        self.owners.remove(&number);
        Ok(Granted::Released { number })
    }

    #[must_use]
    pub fn number_of(&self, record: RecordId) -> Option<Numbered> {
        self.numbers.get(&record).copied()
    }

    /// Who has `number`, and since which slot.
    #[must_use]
    pub fn owner_of(&self, number: u64) -> Option<(RecordId, Slot)> {
        self.owners.get(&number).copied()
    }

    /// All numbers in use with their owners, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = (u64, RecordId)> + '_ {
        self.owners.iter().map(|(&number, &(record, _))| (number, record))
    }

    /// The highest number ever given or raised to; 0 before the first.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.highest
    }

    #[must_use]
    pub fn outcome(&self, claim: ClaimId) -> Option<Outcome> {
        self.outcomes.get(&claim).copied()
    }

    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        assert_eq!(self.owners.len(), self.numbers.len(), "owners and numbers differ in size");
        for (&number, &(record, slot)) in &self.owners {
            assert_eq!(self.numbers.get(&record), Some(&Numbered { number, slot }), "owner of {number}");
            assert!(number <= self.highest, "{number} is above the highest number");
        }
    }
}

fn check_number(number: u64) -> Result<(), Rejection> {
    if (1..=MAX_NUMBER).contains(&number) { Ok(()) } else { Err(Rejection::OutOfRange { number }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot::Dot;

    fn record(counter: u64) -> RecordId {
        RecordId(Dot::new(ReplicaId(1), counter))
    }

    fn claim(seq: u64, wish: Wish) -> Claim {
        Claim { id: ClaimId { replica: ReplicaId(9), seq }, wish }
    }

    #[test]
    fn the_first_claim_in_log_order_wins_and_the_second_learns_who_has_it() {
        let mut ledger = Ledger::default();
        let won = ledger.apply(Slot(4), claim(1, Wish::Claim { record: record(1), number: 42 }));
        assert_eq!(won, Ok(Granted::Final(Numbered { number: 42, slot: Slot(4) })));
        let lost = ledger.apply(Slot(5), claim(2, Wish::Claim { record: record(2), number: 42 }));
        assert_eq!(lost, Err(Rejection::NumberTaken { number: 42, owner: record(1), slot: Slot(4) }));
        ledger.assert_invariants();
    }

    #[test]
    fn a_claim_that_is_decided_twice_has_its_effect_once() {
        let mut ledger = Ledger::default();
        let allocate = claim(1, Wish::Allocate { record: record(1) });
        let first = ledger.apply(Slot(0), allocate);
        assert_eq!(ledger.apply(Slot(1), allocate), first);
        assert_eq!(ledger.highest(), 1);
    }

    #[test]
    fn allocation_goes_above_everything_claimed_raised_or_released() {
        let mut ledger = Ledger::default();
        ledger.apply(Slot(0), claim(1, Wish::Claim { record: record(1), number: 7 })).unwrap();
        ledger.apply(Slot(1), claim(2, Wish::Release { record: record(1) })).unwrap();
        ledger.apply(Slot(2), claim(3, Wish::Raise { number: 20 })).unwrap();
        let next = ledger.apply(Slot(3), claim(4, Wish::Allocate { record: record(1) }));
        assert_eq!(next, Ok(Granted::Final(Numbered { number: 21, slot: Slot(3) })));
        ledger.assert_invariants();
    }

    #[test]
    fn refusals_name_their_reason() {
        let mut ledger = Ledger::default();
        let zero = ledger.apply(Slot(0), claim(1, Wish::Claim { record: record(1), number: 0 }));
        assert_eq!(zero, Err(Rejection::OutOfRange { number: 0 }));
        let none = ledger.apply(Slot(1), claim(2, Wish::Release { record: record(1) }));
        assert_eq!(none, Err(Rejection::NotNumbered));
        ledger.apply(Slot(2), claim(3, Wish::Claim { record: record(1), number: MAX_NUMBER })).unwrap();
        let full = ledger.apply(Slot(3), claim(4, Wish::Allocate { record: record(2) }));
        assert_eq!(full, Err(Rejection::Exhausted));
    }
}
