//! The tabs: who may come in, and under which id.

use std::sync::Arc;

use shared::base::id::ReplicaId;
use shared::base::room::Room;
use shared::replica::io::{Input, Message, MessageClass, PeerId, PeerKind, Violation};
use tokio::sync::oneshot;

use super::handle::Reserved;
use super::machine::contained;
use super::{Belonging, NoRoom, Node, Peer};
use crate::budget::Account;
use crate::outbox::Outbox;

/// A tab that has proved its id.
#[derive(Debug)]
pub struct Visitor {
    pub replica: ReplicaId,
    pub room: Room,
    /// What it may make this relay do.
    pub account: Arc<Account>,
}

/// A message of a tab on its way to the node.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) message: Message,
    /// How much the message is, in bytes.
    bytes: usize,
    /// Kept until the node has handled the message.
    _memory: Reserved,
    /// Dropped when the node has handled the message.
    _handled: oneshot::Sender<()>,
}

impl Said {
    /// The message, and what fires when the node has handled it.
    pub(super) fn new(message: Message, bytes: usize, memory: Reserved) -> (Self, oneshot::Receiver<()>) {
        let (handled, is_handled) = oneshot::channel();
        (Said { message, bytes, _memory: memory, _handled: handled }, is_handled)
    }
}

impl Node {
    pub(super) fn tab_up(&mut self, peer: PeerId, visitor: Visitor, outbox: Outbox) {
        let Visitor { replica, room, account } = visitor;
        if self.stops_at.is_some() {
            return outbox.cut(Violation::Stopping);
        }
        let refusal = self.enter(&room, account.address()).err().map(refusal);
        if let Some(violation) = refusal.or_else(|| self.refuse_id(&room, replica)) {
            return outbox.cut(violation);
        }
        let place = Belonging::Tab(replica, room.clone());
        self.replace(&place);
        self.peers.insert(peer, Peer { account: Some(account), ..Peer::new(place, outbox) });
        if let Some(open) = self.rooms.open.get_mut(&room) {
            open.tabs += 1;
        }
        self.handle(&room, Input::PeerUp(peer, PeerKind::Tab(replica)));
    }

    pub(super) fn tab_says(&mut self, peer: PeerId, said: Said) {
        let Some(Peer { place: Belonging::Tab(_, room), account, answer_is_due, .. }) = self.peers.get_mut(&peer)
        else {
            return; // Cut already; this was still on its way.
        };
        let room = room.clone();
        *answer_is_due |= is_answered_at_length(&said.message);
        if is_passed_on(&said.message)
            && let (Some(account), Some(open)) = (account, self.rooms.open.get(&room))
        {
            account.charge_sent(said.bytes * open.tabs);
        }
        let Said { message, _memory, _handled, .. } = said;
        self.handle(&room, Input::Receive(peer, message));
    }

    /// Ends connections of tabs until no more waits for all of them together than may, those first for which most waits.
    pub(super) fn cut_longest(&mut self) {
        while self.waiting_for_tabs.is_over() {
            let tabs = self.peers.iter().filter(|(_, peer)| peer.place.link().is_none());
            let longest = tabs.max_by_key(|(_, peer)| peer.outbox.waiting_bytes()).map(|(&id, _)| id);
            let Some(longest) = longest else { return };
            self.cut(longest, Violation::SlowPeer);
        }
    }

    /// Why a tab may not have an id here, though it has proved it. At this relay the older connection under the id ends;
    /// another relay cannot be told so in time.
    fn refuse_id(&self, room: &Room, id: ReplicaId) -> Option<Violation> {
        if self.is_id_of_relay(room, id) {
            return Some(Violation::IdOfRelay);
        }
        let open = self.rooms.open.get(room)?;
        let status = contained(|| open.machine.view().status()).ok().flatten()?;
        let mut others = status.relays.iter().filter(|relay| relay.voter != self.me.voter);
        others.any(|relay| relay.tabs.contains(&id)).then_some(Violation::ConnectedElsewhere)
    }
}

/// Whether a message asks for what may be long. Its sender may ask for more only when the answer is in the outbox.
pub fn is_answered_at_length(message: &Message) -> bool {
    message.class() == MessageClass::CatchUp
}

/// Whether a message may be a part of a long answer.
pub(super) fn is_long_answer(message: &Message) -> bool {
    matches!(
        message,
        Message::Delta(_)
            | Message::More
            | Message::Digest(_)
            | Message::Liveness(_)
            | Message::Suffix(_)
            | Message::SnapshotPart { .. }
    )
}

/// Whether a message of a tab goes on to all other tabs of the room, or makes the log do so.
fn is_passed_on(message: &Message) -> bool {
    matches!(
        message,
        Message::Edit(_) | Message::Delta(_) | Message::Propose(_) | Message::Restored { .. } | Message::Revived { .. }
    )
}

/// The reason that a tab gets why it cannot be in a room.
fn refusal(no_room: NoRoom) -> Violation {
    match no_room {
        NoRoom::TooMany { limit } => Violation::TooManyRooms { limit },
        NoRoom::TooFast => Violation::TooManyNewRooms,
        NoRoom::Stopping => Violation::Stopping,
        NoRoom::Unknown | NoRoom::Failed | NoRoom::Closed | NoRoom::Missing | NoRoom::ReadFailed => {
            Violation::RoomFailed
        }
    }
}
