//! The highest number where the log is not asked: in the CRDT-only mode, and without a majority.
//!
//! Relays then raise it in a max register, which merges between them, and the leader has the log follow as soon as the
//! log may be asked again. A raise goes no further than the log would let it go at that moment, so the entry that
//! follows is a leap: it was checked when it was made.

use crate::ledger::{Mode, Operation};
use crate::merge::crdt::{Lattice, MaxRegister};
use crate::replica::io::{CommandId, CommandRejection, Message, Now, PeerId, Reply, Violation, WriteOp};
use crate::replica::outbox::Item;
use crate::replica::requests::ReplyTo;
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::Replica;
use crate::schema::MAX_NUMBER;

impl Replica {
    /// Raises the highest number. A lower number changes nothing.
    pub(super) fn raise(&mut self, now: Now, id: CommandId, number: u64) -> Result<(), CommandRejection> {
        let log_is_asked = self.core.ledger.epoch().level.mode() == Mode::Hybrid && self.sees_majority();
        if !self.is_relay() || log_is_asked {
            return self.ask(now, ReplyTo::Outcome(id), Operation::Raise { number }).map(drop);
        }
        self.core.ledger.check_raise(number).map_err(CommandRejection::Refused)?;
        self.merge_raised(None, number);
        self.core.outbox.push(Item::Reply(id, Ok(Reply::Raised { highest: self.highest() })));
        Ok(())
    }

    /// Another relay tells how far the number was raised without the log.
    pub(super) fn on_raised(&mut self, from: PeerId, number: u64) -> Result<(), Violation> {
        if number > MAX_NUMBER {
            return Err(Violation::Malformed { reason: "no number is that high".to_owned() });
        }
        if InForce::merges_raised() {
            self.merge_raised(Some(from), number);
        }
        Ok(())
    }

    /// Writes the new value, and tells it to the relays that may not know it.
    fn merge_raised(&mut self, from: Option<PeerId>, number: u64) {
        let before = self.numbers.raised;
        self.numbers.raised.join(&MaxRegister::new(number));
        if self.numbers.raised == before || number <= self.core.ledger.highest() {
            return;
        }
        self.core.outbox.writes().push(WriteOp::Raised(number));
        for peer in self.peers.relays().into_iter().filter(|&peer| Some(peer) != from) {
            self.send(peer, Message::Raised { number });
        }
    }

    /// A relay that is linked anew may have missed a raise.
    pub(super) fn tell_raised(&mut self, peer: PeerId) {
        let number = self.numbers.raised.get();
        if number > self.core.ledger.highest() {
            self.send(peer, Message::Raised { number });
        }
    }

    /// The leader has the log follow what was raised without it.
    pub(super) fn settle_raised(&mut self, now: Now) {
        if !self.is_leader() {
            // The next leader looks for itself.
            return self
                .numbers
                .settling_raise
                .take()
                .into_iter()
                .for_each(|request| self.agreement.requests.forget(request));
        }
        let number = self.numbers.raised.get();
        let is_busy = self.numbers.settling_raise.is_some_and(|request| self.agreement.requests.is_pending(request));
        if number <= self.core.ledger.highest() || is_busy || !self.core.ledger.epoch().level.settles() {
            return;
        }
        let operation = Operation::Leap { number };
        self.numbers.settling_raise =
            self.agreement.requests.ask(now.monotonic, (None, None), operation, &mut self.core.outbox).ok();
    }
}
