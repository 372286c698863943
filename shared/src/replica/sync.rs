//! The merge half's traffic: deltas live and after a reconnect, and what a tab may send of them.

use crate::document::{Change, Delta, Digest, Fingerprint, Merged};
use crate::dot::{Dot, DotSet};
use crate::hlc::Hlc;
use crate::id::{RecordId, ReplicaId};
use crate::io::{Event, Message, Now, Output, PeerId, PeerKind, Violation, WriteOp};
use crate::ledger::Claim;
use crate::paxos::Slot;

use super::Replica;

/// Over how many intervals the dots of one tab may be scattered at the most: a bound on the memory it can take.
const MAX_INTERVALS_PER_TAB: usize = 1024;

impl Replica {
    /// What this replica has.
    pub(super) fn have(&self) -> Message {
        let context = self.document.context().clone();
        Message::Have { context, fingerprint: self.document.fingerprint(), decided: self.log.decided() }
    }

    /// A peer says what it has: it gets what it lacks.
    pub(super) fn on_have(
        &mut self,
        peer: PeerId,
        kind: PeerKind,
        context: &DotSet,
        fingerprint: Fingerprint,
        decided: Slot,
    ) {
        if let PeerKind::Relay(_) = kind {
            self.stored.join(&context.of(self.me));
        }
        if !self.document.has_nothing_for(context, fingerprint) {
            // A relay takes from a tab only what the tab wrote itself.
            let author = if self.voter.is_none() { Some(self.me) } else { None };
            let (deltas, digest) = self.document.missing(context, author);
            for delta in deltas {
                self.send(peer, Message::Delta(delta));
            }
            self.send(peer, Message::Digest(digest));
        }
        // A relay takes no decisions from a tab.
        if self.voter.is_some() && decided < self.log.decided() {
            self.send(peer, Message::Suffix(self.log.suffix(decided)));
        }
    }

    pub(super) fn on_delta(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        mut delta: Delta,
        output: &mut Output,
    ) -> Result<(), Violation> {
        if let PeerKind::Tab(tab) = kind {
            self.check_delta(&delta, tab, now)?;
            delta.context = self.known_or_own(&delta.context, tab)?;
        }
        for version in delta.versions.values().flat_map(|versions| versions.values()) {
            self.clock.observe(version.latest_stamp());
        }
        let merged = self.document.merge(delta);
        self.take_in(peer, kind, merged, output);
        Ok(())
    }

    pub(super) fn on_digest(
        &mut self,
        peer: PeerId,
        kind: PeerKind,
        mut digest: Digest,
        output: &mut Output,
    ) -> Result<(), Violation> {
        if let PeerKind::Tab(tab) = kind {
            digest.context = self.known_or_own(&digest.context, tab)?;
            digest.live = digest.live.intersection(&digest.context);
        }
        match self.document.compare(&digest) {
            Ok(merged) => self.take_in(peer, kind, merged, output),
            Err(_incomplete) => self.send(peer, self.have()),
        }
        Ok(())
    }

    /// A claim on its way to the leader.
    pub(super) fn on_propose(&mut self, kind: PeerKind, claim: Claim) -> Result<(), Violation> {
        if let PeerKind::Tab(tab) = kind
            && claim.id.replica != tab
        {
            return Err(Violation::ForeignClaim);
        }
        // Without room it is dropped: whoever asks repeats it until it is decided.
        if self.ledger.outcome(claim.id).is_none() {
            self.claims.take(claim, None);
        }
        Ok(())
    }

    /// Stores a merge, and passes on what was news in it to every peer but the one that it came from.
    pub(super) fn spread(&mut self, from: Option<PeerId>, writes: Vec<WriteOp>, news: Option<Delta>) {
        self.outbox.writes().extend(writes);
        if let Some(news) = news {
            for peer in self.peers.all_but(from) {
                self.send(peer, Message::Delta(news.clone()));
            }
        }
    }

    /// Spreads and reports what came from a peer, and answers it.
    fn take_in(&mut self, from: PeerId, kind: PeerKind, merged: Merged, output: &mut Output) {
        self.spread(Some(from), merged.writes, merged.news);
        output.lost.extend(merged.lost);
        for (record, change, edit) in merged.changes {
            match edit {
                Some(edit) if change == Change::Added && self.removed.contains(&record) => {
                    self.tell_restored(record, edit, output);
                }
                _ => output.events.push(Event { record, change, by: edit.map(|edit| edit.replica) }),
            }
            if change == Change::Removed {
                self.removed.insert(record);
            }
        }
        if !merged.stale.is_empty() {
            self.send(from, Message::Delta(Delta { context: merged.stale, ..Delta::default() }));
        }
        if let PeerKind::Tab(tab) = kind {
            self.send(from, Message::Stored { context: self.document.context().of(tab) });
        }
    }

    /// Whoever has seen a record removed, and sees it come back, tells everybody: after the record itself, since a peer
    /// that does not have it takes no notice.
    pub(super) fn tell_restored(&mut self, record: RecordId, edit: Dot, output: &mut Output) {
        if self.told_restored.insert((record, edit)) {
            output.events.push(Event { record, change: Change::Restored, by: Some(edit.replica) });
            for peer in self.peers.all_but(None) {
                self.send(peer, Message::Restored { record, edit });
            }
        }
    }

    /// The part of a tab's causal context that it may vouch for: its own dots, and those that are known here. About
    /// others it could silence a replica whose dots have not arrived yet; where it was right, the truth comes out
    /// when they do, since it then answers that they are stale.
    fn known_or_own(&self, context: &DotSet, tab: ReplicaId) -> Result<DotSet, Violation> {
        let mut own = context.of(tab);
        own.join(&self.document.context().of(tab));
        if own.interval_count() > MAX_INTERVALS_PER_TAB {
            return Err(Violation::ScatteredContext { limit: MAX_INTERVALS_PER_TAB });
        }
        let mut allowed = context.intersection(self.document.context());
        allowed.join(&context.of(tab));
        Ok(allowed)
    }

    /// Checks what a tab wrote, trusting nothing.
    fn check_delta(&self, delta: &Delta, tab: ReplicaId, now: Now) -> Result<(), Violation> {
        for (&dot, version) in delta.versions.values().flatten() {
            if dot.replica != tab || !delta.context.contains(dot) {
                return Err(Violation::ForeignDot { dot });
            }
            self.schema.check_version(version).map_err(Violation::Schema)?;
            Hlc::check(version.latest_stamp(), now.wall_ms).map_err(Violation::Clock)?;
        }
        Ok(())
    }
}
