//! Identities: who a replica is, which voter it is, which record is meant.

mod record;
mod replica;

pub use record::RecordId;
pub use replica::{ReplicaId, ReplicaSecret};

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number under which a relay votes in Paxos, given by its operator (`--id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelayId(pub u16);

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "relay {}", self.0)
    }
}
