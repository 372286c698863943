//! Names that a host gives, and its clocks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::id::{RelayId, ReplicaId};

/// The host's clocks at the moment of an input.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The time since any fixed moment; never falls. Timers use it.
    pub monotonic: Duration,
    /// Milliseconds since the Unix epoch; may jump. Only the hybrid logical clock uses it.
    pub wall_ms: u64,
}

/// One link to another replica, named by the host; a new link has a new id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// The host's name for a command, to match the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// The host's name for an import: many records out of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImportId(pub u64);

/// The host's name for a batch of writes. Later batches have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub u64);

/// The kind of the replica at the other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerKind {
    /// A relay, with the incarnation of its database.
    Relay(RelayId, ReplicaId),
    /// A tab, with its id. To a tab it is a neighbour.
    Tab(ReplicaId),
}
