//! Ballots order the attempts to lead, slots the entries of the log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::id::RelayId;

/// One attempt to lead. Ordered by configuration, then by round, then by voter, so no two voters share a ballot. A
/// voter that has promised in one configuration obeys no earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// The number of the configuration in which it is held.
    pub configuration: u32,
    /// Counted by candidates within the configuration: each candidate takes a higher round than it has seen.
    pub round: u64,
    /// The voter that tries to lead.
    pub voter: RelayId,
}

impl Ballot {
    /// Below every ballot that a voter uses.
    pub const ZERO: Ballot = Ballot::first_of(0);

    /// Below every ballot that a voter uses in a configuration.
    #[must_use]
    pub const fn first_of(configuration: u32) -> Ballot {
        Ballot { configuration, round: 0, voter: RelayId(0) }
    }
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.configuration, self.round, self.voter.0)
    }
}

/// A position in the log, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub u64);

impl Slot {
    /// Returns the slot `count` further on; stops at the highest one.
    #[must_use]
    pub fn plus(self, count: u64) -> Slot {
        Slot(self.0.saturating_add(count))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
