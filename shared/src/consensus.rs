//! Multi-Paxos (Lamport, "Paxos Made Simple", 2001, §3): one log per room, decided by a majority of voters.
//!
//! [`Log`] is what a learner knows and an acceptor has accepted; every replica has one. [`Voter`] is the rest of a
//! relay's part: acceptor, candidate, leader. Who votes is a fact in the log, too: a [`Configuration`] ends the one
//! before it (the stop-sign of Lamport, Malkhi and Zhou, "Reconfiguring a State Machine", 2010, §3).
//! `docs/protocol.md` has the table of messages and the argument for safety.

mod acceptor_state;
mod ballot;
mod candidate;
mod configuration;
mod leader;
mod log;
mod recovery;
mod restore_id;
mod voter;
pub(crate) mod voter_support;
mod votes;

pub use acceptor_state::AcceptorState;
pub use ballot::{Ballot, Slot};
pub use configuration::{Configuration, Founding};
pub use log::{Diverged, Log, Position};
pub use restore_id::RestoreId;
pub use voter::{Effects, Voter};
pub use votes::Votes;

use serde::{Deserialize, Serialize};

use crate::ledger::Claim;

/// What is decided for one slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entry {
    /// Fills a slot for which a new leader found no accepted entry below one that it found.
    Noop,
    Claim(Claim),
    /// From the next slot on these voters decide. Nothing of the configuration before it is decided behind it.
    Configure(Configuration),
    /// All relays were restored from a backup, which holds the log up to here, and these voters go on. Decided by nobody: the
    /// operator says so.
    Restored {
        id: RestoreId,
        configuration: Configuration,
    },
}

impl Entry {
    /// The configuration that is in force behind this entry, if it begins one.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        match self {
            Entry::Configure(configuration) | Entry::Restored { configuration, .. } => Some(configuration),
            Entry::Noop | Entry::Claim(_) => None,
        }
    }
}

/// An entry with the ballot under which it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Accepted {
    pub ballot: Ballot,
    pub entry: Entry,
}

/// What voters say to one another. Slots are half-open: `decided` is the first slot that is not known to be decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Phase 1a. The candidate knows the log below `decided`.
    Prepare { ballot: Ballot, decided: Slot },
    /// Phase 1b: everything accepted at or above both sides' `decided`.
    Promise { ballot: Ballot, decided: Slot, accepted: Vec<(Slot, Accepted)> },
    /// Phase 2a, for consecutive slots from `first`. Without entries it says who leads.
    Accept { ballot: Ballot, first: Slot, entries: Vec<Entry>, decided: Slot },
    /// Phase 2b: every slot below `until` is decided or accepted under this ballot.
    Accepted { ballot: Ballot, until: Slot },
    /// Phase 1 or 2 under `ballot` was refused, since a higher ballot has been promised or a later configuration is
    /// in force, or (`promised` no higher) since the leader is at work.
    Refused { ballot: Ballot, promised: Ballot },
    /// The leader of `ballot` says that every slot below `decided` is decided.
    Decided { ballot: Ballot, decided: Slot },
    /// The leader of `ballot` leads no more.
    StepDown { ballot: Ballot },
    /// The leader of `ballot` asks whether it still leads.
    Confirm { ballot: Ballot, round: u64 },
    /// It does, as far as this voter knows.
    Confirmed { ballot: Ballot, round: u64 },
    /// A voter that was restarted asks what is remembered of it.
    RecoveryRequest,
    /// What the sender remembers of the receiver.
    RecoveryResponse(RecoveryResponse),
}

/// What one relay tells another that was restarted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecoveryResponse {
    /// So far the receiver has bound itself, as the sender remembers.
    pub acceptor_state: AcceptorState,
    /// How far the sender knows the log.
    pub decided: Slot,
    /// What the sender has accepted from there on of the receiver's own proposals.
    pub proposals: Vec<(Slot, Accepted)>,
}

/// A part of the decided log, for whoever lags behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suffix {
    pub first: Slot,
    /// The hash of the log below `first`.
    pub chain: u64,
    pub entries: Vec<Accepted>,
    /// How far the sender knows the log: if that is beyond these entries, there is more to fetch.
    pub decided: Slot,
}
