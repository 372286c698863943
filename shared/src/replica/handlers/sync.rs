//! The merge half's traffic: edits live, deltas after a reconnect, and what a tab may send of them.

use crate::base::dot::{Dot, DotSet};
use crate::base::hlc::Hlc;
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::consensus::Position;
use crate::ledger::{Rejection, Request, Restores};
use crate::merge::document::{
    Arbiter, Change, Comparison, Delta, Digest, Edit, Liveness, MAX_VERSION_BYTES, Merged, News, Unfit, dots_up_to,
};
use crate::replica::access::{self, Act, Principal};
use crate::replica::io::{Event, Message, Now, Output, PeerId, PeerKind, Violation, WriteOp};
use crate::replica::rules::{InForce, Rules};
use crate::replica::{Doubt, Replica};

/// Over how many intervals the dots of one tab may be scattered at the most: a bound on the memory it can take.
const MAX_INTERVALS_PER_TAB: usize = 1024;

/// How far a counter that a tab tells of may lie above all that are known of its replica: more edits than anybody makes
/// before a relay hears of them.
pub const MAX_LEAP: u64 = 1 << 20;

impl Replica {
    /// Returns the state of this replica, for a peer of this kind. The peer is told of all its own dots, by which it
    /// recognises a copy of itself.
    pub(super) fn have(&self, kind: PeerKind) -> Message {
        let (PeerKind::Tab(peer) | PeerKind::Relay(_, peer)) = kind;
        let mut context = self.core.document.context().clone();
        context.join(&self.core.document.dots_of(peer));
        let (decided, chain) = (self.core.log.decided(), self.core.log.chain());
        let restores = self.core.ledger.restores().clone();
        Message::Have { context, fingerprint: self.core.document.fingerprint(), decided, chain, restores }
    }

    /// A peer says what it has: it gets what it lacks.
    pub(super) fn on_have(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        (context, fingerprint): (&DotSet, u128),
        (decided, restores): (Position, &Restores),
    ) -> Result<(), Violation> {
        let is_one_log = self.compare_logs(peer, kind, decided, restores)?;
        if let PeerKind::Relay(..) = kind {
            self.on_stored(context);
            self.note_replication_acks(peer, context, decided.slot);
            self.check_memory(context.highest(self.core.me));
            if let Some(tab) = self.role.tab_mut() {
                tab.relay_decided = Some(decided.slot);
                self.look_for_orphans(now, context);
                self.fetch_what_came_early(peer, decided.slot);
            }
        }
        // A relay takes no decisions from a tab. They come first: who is retired is among them.
        if is_one_log && (self.is_relay() || self.is_neighbour(kind)) && decided.slot < self.core.log.decided() {
            self.send_log(peer, decided.slot);
        }
        self.adopt(now, kind, context);
        if !self.core.document.has_nothing_for(context, fingerprint) {
            let (deltas, is_all) = self.core.document.missing(context, self.speaks_for(kind));
            for delta in deltas {
                self.send_delta(peer, kind, delta);
            }
            if is_all { self.send_digest(peer, kind) } else { self.send(peer, Message::More) }
        } else if self.mistrusts(kind).is_some() && context != self.core.document.context() {
            // The tab has seen more. Where that is unattested, it cannot begin to compare, and so the relay does.
            self.send_digest(peer, kind);
        }
        Ok(())
    }

    /// A relay says what it has, this replica's own dots among it. Says whether it has more of them than this tab knew.
    pub(super) fn on_stored(&mut self, context: &DotSet) -> bool {
        let own = context.of(self.core.me);
        let Some(tab) = self.role.tab_mut().filter(|tab| !own.is_subset(&tab.stored)) else { return false };
        tab.stored.join(&own);
        self.core.outbox.writes().push(WriteOp::Stored(tab.stored.clone()));
        true
    }

    /// Checks this relay's memory: its edits that others have seen, up to this counter, were durable here. If one is
    /// not known, the disk has forgotten it.
    pub(super) fn check_memory(&mut self, theirs: u64) {
        if let Some(voter) = self.role.voter_mut()
            && theirs > self.core.document.context().highest(self.core.me)
        {
            voter.forget();
        }
    }

    pub(super) fn on_edit(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        mut edit: Edit,
        output: &mut Output,
    ) -> Result<(), Violation> {
        if let Some(tab) = self.mistrusts(kind) {
            self.check_edit(&edit, tab, now)?;
            edit.superseded = self.known_or_own(&edit.superseded, tab)?;
        }
        let (record, dot, stamp) = (edit.record, edit.dot, edit.stamp);
        match self.core.document.apply(edit) {
            Ok(merged) => {
                self.core.clock.observe(stamp, now.wall_ms);
                self.attest_edit(now, record, dot);
                self.take_in(now, peer, kind, merged, output);
            }
            Err(Unfit::MissingBase { record, dots }) => self.send(peer, Message::Want { record, dots }),
            Err(Unfit::TooLarge) => return Err(Violation::TooLarge),
        }
        Ok(())
    }

    pub(super) fn on_delta(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        (mut delta, doubts): (Delta, Vec<Doubt>),
        output: &mut Output,
    ) -> Result<(), Violation> {
        if let Some(tab) = self.mistrusts(kind) {
            self.check_delta(&delta, tab, now)?;
            delta.context = self.known_or_own(&delta.context, tab)?;
        }
        // An edit is later than all that it builds on.
        for (record, version) in &delta.versions {
            self.core.clock.observe(version.head(*record).stamp, now.wall_ms);
        }
        if delta.remaining > 0 {
            self.user.remaining = delta.remaining;
        }
        let own_doubts = self.doubts_about(kind, &delta)?;
        let attested = self.attested_by(Some(kind), &delta);
        self.take_doubts(now, peer, kind, doubts)?;
        self.doubt(&own_doubts);
        let arbiter = match kind {
            _ if self.is_relay() => Arbiter::Order,
            PeerKind::Relay(..) => Arbiter::Sender,
            PeerKind::Tab(_) => Arbiter::Receiver,
        };
        let merged = self.core.document.merge_by(delta, arbiter);
        self.ask_authors(own_doubts);
        self.attest(now, None, attested);
        self.take_in(now, peer, kind, merged, output);
        Ok(())
    }

    pub(super) fn on_digest(&mut self, peer: PeerId, kind: PeerKind, mut digest: Digest) -> Result<(), Violation> {
        self.user.remaining = 0;
        if self.mistrusts(kind).is_some() {
            // Not its own dots that are unknown here: they may live in a fold, which is not a tab's to send, and asking
            // again would not bring them.
            digest.context = self.core.document.known_of(&digest.context);
        } else if !self.is_neighbour(kind) {
            digest.context.join(&self.untold_by_relays());
        }
        match self.core.document.compare(&digest) {
            Comparison::Equal => {}
            Comparison::Incomplete => self.send(peer, self.have(kind)),
            Comparison::Differs { of, buckets } => self.send(peer, Message::AskLiveness { of, buckets }),
        }
        Ok(())
    }

    pub(super) fn on_liveness(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        mut theirs: Liveness,
        output: &mut Output,
    ) -> Result<(), Violation> {
        if self.mistrusts(kind).is_some() {
            theirs.context = self.core.document.known_of(&theirs.context);
            theirs.live = theirs.live.intersection(&theirs.context);
        } else if !self.is_neighbour(kind) {
            theirs.context.join(&self.untold_by_relays());
        }
        match self.core.document.drop_dead(&theirs) {
            Some(merged) => self.take_in(now, peer, kind, merged, output),
            None => self.send(peer, self.have(kind)),
        }
        let retired = self.core.document.retired_live(&theirs);
        if !retired.is_empty() {
            self.send(peer, Message::Delta(Delta { context: retired, ..Delta::default() }));
        } else if self.can_tell_liveness(kind) && self.core.document.knows_dead(&theirs) {
            self.send_digest(peer, kind);
        } else if self.core.document.has_other_content(&theirs) {
            // Whoever has the content that is not to stay learns so by the answer.
            for delta in self.core.document.versions_in(theirs.of, &theirs.buckets, self.speaks_for(kind)) {
                self.send_delta(peer, kind, delta);
            }
            if !self.is_relay() && !self.is_neighbour(kind) && self.can_tell_liveness(kind) {
                // A tab follows its relay, which sees by this that it has to tell.
                self.send(peer, Message::Liveness(self.core.document.liveness(theirs.of, theirs.buckets)));
            }
        }
        Ok(())
    }

    /// The dots seen here that relays know and do not tell any more: those up to which replicas are retired. A replica
    /// keeps its own past, also when that is retired.
    fn untold_by_relays(&self) -> DotSet {
        let (me, context) = (self.core.me, self.core.document.context());
        let mut dots = self.core.document.retired_in(context);
        let own = self.core.ledger.retired().find(|&(replica, _)| replica == me);
        if let Some((_, last)) = own {
            dots.join(&context.intersection(&dots_up_to(me, last)));
        }
        dots
    }

    pub(super) fn on_want(&mut self, peer: PeerId, kind: PeerKind, record: RecordId, dots: DotSet) {
        let delta = self.core.document.whole(&SortedMap::from([(record, dots)]), self.speaks_for(kind));
        self.send_delta(peer, kind, delta);
    }

    pub(super) fn on_ask_liveness(&mut self, peer: PeerId, kind: PeerKind, of: u16, buckets: Vec<u16>) {
        if self.can_tell_liveness(kind) {
            self.send(peer, Message::Liveness(self.core.document.liveness(of, buckets)));
        }
    }

    /// A request on its way to the leader.
    pub(super) fn on_propose(&mut self, now: Now, kind: PeerKind, request: Request) -> Result<(), Violation> {
        access::may(kind.into(), &Act::SpeakFor(request.id.replica))?;
        access::may(kind.into(), &Act::Ask(&request.operation))?;
        // Without room it is dropped: whoever asks repeats it until it is decided. What is forgotten is decided, too, so
        // that the asker learns of it.
        if self.core.ledger.outcome(&request).is_none_or(|outcome| outcome == Err(Rejection::Forgotten)) {
            let _no_room = self.agreement.requests.take(now.monotonic, request);
        }
        Ok(())
    }

    /// Stores a merge, and passes on what was news in it to whoever has not heard it.
    pub(super) fn spread(&mut self, now: Now, from: Option<PeerId>, merged: &mut Merged) {
        self.core.outbox.write(std::mem::take(&mut merged.writes));
        if from.is_none() {
            self.stand_for(merged);
        }
        for &record in &merged.touched {
            if let Some(relay) = self.role.relay_mut() {
                relay.folds.look_at(record, self.core.document.version_count(record), now.monotonic);
            }
            self.look_at_number(now, record);
            self.core.changes.record(record);
        }
        let Some(news) = merged.news.take() else { return };
        for peer in self.audience(from) {
            let message = match (&news, self.peers.kind(peer)) {
                (News::Edit(edit), _) => Message::Edit(edit.clone()),
                (News::Delta(delta), Some(kind)) => self.delta_message(kind, delta.clone()),
                (News::Delta(_), None) => continue,
            };
            if let Some(relay) = self.role.relay_mut()
                && !InForce::waits_for_acks()
            {
                relay.replication_acks.hear(peer, &message);
            }
            self.send(peer, message);
        }
    }

    /// Spreads and reports what came from a peer, and answers it.
    fn take_in(&mut self, now: Now, from: PeerId, kind: PeerKind, mut merged: Merged, output: &mut Output) {
        if self.is_neighbour(kind) {
            self.note_superseded(merged.died.drain(..));
        }
        if let Some(relay) = self.role.relay_mut()
            && let Some(news) = &merged.news
        {
            relay.replication_acks.took_in(from, news);
        }
        let contested = std::mem::take(&mut merged.contested);
        if !contested.is_empty() && !self.is_relay() && !self.is_neighbour(kind) {
            // The relay may have changed its mind since: it is asked again until both agree.
            self.send_digest(from, kind);
        }
        if self.is_relay() {
            let of_author = |author| Dot::new(author, contested.highest(author));
            contested.replicas().for_each(|author| self.on_equivocated(of_author(author), output));
        }
        self.spread(now, Some(from), &mut merged);
        output.lost.extend(merged.lost);
        for (record, change, edit) in merged.changes {
            match edit {
                Some(edit)
                    if change == Change::Added
                        && self.user.removed.contains(&record)
                        && !self.user.revived.contains(&(record, edit)) =>
                {
                    self.tell_restored(record, edit, output);
                }
                _ => output.events.push(Event { record, change, by: edit.map(|edit| edit.replica()) }),
            }
            if change == Change::Removed {
                self.user.removed.insert(record);
            }
        }
        if !merged.stale.is_empty() {
            let delta = self.core.document.whole(&merged.stale, self.speaks_for(kind));
            self.send_delta(from, kind, delta);
        }
        if let Some(tab) = self.mistrusts(kind) {
            self.tell_stored(from, tab, self.on_majority(tab));
        }
    }

    /// An author gave one dot to two edits: its links are cut, at this relay and, since they are told, at the others.
    pub(super) fn on_equivocated(&mut self, dot: Dot, output: &mut Output) {
        if self.note_equivocation(dot) {
            output.equivocations.push(dot);
            let links = self.peers.links_of_tab(dot.replica());
            output.cut.extend(links.into_iter().map(|peer| (peer, Violation::Equivocation { dot })));
        }
    }

    /// An edit is about to come that brings a record back knowingly: nobody need be told of a conflict.
    pub(super) fn on_revived(&mut self, from: PeerId, record: RecordId, edit: Dot) {
        if self.user.revived.insert((record, edit)) {
            for peer in self.audience(Some(from)) {
                self.send(peer, Message::Revived { record, edit });
            }
        }
    }

    /// A removed record has come back, unless it is gone here again.
    pub(super) fn on_restored(&mut self, record: RecordId, edit: Dot, output: &mut Output) {
        if self.core.document.contains(record) {
            self.tell_restored(record, edit, output);
        }
    }

    /// Whose versions this replica may send: a relay takes from a tab only what the tab wrote itself.
    fn speaks_for(&self, kind: PeerKind) -> Option<ReplicaId> {
        if !self.is_relay() && !self.is_neighbour(kind) { Some(self.core.me) } else { None }
    }

    /// The tab that a relay has to check.
    fn mistrusts(&self, kind: PeerKind) -> Option<ReplicaId> {
        match kind {
            PeerKind::Tab(tab) if self.is_relay() => Some(tab),
            _ => None,
        }
    }

    /// Tells every peer that a removed record has come back. This follows the record itself, since a peer without the
    /// record ignores it.
    fn tell_restored(&mut self, record: RecordId, edit: Dot, output: &mut Output) {
        if self.user.told_restored.insert((record, edit)) {
            output.events.push(Event { record, change: Change::Restored, by: Some(edit.replica()) });
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
        if let Ok(last) = Dot::try_new(tab, own.highest(tab)) {
            self.check_leap(last)?;
        }
        own.join(&self.core.document.context().of(tab));
        if own.interval_count() > MAX_INTERVALS_PER_TAB {
            return Err(Violation::ScatteredContext { limit: MAX_INTERVALS_PER_TAB });
        }
        let mut allowed = self.core.document.known_of(context);
        allowed.join(&context.of(tab));
        Ok(allowed)
    }

    /// Checks that a dot which a tab tells of may exist: a counter that leaps far beyond what is known uses up an id.
    fn check_leap(&self, dot: Dot) -> Result<(), Violation> {
        let known = self.core.document.last_of(dot.replica());
        if dot.counter() > known + MAX_LEAP && !self.core.document.knows(dot) && InForce::bounds_leaps() {
            return Err(Violation::CounterLeap { dot, limit: MAX_LEAP });
        }
        Ok(())
    }

    /// Checks an edit that a tab made, trusting nothing.
    fn check_edit(&self, edit: &Edit, tab: ReplicaId, now: Now) -> Result<(), Violation> {
        access::may(Principal::Tab(tab), &Act::Write(edit.dot))?;
        if edit.folds {
            return Err(Violation::ForeignDot { dot: edit.dot });
        }
        self.check_leap(edit.dot)?;
        if edit.base.is_empty() && edit.record.0 != edit.dot {
            return Err(Violation::ForeignDot { dot: edit.record.0 });
        }
        Hlc::check(edit.stamp, now.wall_ms).map_err(Violation::Clock)?;
        if edit.base.is_empty() {
            return self.core.schema.check_new(&edit.ops).map_err(Violation::Schema);
        }
        edit.ops.iter().try_for_each(|op| self.core.schema.check_op(op)).map_err(Violation::Schema)
    }

    /// Checks versions that a tab wrote, trusting nothing.
    fn check_delta(&self, delta: &Delta, tab: ReplicaId, now: Now) -> Result<(), Violation> {
        for (record, version) in &delta.versions {
            let live = version.unpack(*record);
            access::may(Principal::Tab(tab), &Act::Write(live.dot))?;
            if !live.folded.is_empty() {
                return Err(Violation::ForeignDot { dot: live.dot });
            }
            if live.weight() > MAX_VERSION_BYTES {
                return Err(Violation::TooLarge);
            }
            if !live.version.has_seen_its_parts() {
                return Err(Violation::ForeignDot { dot: live.dot });
            }
            self.core.schema.check_version(&live.version).map_err(Violation::Schema)?;
            let writes = live.version.fields().iter().flat_map(|(_, field)| field.writes()).map(|write| write.dot);
            let past = live.version.past.entries().iter().copied();
            past.chain(writes).chain([record.0]).try_for_each(|dot| self.check_leap(dot))?;
            // The stamps of others say nothing about this tab's clock.
            let own = live.version.ranked_writes_of(tab).map(|(_, write)| write.stamp);
            for stamp in own.chain([live.version.stamp]) {
                Hlc::check(stamp, now.wall_ms).map_err(Violation::Clock)?;
            }
        }
        Ok(())
    }
}
