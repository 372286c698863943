//! What a relay sees of the agreement and of its links: told to those who watch, never stored, and of no consequence.

use crate::consensus::{Slot, Votes};
use crate::ledger::Accepted;
use serde::{Deserialize, Serialize};

use crate::base::id::{RelayId, ReplicaId};

/// What one relay has seen since it told the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    pub by: RelayId,
    pub incarnation: ReplicaId,
    /// In the answer to a `Watch`: by what the asker knows it.
    pub echo: Option<u64>,
    /// It may be lacking votes that it has given before, and gives none until that is clear.
    pub is_recovering: bool,
    /// Of a leader: what the voters have.
    pub votes: Option<Votes>,
    /// What it has accepted and does not know to be decided, ascending: the first of it.
    pub undecided: Vec<(Slot, Accepted)>,
    /// The first of them, if there are very many; those to relays come first.
    pub links: Vec<LinkSeen>,
}

/// One link of a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSeen {
    pub to: End,
    /// How many messages have gone to the other end, and come from there.
    pub sent: u32,
    pub received: u32,
    /// How long a message and its answer take, in microseconds, as far as either end has measured it.
    pub round_trip_us: Option<u32>,
    /// How long ago the other end was heard, in milliseconds; `None` if it was not, since somebody watches.
    pub heard_ms_ago: Option<u32>,
    /// Of a tab that is a witness: it has the log below this slot.
    pub witnessed: Option<Slot>,
}

/// The other end of a relay's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum End {
    Relay(RelayId),
    Tab(ReplicaId),
}
