//! Telemetry: the votes and links that a relay sees. It goes to watchers, is never stored, and no rule depends on it.

use crate::consensus::{Slot, Votes};
use crate::ledger::Accepted;
use serde::{Deserialize, Serialize};

use crate::base::id::{RelayId, ReplicaId};

/// The telemetry of one relay since it last sent any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The relay that reports.
    pub by: RelayId,
    /// The incarnation of its database.
    pub incarnation: ReplicaId,
    /// In the answer to a `Watch`: the number that the watcher chose.
    pub echo: Option<u64>,
    /// True if the relay may lack votes that it gave before. It gives none until that is clear.
    pub is_recovering: bool,
    /// From a leader: how far the voters have accepted.
    pub votes: Option<Votes>,
    /// The first entries that it has accepted and does not know to be decided, ascending by slot.
    pub undecided: Vec<(Slot, Accepted)>,
    /// The links of the relay. If there are too many, some are left out; those to relays come first.
    pub links: Vec<LinkSeen>,
}

/// One link of a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSeen {
    /// The replica at the other end.
    pub to: End,
    /// How many messages have gone to the other end since the last telemetry; 0 in an answer to a `Watch`.
    pub sent: u32,
    /// How many messages have come from the other end since the last telemetry; 0 in an answer to a `Watch`.
    pub received: u32,
    /// The round trip in microseconds, as far as either end has measured it.
    pub round_trip_us: Option<u32>,
    /// How long ago the other end was heard, in milliseconds; `None` if it was not since somebody watches.
    pub heard_ms_ago: Option<u32>,
    /// Of an observer: it has the log below this slot.
    pub acknowledged: Option<Slot>,
}

/// The other end of a relay's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum End {
    /// A relay, by its id as a voter.
    Relay(RelayId),
    /// A tab, by its id.
    Tab(ReplicaId),
}
