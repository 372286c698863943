//! Who votes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{ReplicaId, VoterId};
use crate::mutation::{self, Mutation};

/// The voters of a stretch of the log. The log itself says which they are: its first entry founds configuration 0, and
/// each later configuration begins behind the entry that ends the one before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Configuration {
    /// Counted from 0, one by one: a configuration has one successor.
    pub number: u32,
    /// The incarnation of each voter: under the same id another database has no vote.
    pub voters: BTreeMap<VoterId, ReplicaId>,
}

impl Configuration {
    /// How many voters make a majority.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.voters.len() / 2 + usize::from(!mutation::is(Mutation::SmallQuorum) || self.voters.len() < 2)
    }

    #[must_use]
    pub fn has(&self, voter: VoterId, incarnation: ReplicaId) -> bool {
        let known = self.voters.get(&voter);
        known == Some(&incarnation) || mutation::is(Mutation::AnyIncarnation) && known.is_some()
    }
}
