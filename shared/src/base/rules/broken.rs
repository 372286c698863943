//! The rules with one of them broken, for tests.

use super::{Clocks, Rules};
use crate::base::mutation::{Mutation, is};

pub(in crate::base) struct Broken;

impl Rules for Broken {
    fn ignores(far: bool) -> bool {
        Clocks::ignores(far) && !is(Mutation::ClockDragged)
    }
}
