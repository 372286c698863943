//! The work of a tab when all relays were restored from a backup: the log continues differently than the tab knows
//! it.
//!
//! Nothing of the old log holds any more, from the restore on. So the tab drops its log, learns the present one from
//! its relay, and repeats its requests. It may have known numbers to be final that the log has not given now. The tab
//! gives them anew, provisionally, and the log settles them like all others. If another record has such a number by
//! now, users see a conflict.
//!
//! Edits that the relays have lost come back as [`orphans`](super::orphans) do.

use crate::base::dot::DotSet;
use crate::base::id::RecordId;
use crate::consensus::{Position, Slot};
use crate::ledger::{Ledger, Log, Restores};
use crate::replica::io::{Fork, Message, Now, PeerId, PeerKind, Violation, WriteOp};
use crate::replica::replication_acks::OnMajority;
use crate::replica::rules::{InForce, Rules};
use crate::replica::snapshots::Snapshots;
use crate::replica::state::Replica;
use crate::replica::unsettled::Unsettled;
use crate::schema::{GivenNumber, NUMBER};

impl Replica {
    /// A peer says how far it knows the log, and which restores that has come through. Says whether the two logs are one, so
    /// that either side can learn from the other.
    ///
    /// # Errors
    /// [`Violation::Diverged`] if the logs differ, and no restore says why; [`Violation::LeftOut`] if the peer is a relay
    /// that was not restored when the others were.
    pub(super) fn compare_logs(
        &mut self,
        peer: PeerId,
        kind: PeerKind,
        theirs: Position,
        restores: &Restores,
    ) -> Result<bool, Violation> {
        let fork = self.core.ledger.restores().fork(restores);
        let is_older = self.core.ledger.restores().are_older_than(restores);
        if let (Some(fork), PeerKind::Relay(..)) = (fork, kind)
            && is_older
            && !self.is_relay()
        {
            self.forget_what_was_told(fork);
        }
        let Some(fork) = fork.filter(|&fork| fork < theirs.slot.min(self.core.log.decided())) else {
            self.agreement.other_logs.remove(&peer);
            let is_same = self.core.log.chain_below(theirs.slot).is_none_or(|chain| chain == theirs.chain);
            return if is_same { Ok(true) } else { self.diverged(peer, kind).map(|()| false) };
        };
        match kind {
            PeerKind::Relay(..) if !is_older => Err(Violation::LeftOut),
            PeerKind::Relay(..) if self.is_relay() || !InForce::drops_old_log() => Err(Violation::Diverged),
            PeerKind::Relay(..) => {
                self.learn_log_anew(peer, fork);
                Ok(true)
            }
            PeerKind::Tab(tab) => {
                self.agreement.other_logs.insert(peer);
                if self.is_relay() && !is_older {
                    self.user.forks.push(Fork { tab, at: fork, known: theirs.slot });
                }
                Ok(false)
            }
        }
    }

    /// Whether a log that has come through these restores can go on from this one.
    pub(super) fn may_go_on_with(&self, restores: &Restores) -> bool {
        let own = self.core.ledger.restores();
        own.fork(restores).is_none_or(|fork| own.are_older_than(restores) && self.core.log.decided() <= fork)
    }

    /// A peer's log is another one than this, and no restore is known that says why. Of two neighbours one may not have heard yet.
    ///
    /// # Errors
    /// [`Violation::Diverged`] if one of the two is a relay.
    pub(super) fn diverged(&mut self, peer: PeerId, kind: PeerKind) -> Result<(), Violation> {
        if !self.is_neighbour(kind) {
            return Err(Violation::Diverged);
        }
        self.agreement.other_logs.insert(peer);
        Ok(())
    }

    /// Whether this tab learns the log from a peer: from its relay, once that has said which log it has; without a relay from a
    /// neighbour that has the same one.
    pub(super) fn learns_log_from(&self, peer: PeerId, kind: PeerKind) -> bool {
        match kind {
            _ if self.is_relay() => true,
            PeerKind::Relay(..) => self.role.tab().is_some_and(|tab| tab.relay_decided.is_some()),
            PeerKind::Tab(_) => self.peers.any_relay().is_none() && !self.agreement.other_logs.contains(&peer),
        }
    }

    /// The relay has said which log it has. Some of the log that it sent before was not taken: this asks for it once more.
    pub(super) fn fetch_what_came_early(&mut self, relay: PeerId, theirs: Slot) {
        let came_early = self.role.tab_mut().is_some_and(|tab| std::mem::take(&mut tab.log_came_early));
        if came_early && self.core.log.decided() < theirs {
            self.send(relay, Message::Fetch { first: self.core.log.decided() });
        }
    }

    /// All relays were restored, and know the log otherwise from `fork` on: what was told of the other one is over, and what
    /// they had of this tab's edits may be gone.
    fn forget_what_was_told(&mut self, fork: Slot) {
        self.agreement.requests.log_forked(fork, &mut self.core.outbox);
        self.agreement.observers.log_forked(fork, &mut self.core.outbox);
        if let Some(tab) = self.role.tab_mut().filter(|tab| tab.relay_decided.is_none()) {
            (tab.stored, tab.on_majority) = (DotSet::default(), OnMajority::default());
            self.core.outbox.writes().push(WriteOp::Stored(DotSet::default()));
        }
    }

    /// Drops the log, which the relays know otherwise from `fork` on, and asks for it as it is now.
    fn learn_log_anew(&mut self, relay: PeerId, fork: Slot) {
        self.note_all_numbers();
        let lost: Vec<(RecordId, u64)> = self
            .core
            .ledger
            .numbers()
            .map(|(number, record)| (record, number))
            .filter(|(record, _)| self.core.ledger.number_of(*record).is_some_and(|numbered| numbered.slot >= fork))
            .collect();
        let leased = self
            .numbers
            .unsettled
            .iter()
            .filter(|unsettled| unsettled.leased && unsettled.dot.replica() == self.core.me);
        let leased: Vec<(RecordId, u64)> = leased.map(|unsettled| (unsettled.record, unsettled.number)).collect();
        for (record, number) in lost.into_iter().chain(leased) {
            self.note_lost_number(record, Some(number));
        }
        if let Some(tab) = self.role.tab_mut() {
            self.user.rejoined = Some(tab.lost_numbers.len());
            tab.orphanage.number_lost();
            tab.log_came_early = false;
        }
        *self.core.log = Log::default();
        *self.core.ledger = Ledger::default();
        self.core.applied = Slot(0);
        self.core.document.retire_nobody();
        self.agreement.snapshots = Snapshots::default();
        self.core.outbox.writes().push(WriteOp::LogDropped);
        self.core.outbox.log_dropped();
        self.agreement.observers.log_dropped();
        self.core.changes.log_dropped();
        self.agreement.requests.log_dropped(&mut self.core.outbox);
        self.numbers.leases.follow(&self.core.ledger, self.core.me);
        *self.numbers.unsettled = Unsettled::default();
        for record in self.core.document.records().collect::<Vec<_>>() {
            let number = self.core.document.field(record, NUMBER);
            self.numbers.unsettled.look_at(record, number.as_ref(), (&self.core.ledger, &self.trust.distrust));
            self.recall_given(record);
        }
        self.note_all_numbers();
        self.agreement.other_logs.extend(self.peers.tabs());
        self.send(relay, Message::Fetch { first: Slot(0) });
    }

    /// The log has come to a restore: neighbours may compare theirs.
    pub(super) fn tell_neighbours_of_restore(&mut self) {
        if !self.is_relay() {
            for peer in self.peers.tabs() {
                if let Some(kind) = self.peers.kind(peer) {
                    self.send(peer, self.have(kind));
                }
            }
        }
    }

    /// Numbers that the restored relays have lost are given anew: those of this tab's own records at once.
    pub(super) fn give_own_numbers_anew(&mut self, now: Now) {
        let Some(tab) = self.role.tab().filter(|tab| !tab.lost_numbers.is_empty()) else { return };
        if !self.knows_log_of_relay() {
            return;
        }
        let is_own_and_here =
            |record: &RecordId| record.0.replica() == self.core.me && self.core.document.contains(*record);
        let own: Vec<RecordId> = tab.lost_numbers.keys().copied().filter(is_own_and_here).collect();
        own.into_iter().for_each(|record| self.give_number_anew(now, record));
    }

    /// Whether this tab has the log as far as its relay has said on this link.
    pub(super) fn knows_log_of_relay(&self) -> bool {
        let theirs = self.role.tab().and_then(|tab| tab.relay_decided);
        theirs.is_some_and(|theirs| self.core.log.decided() >= theirs)
    }

    /// Gives a record the number that it had before the restore, if it has none now.
    pub(super) fn give_number_anew(&mut self, now: Now, record: RecordId) {
        let Some(number) = self.role.tab().and_then(|tab| tab.lost_numbers.get(&record).copied()) else { return };
        self.note_lost_number(record, None);
        // What somebody else has given the record may never be attested.
        let is_leased = self.core.ledger.lease_of(number).is_some_and(|lease| lease.to == self.core.me);
        let is_given = self.numbers.unsettled.of(record).any(|unsettled| {
            unsettled.dot.replica() == self.core.me && unsettled.number == number && (!unsettled.leased || is_leased)
        });
        if !InForce::gives_lost_numbers_anew() {
            return;
        }
        if self.core.document.contains(record) && self.core.ledger.number_of(record).is_none() && !is_given {
            let given = GivenNumber { number, epoch: self.core.ledger.epoch().number, leased: false };
            // Without dots left this tab cannot edit at all.
            let _edited = self.edit_record(now, record, vec![given.op()]);
        }
    }

    fn note_lost_number(&mut self, record: RecordId, number: Option<u64>) {
        let Some(tab) = self.role.tab_mut() else { return };
        match number {
            Some(number) => drop(tab.lost_numbers.insert(record, number)),
            None => drop(tab.lost_numbers.remove(&record)),
        }
        self.core.outbox.writes().push(WriteOp::LostNumber { record, number });
    }
}
