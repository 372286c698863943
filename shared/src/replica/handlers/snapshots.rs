//! Takes [snapshots](crate::replica::snapshots) of the log, serves them and installs them.

use crate::base::encoding;
use crate::base::id::RelayId;
use crate::consensus::{Position, Slot};
use crate::replica::io::{Message, Now, PeerId, Snapshot, WriteOp};
use crate::replica::rules::{InForce, Rules};
use crate::replica::snapshots::Progress;
use crate::replica::state::Replica;

/// A snapshot is taken when so many entries have come for each number in use. So the work for it stays in proportion
/// to its size.
const NUMBERS_PER_ENTRY: u64 = 4;

impl Replica {
    /// Sends what is decided from `first` on, as far as one message goes.
    pub(super) fn send_log(&mut self, peer: PeerId, first: Slot) {
        let message = match self.core.log.suffix(first) {
            Some(suffix) => Some(Message::Suffix(suffix)),
            None if first < self.core.log.start().slot => {
                self.snapshot_for_neighbours();
                self.agreement.snapshots.part(0)
            }
            None => None,
        };
        if let Some(message) = message {
            self.send_unbound(peer, message);
        }
    }

    /// A tab takes a snapshot only when a neighbour needs one.
    fn snapshot_for_neighbours(&mut self) {
        let is_of_use = |latest: &Snapshot| latest.at.slot >= self.core.log.start().slot;
        if !self.is_relay() && !self.agreement.snapshots.latest().is_some_and(is_of_use) {
            let at = Position { slot: self.core.log.decided(), chain: self.core.log.chain() };
            self.agreement.snapshots.latest = Some(Snapshot { at, ledger: encoding::encode(&*self.core.ledger) });
        }
    }

    pub(super) fn on_fetch_part(&mut self, peer: PeerId, at: Slot, offset: u64) {
        // After a newer snapshot was taken, from its beginning.
        let is_same = self.agreement.snapshots.latest().is_some_and(|latest| latest.at.slot == at);
        if let Some(part) = self.agreement.snapshots.part(if is_same { offset } else { 0 }) {
            self.send_unbound(peer, part);
        }
    }

    pub(super) fn on_snapshot_part(&mut self, now: Now, peer: PeerId, at: Position, length: u64, part: (u64, Vec<u8>)) {
        if at.slot <= self.core.log.decided() {
            return;
        }
        match self.agreement.snapshots.take(peer, at, length, part) {
            Progress::Whole(snapshot) => self.install(now, peer, snapshot),
            Progress::More { offset } => self.send(peer, Message::FetchPart { at: at.slot, offset }),
            Progress::Useless => {}
        }
    }

    /// Takes a snapshot for what was decided so far, and goes on with what follows it.
    fn install(&mut self, now: Now, from: PeerId, snapshot: Snapshot) {
        let Ok(ledger) = snapshot.read() else { return };
        if !self.may_go_on_with(ledger.restores()) {
            self.agreement.other_logs.insert(from);
            return;
        }
        self.note_all_numbers();
        let was_restored = self.core.ledger.restores() != ledger.restores();
        *self.core.ledger = ledger;
        self.note_all_numbers();
        self.core.log.install(snapshot.at);
        self.core.applied = snapshot.at.slot;
        self.reconfigured(now);
        self.retire_all();
        self.look_for_copy_in_ledger();
        self.end_decided_requests(now);
        self.take_back_halves(now);
        if !self.is_relay() {
            self.numbers.leases.follow(&self.core.ledger, self.core.me);
        }
        self.numbers.unsettled.settle_by(&self.core.ledger);
        self.keep_snapshot(snapshot.clone(), snapshot.at);
        self.pass_on_decisions(self.core.applied);
        if was_restored {
            self.tell_neighbours_of_restore();
        }
        self.send(from, Message::Fetch { first: self.core.log.decided() });
        self.log_grew(now);
    }

    /// The requests that a snapshot has decided are over.
    pub(super) fn end_decided_requests(&mut self, now: Now) {
        if self.is_copy_found() {
            // Another copy of this replica sent the request, so its outcome does not answer one of this copy.
            return;
        }
        let over: Vec<_> = self
            .agreement
            .requests
            .fixed()
            .filter_map(|request| Some((request.clone(), self.core.ledger.outcome(request)?)))
            .collect();
        for (request, outcome) in over {
            let slot = Slot(self.core.applied.0 - 1);
            let half = self.half_of(&request, outcome);
            if let Some(relay) = self.role.relay_mut() {
                relay.halves.extend(half);
            }
            let is_own = self.agreement.requests.is_own(request.id);
            self.agreement.requests.decided(slot, &request, outcome, &mut self.core.outbox);
            if self.is_relay() && is_own {
                self.on_key_decided(now, &request, outcome);
            }
        }
    }

    /// Drops what was decided long before this step, and keeps a snapshot in its place.
    pub(super) fn compact(&mut self) {
        let kept = self.core.tuning.log_kept.max(self.core.ledger.count() as u64 / NUMBERS_PER_ENTRY);
        if self.core.applied.0 - self.core.log.start().slot.0 < 2 * kept {
            return;
        }
        let first_kept = Slot(self.core.applied.0 - kept);
        self.core.log.truncate(first_kept);
        let decided = Position { slot: self.core.log.decided(), chain: self.core.log.chain() };
        let at = if !InForce::names_its_place() { self.core.log.start() } else { decided };
        self.keep_snapshot(Snapshot { at, ledger: encoding::encode(&*self.core.ledger) }, self.core.log.start());
    }

    /// On disk, and to serve others, which a tab does not.
    fn keep_snapshot(&mut self, snapshot: Snapshot, log_start: Position) {
        if self.is_relay() {
            self.agreement.snapshots.latest = Some(snapshot.clone());
        }
        self.core.outbox.writes().push(WriteOp::Snapshot { snapshot, log_start });
    }

    /// The relay that a step of the voter wants the log from.
    pub(super) fn fetch_from(&mut self, voter: RelayId) {
        if let Some(peer) = self.peers.link_to(voter) {
            self.send(peer, Message::Fetch { first: self.core.log.decided() });
        }
    }
}
