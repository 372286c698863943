//! The replica: the one dispatcher that joins the merge half and the agree half.

pub mod access;
mod accounts;
mod agreement;
mod audit;
mod backup;
mod changes;
mod claims;
mod commands;
mod copies;
mod dispatch;
mod distrust;
mod durable;
mod folds;
pub mod io;
mod leases;
mod local_durability;
mod numbering;
pub mod observation;
mod observing;
mod once;
mod orphans;
mod outbox;
mod peers;
pub mod presence;
mod raised;
mod reads;
mod recent;
mod recovery;
mod replication_acks;
mod restored;
mod retiring;
mod rules;
mod snapshots;
mod stamps;
mod state;
mod sync;
mod unattested;
mod undo;
mod unsettled;
mod view;
mod watched;
mod witnesses;

pub use audit::Audit;
pub use distrust::{Distrust, Doubt, NumberWrite};
pub use durable::BrokenState;
pub use recovery::Recovery;
pub use sync::MAX_LEAP;
pub use unattested::Unattested;
pub use undo::Undoable;
pub use view::{CandidateView, FieldView, NumberView, RecordView, View};
pub use witnesses::Witness;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::dot::Dot;
use crate::base::hlc::Hlc;
use crate::base::id::{RelayId, ReplicaId};
use crate::base::split_mix::SplitMix64;
use crate::ledger::{Log, Voter};
use crate::merge::document::{Document, SoundVersions};
use crate::replica::io::{Envelope, Input, Message, Now, Output, PeerId, Recovered, Snapshot, WriteId};
use crate::schema::Schema;

use changes::Changes;
use claims::Claims;
use leases::Leases;
use local_durability::LocalDurability;
use outbox::{Item, Outbox};
use peers::Peers;
use reads::Reads;
use snapshots::Snapshots;
use state::{Agreement, Core, NumberState, RelayState, RoleState, TabState, Trust, UserState};
use watched::Watched;
use witnesses::Witnesses;

/// Returns the earlier of two deadlines.
fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

/// The identity of a replica, its schema and its role.
#[derive(Clone, Debug)]
pub struct Config {
    /// The id under which the replica makes edits: of a relay the incarnation of its database. A tab also sends
    /// requests under it.
    pub replica: ReplicaId,
    /// The same for all replicas of a room.
    pub schema: Schema,
    /// Tab or relay.
    pub role: Role,
}

/// The role of a replica besides merging and learning.
#[derive(Clone, Debug)]
pub enum Role {
    /// Votes, if the log says so.
    Relay {
        /// The id of the relay, under which the log names it as a voter.
        voter: RelayId,
        /// The addresses of all relays that it knows of, this one among them: host and port.
        addresses: BTreeMap<RelayId, String>,
        /// Drawn at random with each start, for the jitter of elections and the names of requests.
        seed: u64,
        /// The settings that depend on where the relay runs.
        tuning: Tuning,
    },
    /// Reaches the others through one relay at a time. Links to other tabs are those to tabs of the same browser, its
    /// neighbours: it believes them, and speaks for itself alone when it passes things on to the relay.
    Tab,
}

/// Settings that depend on where a replica runs.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// How many decided entries are kept at the least for those who lag behind.
    pub log_kept: u64,
    /// For how long at the most a voter that was restarted waits, before it votes, for all others to tell what they
    /// remember of it.
    pub recovery_grace: Duration,
    /// How long a tab may seem to be linked to two relays before it is taken for two copies: longer than it takes to notice
    /// that a link is dead.
    pub twin_grace: Duration,
    /// How long nobody is linked under an id before its past is [retired](crate::ledger::Operation::Retire).
    pub retire_after: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            log_kept: 4096,
            recovery_grace: Duration::from_millis(1500),
            twin_grace: Duration::from_secs(20),
            retire_after: Duration::from_secs(60 * 60),
        }
    }
}

/// One replica of one room.
#[derive(Debug)]
pub struct Replica {
    core: Core,
    numbers: NumberState,
    agreement: Agreement,
    trust: Trust,
    user: UserState,
    peers: Peers,
    role: RoleState,
}

impl Replica {
    /// A replica with the durable state that its writes have left, or with none. A host that must not be busy for long takes
    /// a [`Recovery`].
    ///
    /// # Panics
    /// If no replica can have left this state: whoever reads it from a disk calls [`Recovered::check`] first.
    #[must_use]
    pub fn recover(config: Config, durable: Recovered, now: Now) -> Self {
        Recovery::begin(config, durable, now).finish()
    }

    /// A replica with the durable state, but for its records, and nothing of the log is applied that no snapshot holds.
    fn without_records(config: Config, durable: Recovered, now: Now) -> Self {
        let (voter, addresses, asker, seed, tuning) = match config.role {
            Role::Relay { voter, addresses, seed, tuning } => {
                let id = (voter, config.replica);
                let (acceptor_state, grace) = (durable.acceptor_state, tuning.recovery_grace);
                let known = addresses.keys().copied().filter(|&other| other != voter).collect();
                let voter = Voter::recover(id, acceptor_state, durable.remembered, seed, (known, grace), now.monotonic);
                // A claim must not get the name of one that the disk has forgotten.
                let asker = ReplicaId(SplitMix64::new(seed).draw());
                (Some(voter), addresses, asker, seed, tuning)
            }
            Role::Tab => (None, BTreeMap::new(), config.replica, 0, Tuning::default()),
        };
        let of_snapshot = |snapshot: &Snapshot| snapshot.read().expect("a snapshot reads as written");
        let ledger = durable.snapshot.as_ref().map(of_snapshot).unwrap_or_default();
        // A relay's disk may be an older copy, and how far a lease was used then is not how far it was used. A tab that
        // loses its state is another replica.
        let leases = match voter {
            None => Leases::recover(&ledger, config.replica, durable.cursors),
            Some(_) => Leases::default(),
        };
        let claims = match voter {
            None => Claims::of_tab(asker, durable.claim_seq, (durable.pending, durable.refused), now.monotonic),
            Some(_) => Claims::of_relay(asker, durable.claim_seq, durable.pending, now.monotonic),
        };
        let highest = durable.context.highest(config.replica);
        let latest = durable.snapshot.as_ref().map(|snapshot| snapshot.at.slot);
        let snapshot_to_serve = durable.snapshot.filter(|_| voter.is_some());
        let core = Core {
            me: config.replica,
            schema: config.schema,
            tuning,
            clock: Hlc::default(),
            document: Watched::new(Document::recover(durable.context, BTreeMap::new())),
            log: Watched::new(Log::recover(durable.log_start, durable.log, durable.decided)),
            ledger: Watched::new(ledger),
            applied: latest.unwrap_or_default(),
            outbox: Outbox::new(durable.decided),
            changes: Changes::default(),
        };
        Replica {
            core,
            numbers: NumberState::recover(seed, durable.raised, leases, claims.leasing()),
            agreement: Agreement {
                witnesses: Witnesses::new(durable.released),
                reads: Reads::default(),
                claims,
                heard_leader: None,
                snapshots: Snapshots::recover(snapshot_to_serve),
                other_logs: BTreeSet::new(),
            },
            trust: Trust {
                distrust: durable.distrust.clone(),
                distrust_written: durable.distrust,
                given: BTreeSet::new(),
            },
            user: UserState::new(LocalDurability::new(highest, durable.claim_seq)),
            peers: Peers::new(addresses),
            role: match voter {
                Some(voter) => RoleState::Relay(Box::new(RelayState::new(voter))),
                None => {
                    let edits = (durable.stored, durable.sent, highest);
                    RoleState::Tab(Box::new(TabState::recover(edits, durable.unattested, durable.lost_numbers)))
                }
            },
        }
    }

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
            Input::Requests(requests) => self.count_requests(now, requests),
            Input::ClockConfirmed => self.on_clock_confirmed(now),
        }
        self.settle(now, &mut output);
        if self.is_relay() {
            self.user.observing.sent(now, &output);
        }
        output
    }

    /// The numbers out of leases can be shown that have become durable.
    fn on_kept(&mut self, id: WriteId) {
        let before = self.user.kept.edits();
        self.user.kept.persisted(id);
        let is_new =
            |dot: Dot| dot.replica() == self.core.me && (before + 1..=self.user.kept.edits()).contains(&dot.counter());
        let new = self.numbers.unsettled.iter().filter(|claim| claim.leased && is_new(claim.dot));
        new.for_each(|claim| self.core.changes.record(claim.record));
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
        let waiver = self.agreement.witnesses.deadline(waive_after);
        let settle = self.settle_deadline();
        let observing = self.user.observing.deadline();
        let peers = self.peers.deadline();
        let (claims, reads) = (self.agreement.claims.deadline(), self.agreement.reads.deadline());
        let of_role = match &self.role {
            RoleState::Tab(tab) => tab.orphanage.deadline(),
            RoleState::Relay(_) => self.role.relay().and_then(|relay| self.deadline_of_relay(relay)),
        };
        [settle, claims, reads, observing, peers, waiver].into_iter().fold(of_role, earlier)
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

    /// The state, for reading.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }

    /// Panics if an invariant written on the fields of the state does not hold.
    pub fn assert_invariants(&self) {
        Audit::default().check(self, &mut SoundVersions::default());
        if let Some(tab) = self.role.tab() {
            tab.unattested.assert_merged(&self.core.document);
        }
        self.numbers.unsettled.assert_complete(&self.core.document, (&self.core.ledger, &self.trust.distrust));
    }

    /// Follows an input to its end: what was decided is applied, claims go on, and messages to this replica itself
    /// are handled as soon as they may leave.
    fn settle(&mut self, now: Now, output: &mut Output) {
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
            self.pump_claims(now);
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
                    self.agreement.claims.seq(),
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

    /// `None` in a tab.
    fn voter(&self) -> Option<&Voter> {
        self.role.voter()
    }

    fn is_relay(&self) -> bool {
        self.role.relay().is_some()
    }

    fn is_leader(&self) -> bool {
        self.voter().is_some_and(Voter::is_leader)
    }

    /// Tells relays who is here and tabs how things stand, where that has changed.
    fn tell_status(&mut self, now: Now) {
        let Some(voter) = self.role.voter() else { return };
        let me = (voter.me(), self.core.me);
        for (peer, message) in self.peers.news_of_status(now.monotonic, me, voter.leader(), voter.configuration()) {
            self.send(peer, message);
        }
    }

    fn send(&mut self, to: PeerId, message: Message) {
        self.core.outbox.push(Item::Send(Envelope { to, message }));
    }

    /// Sends what says nothing that a crash of this replica could undo.
    fn send_unbound(&mut self, to: PeerId, message: Message) {
        self.core.outbox.push_unbound(Item::Send(Envelope { to, message }));
    }
}
