//! The messages of voters.

use serde::{Deserialize, Serialize};

use super::{Accepted, AcceptorState, Ballot, Entry, Slot};

/// A message between voters. Slots are half-open: `decided` is the first slot that is not known to be decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message<C> {
    /// Phase 1a. The candidate knows the log below `decided`.
    Prepare {
        /// The candidate's ballot.
        ballot: Ballot,
        /// The candidate knows the log below this slot.
        decided: Slot,
    },
    /// Phase 1b: everything accepted at or above both sides' `decided`.
    Promise {
        /// The ballot that is promised.
        ballot: Ballot,
        /// The voter knows the log below this slot.
        decided: Slot,
        /// The accepted entries by slot, each with the ballot under which it was accepted.
        accepted: Vec<(Slot, Accepted<C>)>,
    },
    /// Phase 2a, for consecutive slots from `first`. Without entries it says who leads.
    Accept {
        /// The leader's ballot.
        ballot: Ballot,
        /// The slot of the first entry.
        first: Slot,
        /// The entries to accept for consecutive slots.
        entries: Vec<Entry<C>>,
        /// The leader knows every slot below this one to be decided.
        decided: Slot,
    },
    /// Phase 2b: every slot below `until` is decided or accepted under this ballot.
    Accepted {
        /// The ballot of the leader.
        ballot: Ballot,
        /// The first slot that the voter neither knows to be decided nor has accepted under the ballot.
        until: Slot,
    },
    /// Phase 1 or 2 under `ballot` was refused. Either a higher ballot has been promised, or a later configuration is
    /// in force. If `promised` is no higher, the leader is at work.
    Refused {
        /// The ballot that was refused.
        ballot: Ballot,
        /// The highest ballot that the voter has promised.
        promised: Ballot,
    },
    /// The leader of `ballot` says that every slot below `decided` is decided.
    Decided {
        /// The leader's ballot.
        ballot: Ballot,
        /// Every slot below this one is decided.
        decided: Slot,
    },
    /// The leader of `ballot` leads no more.
    StepDown {
        /// The ballot of the leader that steps down.
        ballot: Ballot,
    },
    /// The leader of `ballot` asks whether it still leads.
    Confirm {
        /// The leader's ballot.
        ballot: Ballot,
        /// The number of the question, counted by the leader. The answer repeats it.
        round: u64,
    },
    /// The leader of `ballot` still leads, as far as this voter knows.
    Confirmed {
        /// The ballot from the question.
        ballot: Ballot,
        /// The number from the question.
        round: u64,
    },
    /// A restarted voter asks the relays what they remember of its votes.
    RecoveryRequest,
    /// The answer: the sender's memory of the receiver's votes.
    RecoveryResponse(RecoveryResponse<C>),
}

/// The answer of one relay to another that was restarted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecoveryResponse<C> {
    /// How far the receiver has bound itself, as the sender remembers.
    pub acceptor_state: AcceptorState,
    /// The sender knows the log below this slot.
    pub decided: Slot,
    /// The receiver's own proposals that the sender has accepted from there on.
    pub proposals: Vec<(Slot, Accepted<C>)>,
}
