//! The steps of a replica: each input is handled by functions that stand here by concern.

mod agreement;
mod changes;
mod commands;
mod copies;
mod dispatch;
mod distrust;
mod numbering;
mod observers;
mod once;
mod orphans;
mod raised;
mod reads;
mod recovery;
mod replication_acks;
mod restored;
mod retiring;
mod snapshots;
mod stamps;
mod sync;
mod telemetry;
mod unattested;
mod undo;

pub use recovery::Recovery;
pub use sync::MAX_LEAP;

use std::time::Duration;

use crate::base::dot::Dot;
use crate::ledger::Voter;
use crate::replica::io::{Input, Now, Output, WriteId};
use crate::replica::state::Replica;
use crate::replica::state::{RelayState, RoleState};
use crate::schema::Schema;

/// Returns the earlier of two deadlines.
fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

impl Replica {
    /// Takes one step. Everything that follows from the input is in the output, or held back until what it depends
    /// on is durable.
    #[must_use]
    pub fn handle(&mut self, now: Now, input: Input) -> Output {
        let mut output = Output::default();
        self.compact();
        match input {
            Input::Command(id, command) => self.on_command(now, id, command),
            Input::Receive(peer, message) => {
                if let Err(violation) = self.on_message(now, peer, message, &mut output) {
                    output.cut.push((peer, violation));
                    self.on_peer_down(now, peer);
                }
            }
            Input::PeerUp(peer, kind) => match self.ban_of(kind) {
                Some(violation) => output.cut.push((peer, violation)),
                None => self.on_peer_up(now, peer, kind),
            },
            Input::PeerDown(peer) => self.on_peer_down(now, peer),
            Input::Persisted(id) => {
                self.core.outbox.persisted(id);
                self.on_kept(id);
            }
            Input::Wake => self.on_wake(now),
            Input::Found(founding) => self.found(founding),
            Input::Calls(calls) => self.count_calls(now, calls),
            Input::ClockConfirmed => self.on_clock_confirmed(now),
        }
        self.run_to_completion(now, &mut output);
        if self.is_relay() {
            self.user.telemetry.sent(now, &output);
        }
        output
    }

    /// The numbers out of leases can be shown that have become durable.
    fn on_kept(&mut self, id: WriteId) {
        let before = self.user.kept.edits();
        self.user.kept.persisted(id);
        let is_new =
            |dot: Dot| dot.replica() == self.core.me && (before + 1..=self.user.kept.edits()).contains(&dot.counter());
        let new = self.numbers.unsettled.iter().filter(|unsettled| unsettled.leased && is_new(unsettled.dot));
        new.for_each(|unsettled| self.core.changes.record(unsettled.record));
    }

    /// Takes a schema that [extends](Schema::extends) the present one: what was written stays right. Returns false, and
    /// changes nothing, for any other.
    pub fn extend_schema(&mut self, schema: &Schema) -> bool {
        let extends = schema.extends(&self.core.schema);
        if extends {
            self.core.schema.clone_from(schema);
        }
        extends
    }

    /// When to call [`handle`](Self::handle) with [`Input::Wake`] if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let waive_after = Duration::from_millis(self.core.ledger.policy().waive_after_ms.into());
        let waiver = self.agreement.observers.deadline(waive_after);
        let settle = self.settle_deadline();
        let telemetry = self.user.telemetry.deadline();
        let peers = self.peers.deadline();
        let (requests, reads) = (self.agreement.requests.deadline(), self.agreement.reads.deadline());
        let of_role = match &self.role {
            RoleState::Tab(tab) => tab.orphanage.deadline(),
            RoleState::Relay(_) => self.role.relay().and_then(|relay| self.deadline_of_relay(relay)),
        };
        [settle, requests, reads, telemetry, peers, waiver].into_iter().fold(of_role, earlier)
    }

    fn deadline_of_relay(&self, relay: &RelayState) -> Option<Duration> {
        let (fold, window) = if relay.voter.is_leader() {
            (relay.folds.deadline(), self.numbers.controller.deadline(&self.core.ledger.dynamic()))
        } else {
            (None, None)
        };
        let (voter, twins) = (relay.voter.deadline(), relay.twins.deadline(self.core.tuning.twin_grace));
        let (acks, retiring) = (relay.replication_acks.deadline(), relay.retiring.deadline());
        let restamping = self.has_slices_to_restamp().then_some(Duration::ZERO);
        [fold, window, voter, twins, acks, retiring, restamping].into_iter().fold(None, earlier)
    }

    /// Follows an input to its end: what was decided is applied, requests go on, and messages to this replica itself
    /// are handled as soon as they may leave.
    fn run_to_completion(&mut self, now: Now, output: &mut Output) {
        self.make_held_edits(now);
        self.take_back_halves(now);
        self.restamp_slice(now);
        loop {
            self.apply_decided(now);
            self.release(now);
            self.answer_reads(now);
            self.fold_versions(now);
            self.give_own_numbers_anew(now);
            self.ask_after_orphans(now);
            self.steer(now);
            self.lease_ahead(now);
            self.settle_provisional(now);
            self.settle_raised(now);
            self.retire_absent(now.monotonic);
            self.pump_requests(now);
            self.tell_status(now);
            self.tell_replication_acks(now);
            self.observe(now);
            self.part_twins(now.monotonic, output);
            self.keep_memory();
            self.keep_sent();
            self.keep_unattested();
            self.keep_distrust();
            self.core.outbox.close_step(self.core.log.decided(), output);
            if let Some(batch) = &output.write {
                self.user.kept.issued(
                    batch.id,
                    self.core.document.context().highest(self.core.me),
                    self.agreement.requests.seq(),
                );
            }
            let Some(message) = self.core.outbox.next_to_self() else { break };
            self.on_vote_to_self(now, message);
        }
        output.changed = self.core.changes.take();
        (output.restored, output.forks) = (self.user.rejoined.take(), std::mem::take(&mut self.user.forks));
        output.forgot = self.voter().is_some_and(Voter::has_forgotten) || self.is_copy_found();
    }

    /// Folds the concurrent versions of records that are due, if that is this replica's task.
    fn fold_versions(&mut self, now: Now) {
        let Some(relay) = self.role.relay_mut().filter(|relay| relay.voter.is_leader()) else { return };
        for record in relay.folds.take_due(now.monotonic) {
            if self.core.document.version_count(record) > 1
                && let Ok(dot) = self.core.document.next_dot(self.core.me)
                && let Ok(mut merged) = self.core.document.fold(record, dot)
            {
                self.spread(now, None, &mut merged);
            }
        }
    }

    /// Tells relays who is here and tabs how things stand, where that has changed.
    fn tell_status(&mut self, now: Now) {
        let Some(voter) = self.role.voter() else { return };
        let me = (voter.me(), self.core.me);
        for (peer, message) in self.peers.news_of_status(now.monotonic, me, voter.leader(), voter.configuration()) {
            self.send(peer, message);
        }
    }
}
