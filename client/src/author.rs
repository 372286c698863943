//! Who does something, as far as a replica knows.

use shared::base::id::{RelayId, ReplicaId};

/// Who makes an edit, asks for something, or holds a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// A tab, or another program with a replica of its own. Also a relay, as long as the log does not name its id.
    Tab(ReplicaId),
    /// A relay, for a program that asks it over HTTP. The log names its id as that of a voter.
    Relay(RelayId),
}
