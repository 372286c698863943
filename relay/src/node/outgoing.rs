//! What a step of a replica asks for: writes, answers, messages, and connections to be cut.

use std::collections::BTreeSet;

use shared::base::room::Room;
use shared::protocol::Frame;
use shared::replica::io::{Envelope, Fork, Message, Output, PeerId, Violation};
use tracing::trace;

use super::tabs::is_long_answer;
use super::{Belonging, Node, Waiting};
use crate::limited_log::LimitedLog;
use crate::outbox::Overflow;

impl Node {
    pub(super) fn carry_out(&mut self, room: &Room, output: Output) {
        if output.forgot {
            self.forgot.get_or_insert_with(|| room.clone());
        }
        self.writes.extend(output.write.map(|batch| (room.clone(), batch)));
        for (command, reply) in output.replies {
            if let Some(Waiting { answer, .. }) = self.asked.remove(&command) {
                let _asker_is_gone = answer.send(Ok(reply));
            }
        }
        let mut answered = BTreeSet::new();
        for Envelope { to, message } in output.sends {
            trace!(room = room.as_str(), ?to, ?message, "out");
            if is_long_answer(&message) {
                answered.insert(to);
            }
            self.send(room, to, message);
        }
        for peer in answered {
            self.peers.entry(peer).and_modify(|peer| peer.answer_is_due = false);
        }
        for dot in output.equivocations {
            static LIARS: LimitedLog = LimitedLog::new();
            let (author, room) = (dot.replica().0, room.as_str());
            LIARS.warn(format_args!(
                "tab {author:016x} gave {dot} in room {room} to two different edits: the relays have chosen one, and refuse \
                 the tab until it takes a new id"
            ));
        }
        for Fork { tab, at, known } in output.forks {
            static RETURNING: LimitedLog = LimitedLog::new();
            let (tab, room) = (tab.0, room.as_str());
            RETURNING.warn(format_args!(
                "tab {tab:016x} comes to room {room} from before the restore: it knew the log below slot {known}, of which \
                 this relay has what is below slot {at}; it brings the edits that are lacking, and its final numbers since then \
                 are settled anew"
            ));
        }
        for (peer, violation) in output.cut {
            self.cut(peer, violation);
        }
    }

    /// Puts a message into the outbox of its receiver. A receiver that does not keep up is cut at once.
    fn send(&mut self, room: &Room, to: PeerId, message: Message) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if matches!(message, Message::Observed(_)) && peer.outbox.is_long() {
            return;
        }
        let is_charged = peer.answer_is_due && is_long_answer(&message);
        let frame = match peer.place {
            Belonging::Tab(..) => Frame::Message(message),
            Belonging::Link(_) => Frame::InRoom(room.clone(), message),
        };
        match peer.outbox.push(&frame) {
            Ok(bytes) => {
                if let (true, Some(account)) = (is_charged, &peer.account) {
                    account.charge_sent(bytes);
                }
                self.cut_longest();
            }
            Err(Overflow) => self.cut(to, Violation::SlowPeer),
        }
    }
}
