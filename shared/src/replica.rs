//! The replica: the one dispatcher that joins the merge half and the agree half.

mod claims;
mod commands;
mod folds;
mod outbox;
mod peers;
mod recent;
mod sync;
mod undo;
mod view;

pub use undo::Undoable;
pub use view::{CandidateView, FieldView, NumberView, RecordView, View};

use std::collections::BTreeMap;
use std::time::Duration;

use crate::document::Document;
use crate::dot::{Dot, DotSet};
use crate::hlc::Hlc;
use crate::id::{RecordId, ReplicaId, VoterId};
use crate::io::{Input, Message, Now, Output, PeerId, PeerKind, Recovered, Violation};
use crate::ledger::{Claim, Ledger};
use crate::paxos::{Ballot, Effects, Entry, Log, Slot, Voter};
use crate::schema::Schema;

use claims::Claims;
use folds::Folds;
use outbox::{Item, Outbox};
use peers::Peers;
use recent::Recent;
use undo::Deeds;

/// Who a replica is.
#[derive(Clone, Debug)]
pub struct Config {
    pub replica: ReplicaId,
    /// The same for all replicas of a room.
    pub schema: Schema,
    pub role: Role,
}

/// What a replica does besides merging and learning.
#[derive(Clone, Debug)]
pub enum Role {
    /// Votes. `addresses` are those of all voters, this one among them; `seed` is for the jitter of elections.
    Relay { voter: VoterId, addresses: BTreeMap<VoterId, String>, seed: u64 },
    /// Reaches the others through one relay at a time.
    Tab,
}

/// One replica of one room.
#[derive(Debug)]
pub struct Replica {
    me: ReplicaId,
    schema: Schema,
    document: Document,
    clock: Hlc,
    log: Log,
    /// Invariant: the fold of the log below `applied`.
    ledger: Ledger,
    applied: Slot,
    /// `None` in a tab.
    voter: Option<Voter>,
    claims: Claims,
    peers: Peers,
    /// Which of this replica's own dots are durable on a relay; of use to a tab.
    stored: DotSet,
    /// How many versions of a resync under way have not come yet, as the sender says.
    remaining: u64,
    folds: Folds,
    /// What this replica's user did last.
    deeds: Deeds,
    /// Records that were seen to be removed, to tell when one comes back.
    removed: Recent<RecordId>,
    /// Records that came back, with the edit that brought them, as people were told.
    told_restored: Recent<(RecordId, Dot)>,
    /// Records that were brought back by whoever had removed them, with the edit.
    revived: Recent<(RecordId, Dot)>,
    outbox: Outbox,
}

impl Replica {
    /// A replica with the durable state that its writes have left, or with none.
    #[must_use]
    pub fn recover(config: Config, durable: Recovered, now: Now) -> Self {
        let mut clock = Hlc::default();
        let mut folds = Folds::default();
        for (&record, versions) in &durable.records {
            folds.look_at(record, versions.len(), now.monotonic);
            for packed in versions.values() {
                clock.observe(packed.head(record).stamp);
            }
        }
        let promised = durable.promised.unwrap_or(Ballot::ZERO);
        let (voter, addresses) = match config.role {
            Role::Relay { voter, addresses, seed } => {
                let voters = addresses.keys().copied().collect();
                (Some(Voter::recover(voter, voters, promised, seed, now.monotonic)), addresses)
            }
            Role::Tab => (None, BTreeMap::new()),
        };
        let mut replica = Replica {
            me: config.replica,
            schema: config.schema,
            document: Document::recover(durable.context, durable.records),
            clock,
            log: Log::recover(durable.log, durable.decided),
            ledger: Ledger::default(),
            applied: Slot(0),
            voter,
            claims: Claims::recover(durable.claim_seq),
            peers: Peers::new(addresses),
            stored: DotSet::default(),
            remaining: 0,
            folds,
            deeds: Deeds::default(),
            removed: Recent::new(),
            told_restored: Recent::new(),
            revived: Recent::new(),
            outbox: Outbox::new(durable.decided),
        };
        replica.apply_decided();
        replica
    }

    /// Takes one step. Everything that follows from the input is in the output, or held back until what it depends
    /// on is durable.
    #[must_use]
    pub fn handle(&mut self, now: Now, input: Input) -> Output {
        let mut output = Output::default();
        match input {
            Input::Command(id, command) => self.on_command(now, id, command),
            Input::Receive(peer, message) => {
                if let Err(violation) = self.on_message(now, peer, message, &mut output) {
                    output.cut.push((peer, violation));
                    self.on_peer_down(now, peer);
                }
            }
            Input::PeerUp(peer, kind) => self.on_peer_up(now, peer, kind),
            Input::PeerDown(peer) => self.on_peer_down(now, peer),
            Input::Persisted(id) => self.outbox.persisted(id),
            Input::Wake => self.on_wake(now),
        }
        self.settle(now, &mut output);
        output
    }

    /// When to call [`handle`](Self::handle) with [`Input::Wake`] if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let fold = if self.is_leader() { self.folds.deadline() } else { None };
        let voter = self.voter.as_ref().and_then(Voter::deadline);
        [voter, self.claims.deadline(), fold].into_iter().flatten().min()
    }

    /// The state, for reading.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }

    /// Panics if an invariant written on the fields of the state does not hold.
    pub fn assert_invariants(&self) {
        self.document.assert_invariants();
        self.log.assert_invariants();
        self.ledger.assert_invariants();
        if let Some(voter) = &self.voter {
            voter.assert_invariants();
        }
        assert_eq!(self.applied, self.log.decided(), "the ledger lags behind the log");
    }

    /// Follows an input to its end: what was decided is applied, claims go on, and messages to this replica itself
    /// are handled as soon as they may leave.
    fn settle(&mut self, now: Now, output: &mut Output) {
        loop {
            self.apply_decided();
            self.fold_versions(now);
            self.pump_claims(now);
            self.tell_status();
            self.outbox.close_step(self.log.decided(), output);
            let Some(message) = self.outbox.next_to_self() else { break };
            if let Some(voter) = &mut self.voter {
                let effects = voter.receive(now.monotonic, voter.me(), message, &mut self.log);
                self.act(effects);
            }
        }
    }

    /// Folds the concurrent versions of records that are due, if that is this replica's task.
    fn fold_versions(&mut self, now: Now) {
        if !self.is_leader() {
            return;
        }
        for record in self.folds.take_due(now.monotonic) {
            let dot = self.document.next_dot(self.me);
            if self.document.version_count(record) > 1
                && let Ok(mut merged) = self.document.fold(record, dot)
            {
                self.spread(now, None, &mut merged);
            }
        }
    }

    fn is_leader(&self) -> bool {
        self.voter.as_ref().is_some_and(Voter::is_leader)
    }

    fn on_message(&mut self, now: Now, peer: PeerId, message: Message, output: &mut Output) -> Result<(), Violation> {
        let Some(kind) = self.peers.kind(peer) else { return Ok(()) };
        match message {
            Message::Have { context, fingerprint, decided } => {
                self.on_have(peer, kind, &context, fingerprint, decided);
            }
            Message::Edit(edit) => self.on_edit(now, peer, kind, edit, output)?,
            Message::Delta(delta) => self.on_delta(now, peer, kind, delta, output)?,
            Message::More => self.send(peer, self.have()),
            Message::Digest(digest) => self.on_digest(peer, kind, digest)?,
            Message::AskLiveness { of, buckets } => {
                self.send(peer, Message::Liveness(self.document.liveness(of, buckets)));
            }
            Message::Liveness(liveness) => self.on_liveness(now, peer, kind, liveness, output)?,
            Message::Want { record, dots } => self.on_want(peer, record, dots),
            Message::Fetch { first } => self.send(peer, Message::Suffix(self.log.suffix(first))),
            Message::Propose(claim) => self.on_propose(kind, claim)?,
            Message::Revived { record, edit } => self.on_revived(peer, record, edit),
            Message::Restored { record, edit } => {
                if self.document.contains(record) {
                    self.tell_restored(record, edit, output);
                }
            }
            trusted => {
                let PeerKind::Relay(from) = kind else { return Err(Violation::NotForTabs) };
                self.on_relay_message(now, peer, from, trusted);
            }
        }
        Ok(())
    }

    /// What only a relay may say.
    fn on_relay_message(&mut self, now: Now, peer: PeerId, from: VoterId, message: Message) {
        match message {
            Message::Paxos(message) => {
                if let Some(voter) = &mut self.voter {
                    let effects = voter.receive(now.monotonic, from, message, &mut self.log);
                    self.act(effects);
                }
            }
            Message::Suffix(suffix) => {
                if self.log.learn(&suffix, self.outbox.writes()) {
                    self.send(peer, Message::Fetch { first: self.log.decided() });
                }
                if let Some(voter) = &mut self.voter {
                    let effects = voter.log_grew(now.monotonic, &self.log);
                    self.act(effects);
                }
            }
            Message::Stored { context } => self.stored.join(&context.of(self.me)),
            Message::Presence(presence) => self.peers.set_presence(from, presence),
            Message::Status(status) => self.peers.set_status(status),
            Message::Have { .. }
            | Message::Edit(_)
            | Message::Delta(_)
            | Message::More
            | Message::Digest(_)
            | Message::AskLiveness { .. }
            | Message::Liveness(_)
            | Message::Want { .. }
            | Message::Fetch { .. }
            | Message::Propose(_)
            | Message::Restored { .. }
            | Message::Revived { .. } => unreachable!("dispatched before"),
        }
    }

    fn on_peer_up(&mut self, now: Now, peer: PeerId, kind: PeerKind) {
        self.peers.up(peer, kind);
        self.send(peer, self.have());
        if let (Some(voter), PeerKind::Relay(id)) = (&mut self.voter, kind) {
            let effects = voter.peer_up(now.monotonic, id, &self.log);
            self.act(effects);
        }
        self.claims.resend_all();
    }

    fn on_peer_down(&mut self, now: Now, peer: PeerId) {
        self.remaining = 0;
        let Some(PeerKind::Relay(id)) = self.peers.down(peer) else { return };
        if self.peers.link_to(id).is_some() {
            return; // A newer link to the same relay has taken over.
        }
        self.peers.clear_presence(id);
        if let Some(voter) = &mut self.voter {
            let effects = voter.peer_down(now.monotonic, id);
            self.act(effects);
        }
    }

    fn on_wake(&mut self, now: Now) {
        self.claims.wake(now.monotonic);
        if let Some(voter) = &mut self.voter {
            let effects = voter.wake(now.monotonic, &self.log);
            self.act(effects);
        }
    }

    /// Carries out what a step of the voter asks for.
    fn act(&mut self, effects: Effects) {
        self.outbox.writes().extend(effects.writes);
        let me = self.voter.as_ref().map(Voter::me);
        for (to, message) in effects.sends {
            if Some(to) == me {
                self.outbox.push(Item::ToSelf(message));
            } else if let Some(peer) = self.peers.link_to(to) {
                self.send(peer, Message::Paxos(message));
            }
        }
        if let Some(peer) = effects.fetch_from.and_then(|voter| self.peers.link_to(voter)) {
            self.send(peer, Message::Fetch { first: self.log.decided() });
        }
    }

    /// Applies what the log has decided since the last time, and passes it on to the tabs.
    fn apply_decided(&mut self) {
        let first = self.applied;
        while let Some(decision) = self.log.decision(self.applied) {
            if let Entry::Claim(claim) = decision.entry {
                let outcome = self.ledger.apply(self.applied, claim);
                self.claims.decided(claim, outcome, &mut self.outbox);
            }
            self.applied = self.applied.plus(1);
        }
        if self.applied > first {
            let suffix = Message::Suffix(self.log.suffix(first));
            for peer in self.peers.tabs() {
                self.send(peer, suffix.clone());
            }
        }
    }

    fn pump_claims(&mut self, now: Now) {
        let leader = self.voter.as_ref().and_then(Voter::leader);
        self.claims.leader_is(leader);
        let leads = self.is_leader();
        while let Some(claim) = self.claims.next_to_send() {
            let has_gone = if leads { self.propose(now, claim) } else { self.pass_on(now, leader, claim) };
            if !has_gone {
                break;
            }
        }
    }

    fn propose(&mut self, now: Now, claim: Claim) -> bool {
        let Some(voter) = &mut self.voter else { return false };
        let mut effects = Effects::default();
        let proposed = voter.propose(now.monotonic, Entry::Claim(claim), &self.log, &mut effects);
        self.act(effects);
        if proposed {
            self.claims.proposed();
        }
        proposed
    }

    /// Passes a claim on, from a relay to the leader, from a tab to its relay.
    fn pass_on(&mut self, now: Now, leader: Option<Ballot>, claim: Claim) -> bool {
        let towards = match self.voter {
            Some(_) => leader.and_then(|ballot| self.peers.link_to(ballot.voter)),
            None => self.peers.any_relay(),
        };
        let Some(peer) = towards.filter(|_| self.claims.may_pass()) else { return false };
        self.send(peer, Message::Propose(claim));
        self.claims.passed(now.monotonic);
        true
    }

    /// Tells relays who is here and tabs how things stand, where that has changed.
    fn tell_status(&mut self) {
        let Some(voter) = &self.voter else { return };
        for (peer, message) in self.peers.news_of_status(voter.me(), voter.leader()) {
            self.send(peer, message);
        }
    }

    fn send(&mut self, to: PeerId, message: Message) {
        self.outbox.push(Item::Send(crate::io::Envelope { to, message }));
    }
}
