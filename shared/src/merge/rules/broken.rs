//! The rules with one of them broken, for tests.

use super::{Merging, Rules};
use crate::base::dot::MAX_COUNTER;
use crate::base::mutation::{Mutation, is};

pub(in crate::merge) struct Broken;

impl Rules for Broken {
    fn keeps_from_retiring(live: bool) -> bool {
        Merging::keeps_from_retiring(live) && !is(Mutation::RetiredAlive)
    }

    fn retired_until(last: u64) -> u64 {
        if is(Mutation::RetiredForGood) { MAX_COUNTER } else { Merging::retired_until(last) }
    }

    fn stays(higher: bool) -> bool {
        Merging::stays(higher) || is(Mutation::LatestContentStays)
    }

    fn leaves_out_forged() -> bool {
        !is(Mutation::FutureBelieved)
    }
}
