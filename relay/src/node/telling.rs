//! Tells the programs of the original system of updates by one another, at any relay, and edits by tabs.

use shared::base::room::Room;
use shared::protocol::{Frame, Update};
use shared::replica::io::{Event, PeerId};

use super::{Node, RoomNews};

impl Node {
    /// A program of the original has updated a room at this relay: those at the linked relays hear of it, too.
    pub(super) fn updated(&mut self, room: Room, update: Update) {
        let frame = Frame::Updated(room.clone(), update.clone());
        for (link, _) in self.links_to(&room) {
            self.tell_link(link, &frame);
        }
        let _nobody_listens = self.told.send(RoomNews::Updated(room, update));
    }

    /// One has done so at another relay.
    pub(super) fn link_updated(&mut self, peer: PeerId, room: Room, update: Update) {
        if self.peers.contains_key(&peer) {
            let _nobody_listens = self.told.send(RoomNews::Updated(room, update));
        }
    }

    /// Tells of the edits of a step that tabs have made. Those of relays come from programs, or merge what others
    /// wrote.
    pub(super) fn tell_edits(&self, room: &Room, events: &[Event]) {
        let Some(open) = self.rooms.open.get(room).filter(|_| !events.is_empty()) else { return };
        let configuration = open.machine.view().ledger().configuration();
        let is_tab = |event: &&Event| {
            let voters = configuration.into_iter().flat_map(|configuration| configuration.voters.values());
            event.by.is_none_or(|by| by != self.me.replica && voters.into_iter().all(|&voter| voter != by))
        };
        let records: Vec<_> = events.iter().filter(is_tab).map(|event| event.record).collect();
        if !records.is_empty() {
            let _nobody_listens = self.told.send(RoomNews::Edited(room.clone(), records));
        }
    }
}
