//! Who votes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{RelayId, ReplicaId};
use crate::base::mutation::{self, Mutation};
use crate::consensus::RestoreId;

use super::Entry;

/// The voters of a stretch of the log. The log itself says which they are: its first entry founds configuration 0, and
/// each later configuration begins behind the entry that ends the one before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Configuration {
    /// Counted from 0, one by one: a configuration has one successor.
    pub number: u32,
    /// The incarnation of each voter: under the same id another database has no vote.
    pub voters: BTreeMap<RelayId, ReplicaId>,
}

impl Configuration {
    /// How many voters make a majority.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.voters.len() / 2 + usize::from(!mutation::is(Mutation::SmallQuorum) || self.voters.len() < 2)
    }

    #[must_use]
    pub fn has(&self, voter: RelayId, incarnation: ReplicaId) -> bool {
        let known = self.voters.get(&voter);
        known == Some(&incarnation) || mutation::is(Mutation::AnyIncarnation) && known.is_some()
    }
}

/// How every log begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    pub configuration: Configuration,
    /// The latest restore of all relays, if there was one: a room that the backup did not hold begins with it.
    pub restored: Option<RestoreId>,
}

impl Founding {
    /// The first entry of a log.
    #[must_use]
    pub fn entry(self) -> Entry {
        let Founding { configuration, restored } = self;
        match restored {
            Some(id) => Entry::Restored { id, configuration },
            None => Entry::Configure(configuration),
        }
    }
}

impl From<Configuration> for Founding {
    /// That of relays which were never restored.
    fn from(configuration: Configuration) -> Self {
        Founding { configuration, restored: None }
    }
}
