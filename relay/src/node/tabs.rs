//! The tabs: who may come in, and under which id.

use std::net::IpAddr;

use shared::id::ReplicaId;
use shared::io::{Input, PeerId, PeerKind, Violation};
use shared::wire::Room;

use super::machine::contained;
use super::{NoRoom, Node, Peer, Place};
use crate::outbox::Outbox;

/// A tab that has proved its id.
#[derive(Debug)]
pub struct Visitor {
    pub replica: ReplicaId,
    pub room: Room,
    /// Where it comes from.
    pub address: IpAddr,
}

impl Node {
    pub(super) fn tab_up(&mut self, peer: PeerId, visitor: Visitor, outbox: Outbox) {
        let Visitor { replica, room, address } = visitor;
        let refusal = self.enter(&room, address).err().map(refusal);
        if let Some(violation) = refusal.or_else(|| self.refuse_id(&room, replica)) {
            return outbox.cut(violation);
        }
        let place = Place::Tab(replica, room.clone());
        self.replace(&place);
        self.peers.insert(peer, Peer::new(place, outbox));
        self.handle(&room, Input::PeerUp(peer, PeerKind::Tab(replica)));
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

/// What a tab is told of a room that it cannot be in.
fn refusal(no_room: NoRoom) -> Violation {
    match no_room {
        NoRoom::TooMany { limit } => Violation::TooManyRooms { limit },
        NoRoom::TooFast => Violation::TooManyNewRooms,
        NoRoom::Stopping => Violation::Stopping,
        NoRoom::Failed | NoRoom::Closed | NoRoom::Missing | NoRoom::ReadFailed => Violation::RoomFailed,
    }
}
