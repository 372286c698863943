//! The answers of the voters to a leader, for people who watch.

use serde::{Deserialize, Serialize};

use super::{Ballot, Slot};
use crate::base::id::RelayId;

/// How far the voters have answered a leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes {
    /// The ballot of the leader.
    pub ballot: Ballot,
    /// For each voter that has accepted anything under the ballot: it has accepted everything below this slot, or knows
    /// it to be decided.
    pub accepted: Vec<(RelayId, Slot)>,
    /// The first slot for which nothing is proposed.
    pub next: Slot,
}
