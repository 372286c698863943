//! Configurations: the voters of a stretch of the log.

use serde::{Deserialize, Serialize};

use super::rules::{InForce, Rules};
use crate::base::id::{RelayId, ReplicaId};
use crate::base::sorted::SortedMap;

/// The voters of a stretch of the log. The log itself says which they are: its first entry founds configuration 0, and
/// each later configuration begins behind the entry that ends the one before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Configuration {
    /// Counted from 0, one by one: a configuration has one successor.
    pub number: u32,
    /// The incarnation of each voter: under the same id another database has no vote.
    pub voters: SortedMap<RelayId, ReplicaId>,
}

impl Configuration {
    /// How many voters make a majority.
    #[must_use]
    pub fn quorum(&self) -> usize {
        InForce::quorum(self.voters.len())
    }

    /// Returns true if the voter has a vote in this incarnation.
    #[must_use]
    pub fn has(&self, voter: RelayId, incarnation: ReplicaId) -> bool {
        InForce::has_vote(self.voters.get(&voter).copied(), incarnation)
    }
}
