//! Whether a replica is connected to a relay.

use shared::base::id::RelayId;

/// The connection of a replica to the relays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// By the user's choice.
    Offline,
    /// The replica looks for a relay.
    Seeking {
        /// The address that is tried next.
        next: String,
    },
    /// Both sides have said hello.
    Connected {
        /// The address of the relay.
        address: String,
        /// The id of the relay.
        voter: RelayId,
    },
}
