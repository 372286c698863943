//! Identities: who a replica is, which voter it is, which record is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dot::Dot;

/// The identity of one replica's durable state, drawn at random by the host when that state is created.
///
/// It dies with the state: a replica that lost its state takes a new id, since under the old one it would issue
/// dots that others have already seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReplicaId(pub u64);

impl fmt::Display for ReplicaId {
    /// The first 16 of the 64 bits, in hexadecimal: enough to tell the replicas of a room apart at a glance.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0 >> 48)
    }
}

/// The number under which a relay votes in Paxos, given by its operator (`--id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VoterId(pub u16);

impl fmt::Display for VoterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "relay {}", self.0)
    }
}

/// A record, named by the dot of the edit that created it: unique without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(pub Dot);

impl RecordId {
    /// The first in the order of ids.
    pub const MIN: RecordId = RecordId(Dot { replica: ReplicaId(0), counter: 1 });
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
