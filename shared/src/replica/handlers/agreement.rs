//! The agree half's traffic: votes, decisions, and requests on their way to the leader.

use crate::base::dot::DotSet;
use crate::base::id::RelayId;
use crate::consensus::{self, Ballot, Effects, Founding, Slot};
use crate::ledger::{Entry, Granted, Operation, Request, Suffix, Vote, Voter};
use crate::merge::document::Document;
use crate::replica::handlers::numbering::asks_for_a_number;
use crate::replica::io::{Message, Now, PeerId, PeerKind, Violation};
use crate::replica::outbox::Item;
use crate::replica::state::Replica;

impl Replica {
    /// The relays have found one another: the log begins, unless it has.
    pub(super) fn found(&mut self, founding: Founding) {
        if self.core.log.decided() == Slot(0) {
            let mut writes = Vec::new();
            self.core.log.found(founding.entry(), &mut writes);
            self.core.outbox.write(writes);
        }
    }

    pub(super) fn on_vote(&mut self, now: Now, from: RelayId, message: Vote) {
        // A request is decided only where what it depends on is durable, too: the leader repeats it until that is here.
        if let consensus::Message::Accept { entries, .. } = &message
            && !entries.iter().all(|entry| self.has_what_it_depends_on(entry))
        {
            return;
        }
        if let Some(voter) = self.role.voter_mut() {
            let effects = voter.receive(now.monotonic, from, message, &mut self.core.log);
            self.act(effects);
        }
    }

    pub(super) fn on_vote_to_self(&mut self, now: Now, message: Vote) {
        if let Some(voter) = self.role.voter_mut() {
            let effects = voter.receive(now.monotonic, voter.me(), message, &mut self.core.log);
            self.act(effects);
        }
    }

    pub(super) fn on_suffix(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        suffix: Suffix,
    ) -> Result<(), Violation> {
        let mut writes = Vec::new();
        let learned = self.core.log.learn(suffix, &mut writes);
        self.core.outbox.write(writes);
        let Ok(has_more) = learned else { return self.diverged(peer, kind) };
        if has_more {
            self.send(peer, Message::Fetch { first: self.core.log.decided() });
        }
        self.log_grew(now);
        Ok(())
    }

    /// The log has grown by other means than votes.
    pub(super) fn log_grew(&mut self, now: Now) {
        if let Some(voter) = self.role.voter_mut() {
            let effects = voter.log_grew(now.monotonic, &mut self.core.log);
            self.act(effects);
        }
    }

    /// Carries out what a step of the voter asks for.
    pub(super) fn act(&mut self, effects: Effects<Request>) {
        self.core.outbox.write(effects.writes);
        let me = self.voter().map(Voter::me);
        for (to, message) in effects.sends {
            if Some(to) == me {
                self.core.outbox.push(Item::ToSelf(message));
            } else if let Some(peer) = self.peers.link_to(to) {
                let binds_nobody =
                    matches!(message, consensus::Message::Accept { .. } | consensus::Message::Decided { .. });
                let message = Message::Paxos(message);
                if binds_nobody { self.send_unbound(peer, message) } else { self.send(peer, message) }
            }
        }
        if let Some(voter) = effects.fetch_from {
            self.fetch_from(voter);
        }
        if effects.confirmed {
            self.on_confirmed();
        }
    }

    /// Writes down what is remembered of other voters, along with other writes.
    pub(super) fn keep_memory(&mut self) {
        if let Some(voter) = self.role.voter_mut()
            && !self.core.outbox.writes().is_empty()
        {
            let memory = voter.unwritten_memory();
            self.core.outbox.write(memory);
        }
    }

    /// Applies what the log has decided since the last time, and passes it on.
    pub(super) fn apply_decided(&mut self, now: Now) {
        let first = self.core.applied;
        let mut about_keys = Vec::new();
        while let Some(decision) = self.core.log.decision(self.core.applied) {
            let slot = self.core.applied;
            self.core.applied = slot.plus(1);
            let outcome = self.core.ledger.apply(slot, &decision.entry);
            match (&decision.entry, outcome) {
                (Entry::Command(request), Some(outcome)) => {
                    if let Some(tab) = self.role.tab_mut()
                        && request.id.replica == self.core.me
                    {
                        let restored = self.core.ledger.restores().latest().map(|restore| restore.at);
                        tab.copies.look_at(request, &self.agreement.requests, restored);
                    }
                    let half = self.half_of(request, outcome);
                    if let Some(relay) = self.role.relay_mut() {
                        relay.halves.extend(half);
                    }
                    if self.is_relay() && request.operation.is_about_key() && self.agreement.requests.is_own(request.id)
                    {
                        about_keys.push((request.clone(), outcome));
                    }
                    // Another copy of this replica sent the request, so its outcome does not answer one of this copy.
                    let since = if self.is_copy_found() {
                        None
                    } else {
                        self.agreement.requests.decided(slot, request, outcome, &mut self.core.outbox)
                    };
                    if let Some(since) = since
                        && self.is_relay()
                    {
                        self.numbers.controller.decided(now.monotonic, since);
                    }
                    match (outcome, &request.operation) {
                        (Ok(Granted::Range(range)), _)
                            if range.to == self.core.me && self.agreement.requests.is_of_this_life(request) =>
                        {
                            self.numbers.leases.granted(range);
                        }
                        (Ok(_), Operation::Settle { numbers, .. }) => {
                            numbers.iter().for_each(|unsettled| self.numbers.unsettled.settled(unsettled.dot));
                            let settled: DotSet = numbers.iter().map(|unsettled| unsettled.dot).collect();
                            self.forget_verdicts(&settled);
                        }
                        (Ok(_), &Operation::Retire { replica, last }) => self.retire(replica, last),
                        _ => {}
                    }
                }
                (Entry::Configure(_), _) => self.reconfigured(now),
                (Entry::Restored { .. }, _) => {
                    self.reconfigured(now);
                    self.tell_neighbours_of_restore();
                }
                _ => {}
            }
        }
        for (request, outcome) in about_keys {
            self.on_key_decided(now, &request, outcome);
        }
        self.take_back_halves(now);
        if self.core.applied > first {
            self.note_decisions(first, self.core.applied);
            self.pass_on_decisions(first);
        }
    }

    /// Passes on what is decided from `first` on to those who learn it from this relay.
    pub(super) fn pass_on_decisions(&mut self, first: Slot) {
        let learners = match self.voter() {
            Some(voter) => self.peers.learners(voter.configuration()),
            None => self.peers.tabs(),
        };
        for peer in learners {
            self.send_log(peer, first);
        }
    }

    /// The log has come to another configuration.
    pub(super) fn reconfigured(&mut self, now: Now) {
        if let (Some(relay), Some(configuration)) = (self.role.relay_mut(), self.core.ledger.configuration()) {
            relay.voter.configure(now.monotonic, configuration);
            relay.replication_acks.reconfigured();
        }
    }

    pub(super) fn pump_requests(&mut self, now: Now) {
        let leader = self.voter().and_then(Voter::leader);
        self.agreement.requests.leader_is(leader);
        if self.is_leader() { self.propose(now) } else { self.pass_on_requests(now) }
    }

    /// Proposes what waits, as much as goes at a time.
    fn propose(&mut self, now: Now) {
        let Some(voter) = self.voter() else { return };
        let capacity = voter.capacity();
        let mut entries = Vec::new();
        if capacity > 0
            && let Some(next) = self.core.ledger.next_configuration()
        {
            entries.push(Entry::Configure(next.clone()));
        }
        // What is to end a configuration must be the last.
        while entries.len() < capacity && entries.last().is_none_or(|last| last.configuration().is_none()) {
            let Some(request) = self.agreement.requests.next_to_send(self.core.applied, &mut self.core.outbox) else {
                break;
            };
            if may_be_proposed(&self.core.document, request) {
                if asks_for_a_number(&request.operation) {
                    self.numbers.controller.asked(now.monotonic, true);
                }
                entries.push(Entry::Command(request.clone()));
                self.agreement.requests.proposed();
            } else {
                self.agreement.requests.dropped(now.monotonic);
            }
        }
        if !entries.is_empty()
            && let Some(voter) = self.role.voter_mut()
        {
            let effects = voter.propose(now.monotonic, entries, &mut self.core.log);
            self.act(effects);
        }
    }

    /// Passes requests on, from a relay to the leader, from a tab to its relay.
    fn pass_on_requests(&mut self, now: Now) {
        // What a request says of how far its asker knows the log must not lag behind what is long forgotten.
        if !self.is_relay() && !self.knows_log_of_relay() {
            return;
        }
        while self.agreement.requests.may_pass() {
            let Some(peer) = self.way_to_leader() else { return };
            let Some(request) = self.agreement.requests.next_to_send(self.core.applied, &mut self.core.outbox) else {
                return;
            };
            let message = Message::Propose(request.clone());
            self.agreement.requests.passed(now.monotonic);
            self.send(peer, message);
        }
    }

    /// The link over which requests and reads reach the leader: directly, or through a relay that sees it.
    pub(super) fn way_to_leader(&self) -> Option<PeerId> {
        if self.is_relay() { self.other_leader().map(|(_, peer)| peer) } else { self.peers.any_relay() }
    }

    /// The leader, where it is another relay than this one, and the link over which it is reached.
    pub(super) fn other_leader(&self) -> Option<(Ballot, PeerId)> {
        match self.voter()?.leader() {
            Some(ballot) => self.peers.link_to(ballot.voter).map(|peer| (ballot, peer)),
            None => self.peers.way_to_a_leader(),
        }
    }

    fn has_what_it_depends_on(&self, entry: &Entry) -> bool {
        if let Entry::Command(request) = entry { has_edits_before(&self.core.document, request) } else { true }
    }
}

/// Whether a leader may propose a request: the record is here, or was, and all that must be durable before it.
fn may_be_proposed(document: &Document, request: &Request) -> bool {
    let is_known = request.operation.record().is_none_or(|record| document.knows_record(record));
    (is_known || request.operation.is_about_key()) && has_edits_before(document, request)
}

/// Whether a document has the edits that must be durable on a majority before a request is decided: the asker's last one, and
/// the first one of a record that the asker has added. That of somebody else's record may be nowhere any more, after a
/// restore: the versions have outlived it, and they may have been removed since.
fn has_edits_before(document: &Document, request: &Request) -> bool {
    let askers = [Some(request.id.replica), request.after.map(|after| after.replica())];
    let added =
        request.operation.record().map(|record| record.0).filter(|first| askers.contains(&Some(first.replica())));
    let settles_what_is_here = match &request.operation {
        Operation::Settle { after, .. } => after.iter().all(|&dot| document.knows(dot)),
        _ => true,
    };
    settles_what_is_here && added.into_iter().chain(request.after).all(|dot| document.knows(dot))
}
