//! What happens when the code of one room panics: the room is closed and read anew from disk. The process and the other
//! rooms go on.

use std::time::Duration;

use shared::base::room::Room;
use shared::protocol::Frame;
use shared::replica::io::Violation;
use tokio::time::Instant;
use tracing::{error, info};

use super::machine::Panicked;
use super::{Belonging, NoRoom, Node};
use crate::storage::Loaded;

/// A room that fails so often within [`WINDOW`] stays closed.
const MOST_FAILURES: usize = 3;
const WINDOW: Duration = Duration::from_secs(60);

/// Why a room is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It has failed, and is being read anew.
    Reading,
    /// It has failed too often, or what the disk has of it makes it fail.
    ForGood { reason: String },
}

impl Node {
    /// A room has panicked. Nothing of the step that failed has left the replica, so the disk has all that anybody was told.
    pub(super) fn room_failed(&mut self, room: &Room, Panicked(reason): &Panicked) {
        if self.rooms.open.remove(room).is_none() {
            return;
        }
        let now = Instant::now();
        let failures = self.rooms.failures.entry(room.clone()).or_default();
        failures.retain(|&at| now - at < WINDOW);
        failures.push(now);
        if failures.len() >= MOST_FAILURES {
            return self.close_for_good(room, reason);
        }
        error!(room = room.as_str(), "the room had an internal error and is read anew from disk: {reason}");
        self.rooms.closed.insert(room.clone(), Closed::Reading);
        self.turn_away(room);
        // The writer keeps order: it reads the room when all that the room has written before is on the disk.
        self.submit();
        self.writer.load(room.clone());
    }

    pub(super) fn close_for_good(&mut self, room: &Room, reason: &str) {
        error!(
            room = room.as_str(),
            "the room stays closed at this relay, since it fails again and again: restart the relay, or use another one: {reason}"
        );
        self.rooms.closed.insert(room.clone(), Closed::ForGood { reason: reason.to_owned() });
        self.turn_away(room);
    }

    /// Tells everybody who is in a room, or waits for it, that it is closed. A command under way may have been done.
    fn turn_away(&mut self, room: &Room) {
        let is_in_room = |place: &Belonging| matches!(place, Belonging::Tab(_, of_tab) if of_tab == room);
        for (_, peer) in self.peers.extract_if(.., |_, peer| is_in_room(&peer.place)) {
            peer.outbox.cut(Violation::RoomFailed);
        }
        for (_, asked) in self.asked.extract_if(.., |_, asked| asked.room == *room) {
            let _asker_is_gone = asked.answer.send(Err(NoRoom::Unknown));
        }
        for peer in self.links() {
            self.tell_link(peer, &Frame::Closed(room.clone()));
        }
        let _nobody_listens = self.changes.send(room.clone());
    }

    /// A room that has failed was read back from disk.
    pub(super) fn room_loaded(&mut self, Loaded { room, outcome }: Loaded) {
        match outcome {
            Ok(recovered) => {
                self.rooms.closed.remove(&room);
                self.open(room.clone(), recovered);
                self.link_room(&room, None);
                info!(room = room.as_str(), "the room is open again");
            }
            Err(error) => self.close_for_good(&room, &error.to_string()),
        }
    }
}
