//! Multi-Paxos (Lamport, "Paxos Made Simple", 2001, §3): one log per room, decided by a majority of voters.
//!
//! [`Log`] is what a learner knows and an acceptor has accepted; every replica has one. [`Voter`] is the rest of a
//! relay's part: acceptor, candidate, leader. `docs/protocol.md` has the table of messages and the argument for safety.

mod ballot;
mod candidate;
mod leader;
mod log;
mod voter;

pub use ballot::{Ballot, Slot};
pub use log::Log;
pub use voter::{Effects, Voter};

use serde::{Deserialize, Serialize};

use crate::ledger::Claim;

/// What is decided for one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// Fills a slot for which a new leader found no accepted entry below one that it found.
    Noop,
    Claim(Claim),
}

/// An entry with the ballot under which it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub ballot: Ballot,
    pub entry: Entry,
}

/// What voters say to one another. Slots are half-open: `decided` is the first slot that is not known to be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Phase 1a. The candidate knows the log below `decided`.
    Prepare { ballot: Ballot, decided: Slot },
    /// Phase 1b: everything accepted at or above both sides' `decided`.
    Promise { ballot: Ballot, decided: Slot, accepted: Vec<(Slot, Accepted)> },
    /// Phase 2a, for consecutive slots from `first`. Without entries it says who leads.
    Accept { ballot: Ballot, first: Slot, entries: Vec<Entry>, decided: Slot },
    /// Phase 2b, for `count` slots from `first`.
    Accepted { ballot: Ballot, first: Slot, count: u32 },
    /// Phase 1 or 2 under `ballot` was refused, since a higher ballot has been promised, or (`promised` no higher)
    /// since the leader is at work.
    Refused { ballot: Ballot, promised: Ballot },
    /// The leader of `ballot` says that every slot below `decided` is decided.
    Decided { ballot: Ballot, decided: Slot },
    /// The leader of `ballot` leads no more.
    StepDown { ballot: Ballot },
}

/// A part of the decided log, for whoever lags behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suffix {
    pub first: Slot,
    pub entries: Vec<Accepted>,
    /// How far the sender knows the log: if that is beyond these entries, there is more to fetch.
    pub decided: Slot,
}
