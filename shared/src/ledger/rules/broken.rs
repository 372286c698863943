//! The rules with one of them broken, for tests.

use super::{Promised, Rules};
use crate::base::mutation::{Mutation, is};
use crate::consensus::Slot;
use crate::schema::MAX_NUMBER;

pub(in crate::ledger) struct Broken;

impl Rules for Broken {
    fn is_out_of_date(from: Option<u64>, present: u64) -> bool {
        Promised::is_out_of_date(from, present) && !is(Mutation::AnyEpochLeft)
    }

    fn must_wait(granted: bool) -> bool {
        Promised::must_wait(granted) && !is(Mutation::TwoSuccessors)
    }

    fn remembers_outcomes() -> bool {
        !is(Mutation::DoneAgain)
    }

    fn may_be_forgotten(seen: Slot, knows_from: Slot) -> bool {
        Promised::may_be_forgotten(seen, knows_from) && !is(Mutation::ForgottenIsNew)
    }

    fn withholds_leased() -> bool {
        !is(Mutation::LeaseIgnored)
    }

    fn reach(reach: u64) -> u64 {
        if is(Mutation::ReachIgnored) { MAX_NUMBER } else { Promised::reach(reach) }
    }

    fn lease_raises_highest() -> bool {
        !is(Mutation::LeasesOverlap)
    }

    fn remembers_keys() -> bool {
        !is(Mutation::KeyUsedAgain)
    }

    fn key_may_be_forgotten(since: Slot, forgotten: Slot) -> bool {
        Promised::key_may_be_forgotten(since, forgotten) && !is(Mutation::ForgottenKeyIsNew)
    }

    fn remembers_settled() -> bool {
        !is(Mutation::SettledAgain)
    }

    fn winners_come_first() -> bool {
        !is(Mutation::LoserFirst)
    }

    fn lists_conflicts() -> bool {
        !is(Mutation::ConflictUntold)
    }
}
