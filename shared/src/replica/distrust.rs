//! What a replica was told and does not believe: numbers that stand under edits whose authors have not confirmed them, and
//! authors who gave one dot to two edits.
//!
//! A version of a record holds the writes of others, too. So a tab can bring a number under an edit of somebody else. It
//! may be right: a tab that saw the edit at one relay brings it back to another one that has lost it. It may also lie, to
//! take a number away from the one to whom it is leased. A relay merges such a version, since nothing is lost by that.
//! But it *doubts* the number until the author, or a relay that had it from the author, *attests* it, and no relay
//! settles a doubted number. Relays tell one another what they doubt, and ask the author when it is linked. Whoever had the
//! number from its author attests it; an author who never gave it *denies* it, and then nobody attests it any more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::crdt::{Field, Version, Write};
use crate::document::{Delta, Packed};
use crate::dot::Dot;
use crate::id::{RecordId, ReplicaId};
use crate::io::{Message, Now, PeerId, PeerKind, Violation, WriteOp};
use crate::mutation::{self, Mutation};
use crate::schema::NUMBER;

use super::Replica;

/// How many doubted numbers one tab may bring.
const MAX_DOUBTED_PER_TAB: usize = 256;
/// How many authors of two edits under one dot are remembered.
const MAX_EQUIVOCATORS: usize = 4096;

/// A number in a record: which edit gave it, and a hash of what it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NumberWrite {
    pub record: RecordId,
    pub dot: Dot,
    /// Of the stamp and the value, so that another value under the same edit is not taken for it.
    hash: u64,
}

impl NumberWrite {
    fn new(record: RecordId, write: &Write) -> Self {
        let mut hash = Sha256::new();
        hash.update(write.stamp.wall_ms.to_le_bytes());
        hash.update(write.stamp.logical.to_le_bytes());
        hash.update(&write.value);
        let digest = hash.finalize();
        let hash = u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
        NumberWrite { record, dot: write.dot, hash }
    }
}

/// A number that is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    pub write: NumberWrite,
    /// The tab that brought it. The author itself, if the author says that it never gave the number.
    pub by: ReplicaId,
}

impl Doubt {
    fn is_denial(&self) -> bool {
        self.by == self.write.dot.replica
    }
}

/// What a replica does not believe. Durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distrust {
    /// The doubted numbers, each with the tab that brought it. In a tab: those under its own edits that it never gave.
    doubted: BTreeMap<NumberWrite, ReplicaId>,
    /// The authors of two edits under one dot, each with a dot that shows it. Empty in a tab.
    equivocators: BTreeMap<ReplicaId, Dot>,
}

impl Distrust {
    /// Whether a number of a record is doubted.
    pub(super) fn doubts(&self, record: RecordId, write: &Write) -> bool {
        // The hash costs more than the look at what is nearly always empty.
        let has_edit = self.doubted_in(record).any(|doubted| doubted.dot == write.dot);
        has_edit && self.doubted.contains_key(&NumberWrite::new(record, write)) && !mutation::is(Mutation::DoubtIgnored)
    }

    fn doubted_in(&self, record: RecordId) -> impl Iterator<Item = &NumberWrite> {
        let first = NumberWrite { record, dot: RecordId::MIN.0, hash: 0 };
        self.doubted.range(first..).map(|(doubted, _)| doubted).take_while(move |doubted| doubted.record == record)
    }

    /// The authors of two edits under one dot, each with a dot that shows it.
    #[must_use]
    pub fn equivocators(&self) -> &BTreeMap<ReplicaId, Dot> {
        &self.equivocators
    }

    fn all(&self) -> Vec<Doubt> {
        self.doubted.iter().map(|(&write, &by)| Doubt { write, by }).collect()
    }
}

/// The writes in the register of numbers.
fn number_writes(version: Option<&Version>) -> impl Iterator<Item = &Write> {
    let writes = version.and_then(|version| version.field(NUMBER)).map_or(&[][..], Field::writes);
    writes.iter().filter(|write| !write.value.is_empty())
}

impl Replica {
    /// Writes down what is not believed, along with what it is about.
    pub(super) fn keep_distrust(&mut self) {
        if self.distrust != self.distrust_written {
            self.distrust_written = self.distrust.clone();
            self.outbox.writes().push(WriteOp::Distrust(self.distrust.clone()));
        }
    }

    /// The numbers in a delta that nobody who could know has told of: at a relay those that a tab brings under edits of
    /// others, in a tab those under its own edits that it has not.
    ///
    /// # Errors
    /// [`Violation::UnknownNumber`] if a tab brings more than a relay remembers.
    pub(super) fn doubts_about(&mut self, kind: PeerKind, delta: &Delta) -> Result<Vec<Doubt>, Violation> {
        let doubts = self.unknown_numbers(kind, delta);
        if self.is_relay() {
            self.make_room_for(&doubts)?;
        }
        Ok(doubts)
    }

    fn unknown_numbers(&self, kind: PeerKind, delta: &Delta) -> Vec<Doubt> {
        let bringer = match kind {
            PeerKind::Tab(tab) if self.is_relay() => Some(tab),
            PeerKind::Relay(..) if self.is_relay() => return Vec::new(),
            PeerKind::Tab(_) | PeerKind::Relay(..) => None,
        };
        let mut doubts = Vec::new();
        for (record, packed) in &delta.versions {
            let live = packed.unpack(*record);
            let is_known_to = |write: &Write| match bringer {
                Some(tab) => write.dot.replica == tab,
                None => write.dot.replica != self.me,
            };
            let foreign: Vec<&Write> = number_writes(Some(&live.version)).filter(|write| !is_known_to(write)).collect();
            if foreign.is_empty() {
                continue;
            }
            let held = self.document.read(*record);
            let is_here = |write: &Write| {
                number_writes(held.as_ref()).any(|other| other == write)
                    || self.given.contains(&NumberWrite::new(*record, write))
            };
            let unknown = foreign.into_iter().filter(|write| !is_here(write) && !self.ledger.is_settled(write.dot));
            let by = bringer.unwrap_or(self.me);
            doubts.extend(unknown.map(|write| Doubt { write: NumberWrite::new(*record, write), by }));
        }
        doubts
    }

    /// Forgets what one tab brought and records do not hold any more, and checks that more is still a few.
    fn make_room_for(&mut self, doubts: &[Doubt]) -> Result<(), Violation> {
        let Some(Doubt { by, write: first }) = doubts.first().copied() else { return Ok(()) };
        let count = |doubted: &BTreeMap<NumberWrite, ReplicaId>| doubted.values().filter(|of| **of == by).count();
        if count(&self.distrust.doubted) + doubts.len() > MAX_DOUBTED_PER_TAB {
            let of_tab = self.distrust.doubted.iter().filter(|(_, of)| **of == by).map(|(&write, _)| write);
            for write in of_tab.collect::<Vec<_>>() {
                if !self.holds(&write) {
                    self.distrust.doubted.remove(&write);
                }
            }
        }
        if count(&self.distrust.doubted) + doubts.len() > MAX_DOUBTED_PER_TAB {
            return Err(Violation::UnknownNumber { dot: first.dot });
        }
        Ok(())
    }

    /// Doubts numbers from now on, before the records hold them.
    pub(super) fn doubt(&mut self, doubts: &[Doubt]) {
        self.distrust.doubted.extend(doubts.iter().map(|doubt| (doubt.write, doubt.by)));
    }

    /// This tab has given a number by an edit. It knows so even where the record is removed and comes back.
    pub(super) fn note_given(&mut self, record: RecordId, dot: Dot) {
        let version = self.document.read(record).filter(|_| !self.is_relay());
        let given = number_writes(version.as_ref()).filter(|write| write.dot == dot);
        self.given.extend(given.map(|write| NumberWrite::new(record, write)));
    }

    /// What this tab has given before it was loaded anew, as far as its records hold it.
    pub(super) fn recall_given(&mut self) {
        let own_edits = self.unsettled.iter().filter(|claim| claim.dot.replica == self.me);
        for (record, dot) in own_edits.map(|claim| (claim.record, claim.dot)).collect::<Vec<_>>() {
            self.note_given(record, dot);
        }
    }

    /// Tells which of these doubts remain, now that the records hold the numbers, before it tells of the records.
    pub(super) fn tell_doubts(&mut self, from: Option<PeerId>, doubts: Vec<Doubt>) {
        let (remaining, gone): (Vec<Doubt>, Vec<Doubt>) =
            doubts.into_iter().partition(|doubt| self.holds(&doubt.write));
        for doubt in gone {
            self.distrust.doubted.remove(&doubt.write);
        }
        self.pass_on_doubts(from, &remaining);
    }

    /// Tells relays of doubts, and asks the authors who are linked.
    fn pass_on_doubts(&mut self, from: Option<PeerId>, doubts: &[Doubt]) {
        if doubts.is_empty() {
            return;
        }
        for peer in self.peers.relays().into_iter().filter(|&peer| Some(peer) != from) {
            self.send(peer, Message::Doubt(doubts.to_vec()));
        }
        if self.is_relay() {
            for doubt in doubts.iter().filter(|doubt| !doubt.is_denial()) {
                for author in self.peers.links_of_tab(doubt.write.dot.replica) {
                    self.send(author, Message::Doubt(vec![*doubt]));
                }
            }
        }
    }

    /// A new link: a relay learns what is doubted before it learns what is here, and an author is asked.
    pub(super) fn tell_all_doubts(&mut self, peer: PeerId, kind: PeerKind) {
        let mut doubts = self.distrust.all();
        if let PeerKind::Tab(author) = kind {
            doubts.retain(|doubt| doubt.write.dot.replica == author && !doubt.is_denial());
        }
        if !doubts.is_empty() {
            self.send(peer, Message::Doubt(doubts));
        }
        if let PeerKind::Relay(..) = kind {
            for dot in self.distrust.equivocators.values().copied().collect::<Vec<_>>() {
                self.send(peer, Message::Equivocated { dot });
            }
        }
    }

    /// A relay tells what it doubts. In a tab: its relay asks for numbers under the tab's own edits. From a tab: it denies
    /// such numbers.
    pub(super) fn on_doubt(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        doubts: Vec<Doubt>,
    ) -> Result<(), Violation> {
        if let PeerKind::Tab(tab) = kind {
            if doubts.iter().any(|doubt| doubt.write.dot.replica != tab || !doubt.is_denial()) {
                return Err(Violation::ForeignClaim);
            }
            self.make_room_for(&doubts)?;
        }
        let (mut new, mut attested) = (Vec::new(), Vec::new());
        for mut doubt in doubts.into_iter().filter(|doubt| !self.distrust.doubted.contains_key(&doubt.write)) {
            if self.can_attest(&doubt) {
                attested.push(doubt.write);
                continue;
            }
            if !self.is_relay() {
                if doubt.write.dot.replica != self.me {
                    continue; // Not for this tab to say.
                }
                doubt.by = self.me;
            }
            new.push(doubt);
        }
        if !attested.is_empty() {
            self.send(peer, Message::Attest(attested));
        }
        self.doubt(&new);
        for doubt in &new {
            self.look_at_number(now, doubt.write.record);
        }
        self.pass_on_doubts(self.is_relay().then_some(peer), &new);
        Ok(())
    }

    /// Whether a number came here from its author, or was given here.
    fn can_attest(&self, doubt: &Doubt) -> bool {
        let is_own = doubt.write.dot.replica == self.me;
        // All that a relay holds and does not doubt came from its author, or from a relay that had it from there.
        let may_hold = self.is_relay() && !doubt.is_denial() && self.holds(&doubt.write);
        may_hold || (is_own && self.given.contains(&doubt.write))
    }

    fn holds(&self, wanted: &NumberWrite) -> bool {
        let version = self.document.read(wanted.record);
        number_writes(version.as_ref())
            .any(|write| write.dot == wanted.dot && NumberWrite::new(wanted.record, write) == *wanted)
    }

    /// A peer attests numbers.
    ///
    /// # Errors
    /// [`Violation::ForeignClaim`] if a tab speaks for somebody else.
    pub(super) fn on_attest(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        writes: Vec<NumberWrite>,
    ) -> Result<(), Violation> {
        if let PeerKind::Tab(tab) = kind
            && writes.iter().any(|write| write.dot.replica != tab)
        {
            return Err(Violation::ForeignClaim);
        }
        self.attest(now, Some(peer), writes);
        Ok(())
    }

    /// Numbers are doubted no more, and the other relays learn of it.
    pub(super) fn attest(&mut self, now: Now, from: Option<PeerId>, writes: Vec<NumberWrite>) {
        let is_denied = |write: &NumberWrite| self.distrust.doubted.get(write) == Some(&write.dot.replica);
        let known: Vec<_> =
            writes.into_iter().filter(|write| self.distrust.doubted.contains_key(write) && !is_denied(write)).collect();
        for write in &known {
            self.distrust.doubted.remove(write);
            self.look_at_number(now, write.record);
        }
        for peer in self.peers.relays().into_iter().filter(|&peer| Some(peer) != from && !known.is_empty()) {
            self.send(peer, Message::Attest(known.clone()));
        }
    }

    /// The author of an edit gave a number by it.
    pub(super) fn attest_edit(&mut self, now: Now, record: RecordId, dot: Dot) {
        if self.distrust.doubted.is_empty() {
            return;
        }
        let versions = self.document.versions(record).into_iter().filter(|live| live.dot == dot);
        let versions: Vec<_> = versions.map(|live| (record, Packed::new(record, &live))).collect();
        let attested = self.attested_by(&Delta { versions, ..Delta::default() });
        self.attest(now, None, attested);
    }

    /// The numbers that a delta attests: a version attests the number that its very edit gave, since nobody but the author can
    /// have made it.
    pub(super) fn attested_by(&self, delta: &Delta) -> Vec<NumberWrite> {
        if !self.is_relay() || self.distrust.doubted.is_empty() {
            return Vec::new();
        }
        let mut attested = Vec::new();
        for (record, packed) in &delta.versions {
            let live = packed.unpack(*record);
            let own = number_writes(Some(&live.version)).filter(|write| write.dot == live.dot);
            attested.extend(own.map(|write| NumberWrite::new(*record, write)));
        }
        attested
    }

    /// Somebody gave one dot to two edits. Says whether that is news.
    pub(super) fn note_equivocation(&mut self, dot: Dot) -> bool {
        let is_news = self.is_relay() && !self.distrust.equivocators.contains_key(&dot.replica);
        if is_news {
            self.distrust.equivocators.insert(dot.replica, dot);
            if self.distrust.equivocators.len() > MAX_EQUIVOCATORS {
                self.distrust.equivocators.pop_first();
            }
            for peer in self.peers.relays() {
                self.send(peer, Message::Equivocated { dot });
            }
        }
        is_news
    }

    /// Why a tab may not be linked, if it may not.
    pub(super) fn ban_of(&self, kind: PeerKind) -> Option<Violation> {
        let PeerKind::Tab(tab) = kind else { return None };
        let &dot = self.distrust.equivocators.get(&tab).filter(|_| self.is_relay())?;
        (!mutation::is(Mutation::EquivocatorAdmitted)).then_some(Violation::Equivocation { dot })
    }
}
