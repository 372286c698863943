//! The messages of voters.

use serde::{Deserialize, Serialize};

use super::{Accepted, AcceptorState, Ballot, Entry, Slot};

/// What voters say to one another. Slots are half-open: `decided` is the first slot that is not known to be decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message<C> {
    /// Phase 1a. The candidate knows the log below `decided`.
    Prepare { ballot: Ballot, decided: Slot },
    /// Phase 1b: everything accepted at or above both sides' `decided`.
    Promise { ballot: Ballot, decided: Slot, accepted: Vec<(Slot, Accepted<C>)> },
    /// Phase 2a, for consecutive slots from `first`. Without entries it says who leads.
    Accept { ballot: Ballot, first: Slot, entries: Vec<Entry<C>>, decided: Slot },
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
    RecoveryResponse(RecoveryResponse<C>),
}

/// What one relay tells another that was restarted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecoveryResponse<C> {
    /// So far the receiver has bound itself, as the sender remembers.
    pub acceptor_state: AcceptorState,
    /// How far the sender knows the log.
    pub decided: Slot,
    /// What the sender has accepted from there on of the receiver's own proposals.
    pub proposals: Vec<(Slot, Accepted<C>)>,
}
