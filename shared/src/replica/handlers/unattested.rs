//! How a tab tells attested edits from [unattested](crate::replica::Unattested) ones.

use crate::base::dot::{Dot, DotSet};
use crate::base::id::RecordId;
use crate::merge::document::{Delta, Digest, Liveness, Merged, News};
use crate::replica::io::{Message, Now, PeerId, PeerKind, WriteOp};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::Replica;
use crate::replica::state::TabState;

impl Replica {
    /// Whether the other side is a tab of the same browser, which is believed as this tab's own storage is.
    pub(super) fn is_neighbour(&self, kind: PeerKind) -> bool {
        !self.is_relay() && matches!(kind, PeerKind::Tab(_))
    }

    /// Writes down what is unattested, along with the versions that it is about.
    ///
    /// The dots up to which a replica is retired are unattested no more: relays know them, and tell of them no more. Nor will
    /// one tell of an edit that could not be merged here, since it builds on what nobody has.
    pub(super) fn keep_unattested(&mut self) {
        if self.unattested_have_ended() {
            for relay in self.peers.relays() {
                if let Some(kind) = self.peers.kind(relay) {
                    self.end_unattested(relay, kind);
                }
            }
        }
        if let Some(TabState { unattested, unattested_written, .. }) = self.role.tab_mut()
            && unattested != unattested_written
        {
            unattested_written.clone_from(unattested);
            self.core.outbox.writes().push(WriteOp::Unattested(unattested.clone()));
        }
    }

    /// Forgets the unattested dots of which no relay will tell. Says whether none are left that were written down.
    fn unattested_have_ended(&mut self) -> bool {
        let Some(tab) = self.role.tab_mut().filter(|tab| !tab.unattested.is_empty()) else { return false };
        let mut untold = tab.unattested.dots.difference(self.core.document.context());
        untold.join(&self.core.document.retired_in(&tab.unattested.dots));
        let has_some = !untold.is_empty() && InForce::ends_unattested();
        has_some && tab.unattested.confirm(&untold) && !tab.unattested_written.is_empty()
    }

    /// Whether all that this replica has is attested.
    fn is_attested(&self) -> bool {
        self.role.tab().is_none_or(|tab| tab.unattested.is_empty())
    }

    /// Those to whom this replica tells what it did, or heard over the link `from`. In a tab, all neighbours have heard
    /// themselves what one of them said, and a relay does not want it from here.
    pub(super) fn audience(&self, from: Option<PeerId>) -> Vec<PeerId> {
        match from.and_then(|peer| self.peers.kind(peer)) {
            Some(PeerKind::Tab(_)) if !self.is_relay() => Vec::new(),
            Some(PeerKind::Relay(..)) if !self.is_relay() => self.peers.tabs(),
            // A relay that has not said yet what it has may know of another copy of this tab.
            _ if self.role.tab().is_some_and(|tab| tab.relay_decided.is_none()) => self.peers.tabs(),
            _ => self.peers.all_but(from),
        }
    }

    /// Notes who tells of what, in a tab.
    pub(super) fn note_unattested(&mut self, peer: PeerId, kind: PeerKind, message: &Message) {
        if let PeerKind::Tab(id) = kind {
            self.note_own_of_neighbour(peer, id, message);
        }
        let told = match message {
            Message::Edit(edit) => edit.context(),
            Message::Delta(delta) | Message::Doubtful { delta, .. } => delta.dots(),
            Message::Have { context, .. }
            | Message::Digest(Digest { context, .. })
            | Message::Liveness(Liveness { context, .. })
                if !self.is_neighbour(kind) =>
            {
                context.clone()
            }
            _ => return,
        };
        let is_neighbour = self.is_neighbour(kind);
        let Some(tab) = self.role.tab_mut() else { return };
        if is_neighbour {
            let news = told.difference(self.core.document.context());
            tab.unattested.dots.join(&news);
        } else if tab.unattested.confirm(&told) {
            self.end_unattested(peer, kind);
        }
    }

    /// Nothing is held back any more: messages leave as soon as the relay says what it lacks, and the documents can
    /// be compared.
    fn end_unattested(&mut self, relay: PeerId, kind: PeerKind) {
        self.send(relay, Message::More);
        self.send(relay, self.have(kind));
    }

    /// By an edit of this tab's user a relay learns of the neighbours' edits that it builds on, and does not tell this tab
    /// of them. So the tab asks what the relay has, once it has taken in all that was done here.
    pub(super) fn ask_after_stored(&mut self, peer: PeerId) {
        let own = self.core.document.context().of(self.core.me);
        if self.role.tab().is_some_and(|tab| own.is_subset(&tab.stored) && !tab.unattested.is_empty()) {
            self.send(peer, Message::More);
        }
    }

    /// A neighbour's word has ended these versions.
    pub(super) fn note_superseded(&mut self, died: impl Iterator<Item = (RecordId, Dot)>) {
        if let Some(tab) = self.role.tab_mut().filter(|tab| !tab.unattested.is_empty()) {
            for (record, dot) in died {
                tab.unattested.superseded.entry(record).or_default().insert(dot);
            }
        }
    }

    /// An edit of this tab's user also covers earlier edits of the record by neighbours, since a relay accepts it
    /// from here.
    pub(super) fn stand_for(&mut self, merged: &mut Merged) {
        let Some(tab) = self.role.tab_mut() else { return };
        for record in &merged.touched {
            let superseded = tab.unattested.superseded.remove(record).unwrap_or_default();
            if let Some(News::Delta(delta)) = &mut merged.news
                && !self.core.document.contains(*record)
            {
                delta.context.join(&superseded);
                tab.unattested.removed.join(&delta.context);
            }
        }
    }

    /// Edits of this tab's user that a relay lacks, and that neighbours have superseded, would never come to it, and its
    /// author may be the only one who may tell of them. So this tab edits the records again, without changing anything:
    /// that carries both to the relay.
    pub(super) fn adopt(&mut self, now: Now, kind: PeerKind, theirs: &DotSet) {
        if self.can_tell_liveness(kind) {
            return;
        }
        let unsaid = self.core.document.context().of(self.core.me).difference(theirs);
        let is_meant = |dots: &DotSet| !dots.intersection(&unsaid).is_empty();
        let Some(tab) = self.role.tab_mut() else { return };
        let superseded = tab.unattested.superseded.iter().filter(|(_, dots)| is_meant(dots));
        let (here, gone): (Vec<_>, Vec<_>) =
            superseded.map(|(&record, _)| record).partition(|record| self.core.document.contains(*record));
        gone.iter().for_each(|record| drop(tab.unattested.superseded.remove(record)));
        for record in here {
            // One that is too large stays with the neighbour.
            let _edited = self.edit_record(now, record, Vec::new());
        }
    }

    /// Whether this replica can say to a peer what is live, and what is not.
    pub(super) fn can_tell_liveness(&self, kind: PeerKind) -> bool {
        self.is_neighbour(kind) || self.is_attested()
    }

    /// Ends a resync, if what is live here is what the peer is to believe.
    pub(super) fn send_digest(&mut self, peer: PeerId, kind: PeerKind) {
        if self.can_tell_liveness(kind) {
            let is_neighbour = self.is_neighbour(kind);
            if let Some(tab) = self.role.tab_mut().filter(|_| !is_neighbour) {
                tab.unattested.removed = DotSet::default();
            }
            self.send(peer, Message::Digest(self.core.document.digest()));
        } else if let Some(TabState { unattested, .. }) = self.role.tab() {
            let removed = unattested.removed.difference(&unattested.dots);
            self.send(peer, Message::Delta(Delta { context: removed, ..Delta::default() }));
        }
    }

    /// Sends versions, without what the peer is not to have from this replica.
    pub(super) fn send_delta(&mut self, peer: PeerId, kind: PeerKind, mut delta: Delta) {
        if let Some(TabState { unattested, .. }) = self.role.tab()
            && !self.can_tell_liveness(kind)
        {
            let mut unspoken = unattested.dots.clone();
            unattested.superseded.values().for_each(|dots| unspoken.join(dots));
            delta.context = delta.context.difference(&unspoken);
        }
        let message = self.delta_message(kind, delta);
        self.send(peer, message);
    }

    /// A delta as a message to such a peer: where this matters, with what is doubted about its versions.
    pub(super) fn delta_message(&self, kind: PeerKind, delta: Delta) -> Message {
        let doubts = if let PeerKind::Relay(..) = kind { self.doubts_in(&delta) } else { Vec::new() };
        if doubts.is_empty() { Message::Delta(delta) } else { Message::Doubtful { delta, doubts } }
    }
}
