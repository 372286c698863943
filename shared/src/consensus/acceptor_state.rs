//! How far a voter has bound itself, and what others remember of it.

use serde::{Deserialize, Serialize};

use super::{Ballot, Slot};

/// How far a voter has bound itself. It never falls, unless a database forgets: if one was restored from an older copy,
/// or has lost its last writes, what others remember is above what the voter itself still knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AcceptorState {
    /// The highest ballot promised.
    pub promised: Ballot,
    /// The highest ballot under which something was accepted, and the slot behind the last entry accepted under it.
    pub accepted: (Ballot, Slot),
}

impl Default for AcceptorState {
    fn default() -> Self {
        AcceptorState::ZERO
    }
}

impl AcceptorState {
    /// Of a voter that has done nothing yet.
    pub const ZERO: AcceptorState = AcceptorState { promised: Ballot::ZERO, accepted: (Ballot::ZERO, Slot(0)) };

    /// Returns true if a voter in this state may have forgotten something that a voter in the `other` state knew.
    #[must_use]
    pub fn is_behind(&self, other: &AcceptorState) -> bool {
        self.promised < other.promised || self.accepted < other.accepted
    }

    /// Takes note that the voter has bound itself so far.
    pub fn raise(&mut self, other: &AcceptorState) {
        self.promised = self.promised.max(other.promised);
        self.accepted = self.accepted.max(other.accepted);
    }
}
