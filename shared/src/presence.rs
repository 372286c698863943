//! Who is there: told on change, never stored.

use serde::{Deserialize, Serialize};

use crate::id::{ReplicaId, VoterId};
use crate::paxos::Ballot;

/// The tabs at one relay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayPresence {
    pub tabs: Vec<ReplicaId>,
    /// Where tabs and relays reach the relay: host and port.
    pub address: String,
    /// The ballot of the leader, if the relay has a link to it or leads.
    pub leader: Option<Ballot>,
}

/// One relay, as the relay that reports sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayStatus {
    pub voter: VoterId,
    /// Where tabs and relays reach it: host and port.
    pub address: String,
    /// Whether the reporting relay has a link to it, or is it.
    pub up: bool,
    /// Whether it has a vote by the log, in the incarnation in which it is up.
    pub votes: bool,
    pub tabs: Vec<ReplicaId>,
}

/// How things stand, as the relay `me` sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub me: VoterId,
    /// The ballot of the leader, if one is known.
    pub leader: Option<Ballot>,
    /// All relays, by id.
    pub relays: Vec<RelayStatus>,
}

impl Status {
    /// Whether a majority of the voters is up.
    #[must_use]
    pub fn has_majority(&self) -> bool {
        let voters = self.relays.iter().filter(|relay| relay.votes).count();
        let up = self.relays.iter().filter(|relay| relay.votes && relay.up).count();
        up > voters / 2
    }

    /// Whether a majority of the voters is up and has a leader: whether numbers can be decided now.
    #[must_use]
    pub fn can_agree(&self) -> bool {
        self.leader.is_some() && self.has_majority()
    }
}
