//! Links that come and go, and messages on their way to the part of a replica that knows what to do with them.

use crate::base::dot::DotSet;
use crate::base::id::RelayId;
use crate::consensus::Position;
use crate::replica::access::{self, Act, Receiver};
use crate::replica::io::{Message, MessageClass, Now, Output, PeerId, PeerKind, Violation};
use crate::replica::presence::{PresenceNews, RelayPresence};
use crate::replica::replication_acks::OnMajority;
use crate::replica::state::Core;
use crate::replica::{Observer, Replica};

impl Replica {
    /// Takes in what a peer says.
    ///
    /// # Errors
    /// The rule that the peer has broken.
    pub(super) fn on_message(
        &mut self,
        now: Now,
        peer: PeerId,
        message: Message,
        output: &mut Output,
    ) -> Result<(), Violation> {
        let Some(kind) = self.peers.kind(peer) else { return Ok(()) };
        access::may(kind.into(), &Act::Say(&message, self.receiver()))?;
        if let Some(relay) = self.role.relay_mut() {
            relay.replication_acks.hear(peer, &message);
            self.user.telemetry.received(now, peer, &message);
        } else if self.reveals_a_copy(kind, &message) {
            return Ok(());
        } else {
            self.note_unattested(peer, kind, &message);
        }
        let class = message.class();
        if class == MessageClass::Log && !self.learns_log_from(peer, kind) {
            self.log_comes_early(peer, kind);
            return Ok(());
        }
        let is_by_relay = match class {
            MessageClass::BetweenRelays | MessageClass::ByRelay => true,
            MessageClass::Log => !self.is_neighbour(kind),
            MessageClass::Edits | MessageClass::CatchUp | MessageClass::Remark | MessageClass::ForRelay => false,
        };
        if !is_by_relay {
            return self.take(now, (peer, kind), message, output);
        }
        let from = relay_of(kind)?;
        self.take(now, (peer, kind), message, output)?;
        if self.voter().is_none_or(|voter| voter.leader().is_some_and(|ballot| ballot.voter == from)) {
            self.agreement.heard_leader = Some(now.monotonic);
        }
        Ok(())
    }

    fn receiver(&self) -> Receiver {
        if self.is_relay() { Receiver::Relay } else { Receiver::Tab }
    }

    /// A part of the log has come before its sender has said which log it has.
    fn log_comes_early(&mut self, peer: PeerId, kind: PeerKind) {
        if !self.is_neighbour(kind)
            && let Some(tab) = self.role.tab_mut()
        {
            tab.log_came_early = true;
            self.send(peer, Message::More);
        }
    }

    /// Gives a message that is allowed to the part that knows what to do with it.
    fn take(
        &mut self,
        now: Now,
        (peer, kind): (PeerId, PeerKind),
        message: Message,
        output: &mut Output,
    ) -> Result<(), Violation> {
        match message {
            Message::Have { context, fingerprint, decided, chain, restores } => {
                let log = (Position { slot: decided, chain }, &restores);
                self.on_have(now, peer, kind, (&context, fingerprint), log)?;
            }
            Message::Edit(edit) => self.on_edit(now, peer, kind, edit, output)?,
            Message::Delta(delta) => self.on_delta(now, peer, kind, (delta, Vec::new()), output)?,
            Message::Doubtful { delta, doubts } => self.on_delta(now, peer, kind, (delta, doubts), output)?,
            Message::More => self.send(peer, self.have(kind)),
            Message::Digest(digest) => self.on_digest(peer, kind, digest)?,
            Message::AskLiveness { of, buckets } => self.on_ask_liveness(peer, kind, of, buckets),
            Message::Liveness(liveness) => self.on_liveness(now, peer, kind, liveness, output)?,
            Message::Want { record, dots } => self.on_want(peer, kind, record, dots),
            Message::Fetch { first } => self.send_log(peer, first),
            Message::FetchPart { at, offset } => self.on_fetch_part(peer, at, offset),
            Message::Propose(request) => self.on_propose(now, kind, request)?,
            Message::Observer { tab, until, durable } => {
                self.on_observer(peer, kind, tab, until.map(|until| Observer { until, durable }))?;
            }
            Message::ReadIndex { id } => self.on_read_index(now, peer, id),
            Message::Watch { at, round_trip_us, measures } => {
                self.on_watch(now, peer, kind, (at, round_trip_us, measures));
            }
            Message::Doubt(doubts) => self.on_doubt(now, peer, kind, doubts)?,
            Message::Attest(writes) => self.on_attest(now, peer, kind, writes)?,
            Message::Revived { record, edit } => self.on_revived(peer, record, edit),
            Message::Restored { record, edit } => self.on_restored(record, edit, output),
            Message::Paxos(message) => self.on_vote(now, relay_of(kind)?, message),
            Message::Suffix(suffix) => self.on_suffix(now, peer, kind, suffix)?,
            Message::SnapshotPart { at, length, offset, bytes } => {
                self.on_snapshot_part(now, peer, at, length, (offset, bytes));
            }
            Message::Stored { context, configuration, majority } => {
                self.hear_stored(peer, &context, OnMajority { configuration, dots: majority.of(self.core.me) });
            }
            Message::Held { .. } => {} // Heard already.
            Message::Raised { number } => self.on_raised(peer, number)?,
            Message::Equivocated { dot } => self.on_equivocated(dot, output),
            Message::Presence(presence) => self.on_presence(peer, relay_of(kind)?, presence),
            Message::PresenceNews(news) => self.on_presence_news(peer, news),
            Message::Status(status) => self.peers.set_status(peer, status),
            Message::StatusNews(news) => self.peers.change_status(peer, news),
            Message::Released { until } => self.hear_released(until),
            Message::Load(load) => self.on_load(load),
            Message::ReadAt { id, index } => self.on_read_at(id, index),
            Message::Observed(observed) => self.on_observed(now, (peer, relay_of(kind)?), observed, output),
        }
        Ok(())
    }

    /// A relay says which edits of this tab are durable.
    fn hear_stored(&mut self, peer: PeerId, context: &DotSet, on_majority: OnMajority) {
        if self.on_stored(context) {
            self.ask_after_stored(peer);
        }
        if let Some(tab) = self.role.tab_mut() {
            tab.on_majority.learn(on_majority);
        }
    }

    fn on_presence(&mut self, peer: PeerId, from: RelayId, presence: RelayPresence) {
        self.peers.set_presence(peer, from, presence);
        self.presence_changed();
    }

    fn on_presence_news(&mut self, peer: PeerId, news: PresenceNews) {
        self.peers.change_presence(peer, news);
        self.presence_changed();
    }

    pub(super) fn on_peer_up(&mut self, now: Now, peer: PeerId, kind: PeerKind) {
        self.restamp(now, kind);
        self.peers.up(peer, kind);
        if let Some(relay) = self.role.relay_mut() {
            relay.replication_acks.up(peer, kind);
            self.presence_changed();
        }
        self.user.telemetry.peer_up(now, kind);
        if !self.is_neighbour(kind) {
            self.tell_all_doubts(peer, kind);
        }
        self.send(peer, self.have(kind));
        if self.is_neighbour(kind) {
            self.begins_to_send();
            return;
        }
        if let Some(tab) = self.role.tab_mut() {
            (tab.relay_decided, tab.log_came_early) = (None, false);
        }
        if let (Some(voter), PeerKind::Relay(id, incarnation)) = (self.role.voter_mut(), kind) {
            let effects = voter.peer_up(now.monotonic, id, incarnation, &self.core.log);
            self.act(effects);
            self.tell_raised(peer);
        }
        self.tell_released(&[peer]);
        self.agreement.requests.resend_all();
    }

    pub(super) fn on_peer_down(&mut self, now: Now, peer: PeerId) {
        self.user.remaining = 0;
        self.core.outbox.forget(peer);
        self.user.telemetry.peer_down(peer);
        self.agreement.snapshots.peer_down(peer);
        self.agreement.reads.peer_down(peer);
        self.agreement.other_logs.remove(&peer);
        self.neighbour_gone(peer);
        if let Some(relay) = self.role.relay_mut() {
            relay.replication_acks.down(peer);
            self.user.telemetry.watcher_down(peer);
            self.presence_changed();
        }
        let gone = self.peers.down(peer);
        self.ends_to_send();
        let id = match gone {
            Some(PeerKind::Relay(id, _)) => {
                self.orphans_wait();
                id
            }
            Some(PeerKind::Tab(tab)) => return self.observer_gone(tab),
            None => return,
        };
        if self.peers.link_to(id).is_some() {
            return; // A newer link to the same relay has taken over.
        }
        if let Some(voter) = self.role.voter_mut() {
            let effects = voter.peer_down(now.monotonic, id);
            self.act(effects);
        }
    }

    pub(super) fn on_wake(&mut self, now: Now) {
        if self.agreement.requests.wake(now.monotonic) {
            let Core { document, outbox, .. } = &mut self.core;
            self.agreement.requests.forget_unknown(|record| document.knows_record(record), outbox);
        }
        self.retry_reads(now);
        self.waive(now);
        if let Some(voter) = self.role.voter_mut() {
            let effects = voter.wake(now.monotonic, &mut self.core.log);
            self.act(effects);
        }
    }
}

/// The relay that a peer of this kind is.
///
/// # Errors
/// [`Violation::NotForTabs`] if it is a tab.
fn relay_of(kind: PeerKind) -> Result<RelayId, Violation> {
    match kind {
        PeerKind::Relay(relay, _) => Ok(relay),
        PeerKind::Tab(_) => Err(Violation::NotForTabs),
    }
}
