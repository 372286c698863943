//! The effects of a step: writes and messages.

use super::{Accepted, AcceptorState, Message, Slot};
use crate::base::id::{RelayId, ReplicaId};

/// The work that a step of a [`Voter`](super::Voter) asks of its host. The messages must not leave before the writes
/// are durable. [`Message::Accept`] and [`Message::Decided`] may: they bind nobody to anything that a crash could
/// undo.
#[derive(Debug)]
pub struct Effects<C> {
    /// In order.
    pub writes: Vec<LogWrite<C>>,
    /// Messages by receiver, which may be this voter itself.
    pub sends: Vec<(RelayId, Message<C>)>,
    /// The voter to ask for the decided log from this replica's `decided` on.
    pub fetch_from: Option<RelayId>,
    /// True if a majority has confirmed that this voter leads, after it was asked to find out.
    pub confirmed: bool,
}

impl<C> Default for Effects<C> {
    fn default() -> Self {
        Effects { writes: Vec::new(), sends: Vec::new(), fetch_from: None, confirmed: false }
    }
}

/// One change of the durable state of consensus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogWrite<C> {
    /// An entry was accepted for a slot.
    Accept {
        /// Its place in the log.
        slot: Slot,
        /// The entry, with its ballot.
        accepted: Accepted<C>,
    },
    /// The voter has bound itself this far.
    AcceptorState(AcceptorState),
    /// The memory of another voter has changed.
    Remember {
        /// The other voter.
        voter: RelayId,
        /// The incarnation of its database.
        incarnation: ReplicaId,
        /// How far it has bound itself, as this voter knows.
        acceptor_state: AcceptorState,
    },
}
