//! Doubts, attestations and denials of numbers, and bans of authors. See [`Distrust`](crate::replica::Distrust).

use crate::base::dot::{Dot, DotSet};
use crate::base::id::RecordId;
use crate::merge::crdt::{Field, Write};
use crate::merge::document::{Delta, Packed};
use crate::replica::access::{self, Act};
use crate::replica::distrust::{Doubt, NumberWrite, Verdict};
use crate::replica::io::{Message, Now, PeerId, PeerKind, Violation, WriteOp};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::Replica;
use crate::schema::NUMBER;

/// How many doubted numbers one tab may bring.
const MAX_DOUBTED_PER_TAB: usize = 256;

/// How many authors of two edits under one dot are remembered.
const MAX_EQUIVOCATORS: usize = 4096;

fn doubt_of(write: NumberWrite, verdict: Verdict) -> Option<Doubt> {
    match verdict {
        Verdict::Doubted(by) => Some(Doubt { write, by }),
        Verdict::Attested => None,
        Verdict::Denied => Some(Doubt { write, by: write.dot.replica() }),
    }
}

/// The writes in the register of numbers.
fn number_writes(register: Option<&Field>) -> impl Iterator<Item = &Write> {
    let writes = register.map_or(&[][..], Field::writes);
    writes.iter().filter(|write| !write.value.is_empty())
}

impl Replica {
    /// Writes down what is not believed, along with what it is about.
    pub(super) fn keep_distrust(&mut self) {
        if self.trust.distrust != self.trust.distrust_written {
            self.trust.distrust_written = self.trust.distrust.clone();
            self.core.outbox.writes().push(WriteOp::Distrust(self.trust.distrust.clone()));
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
            let register = packed.field(*record, NUMBER);
            let is_known_to = |write: &Write| match bringer {
                Some(tab) => write.dot.replica() == tab,
                None => write.dot.replica() != self.core.me,
            };
            let foreign: Vec<&Write> = number_writes(register.as_ref()).filter(|write| !is_known_to(write)).collect();
            if foreign.is_empty() {
                continue;
            }
            let held = self.core.document.field(*record, NUMBER);
            let is_here = |write: &Write| {
                number_writes(held.as_ref()).any(|other| other == write)
                    || self.trust.given.contains(&NumberWrite::new(*record, write))
            };
            let unknown =
                foreign.into_iter().filter(|write| !is_here(write) && !self.core.ledger.is_settled(write.dot));
            let by = bringer.unwrap_or(self.core.me);
            doubts.extend(unknown.map(|write| Doubt { write: NumberWrite::new(*record, write), by }));
        }
        doubts
    }

    /// Forgets what one tab brought and no record has any more, and checks that more is still a few.
    fn make_room_for(&mut self, doubts: &[Doubt]) -> Result<(), Violation> {
        let Some(&Doubt { by, write: first }) = doubts.first() else { return Ok(()) };
        if self.trust.distrust.is_brought_by(by).count() + doubts.len() > MAX_DOUBTED_PER_TAB {
            for write in self.trust.distrust.is_brought_by(by).collect::<Vec<_>>() {
                if !self.may_hold(&write) {
                    self.trust.distrust.verdicts.remove(&write);
                }
            }
        }
        if self.trust.distrust.is_brought_by(by).count() + doubts.len() > MAX_DOUBTED_PER_TAB {
            return Err(Violation::UnknownNumber { dot: first.dot });
        }
        Ok(())
    }

    /// A tab speaks for its own edits alone, and says of them only which numbers it did not give. Of what nobody doubts here it
    /// may deny a few, the rest is forgotten: that many lies about one tab must not cost that tab its link.
    fn check_denials(&self, kind: PeerKind, doubts: &mut Vec<Doubt>) -> Result<(), Violation> {
        let PeerKind::Tab(tab) = kind else { return Ok(()) };
        doubts.iter().try_for_each(|doubt| access::may(kind.into(), &Act::SpeakFor(doubt.write.dot.replica())))?;
        if !doubts.iter().all(Doubt::is_denial) {
            return Err(Violation::ForeignRequest);
        }
        let is_denied_by_tab =
            |(write, verdict): &(&NumberWrite, &Verdict)| write.dot.replica() == tab && **verdict == Verdict::Denied;
        let denied = self.trust.distrust.verdicts.iter().filter(is_denied_by_tab).count();
        let mut room = MAX_DOUBTED_PER_TAB.saturating_sub(denied);
        doubts.retain(|doubt| {
            let is_known = self.trust.distrust.verdicts.contains_key(&doubt.write);
            let is_taken = is_known || room > 0;
            room = room.saturating_sub(usize::from(!is_known));
            is_taken
        });
        Ok(())
    }

    /// Settled numbers need no verdict.
    pub(super) fn forget_verdicts(&mut self, settled: &DotSet) {
        self.trust.distrust.verdicts.retain(|write, _| !settled.contains(write.dot));
        self.trust.given.retain(|given| !settled.contains(given.dot));
    }

    /// Returns the doubted numbers in the versions of a delta, to be sent along. A tab tells only those that it
    /// denies.
    pub(super) fn doubts_in(&self, delta: &Delta) -> Vec<Doubt> {
        if self.trust.distrust.verdicts.is_empty() {
            return Vec::new();
        }
        let mut records: Vec<RecordId> = delta.versions.iter().map(|(record, _)| *record).collect();
        records.sort_unstable();
        records.dedup();
        let known = records.into_iter().flat_map(|record| self.trust.distrust.known_in(record));
        known.filter_map(|(write, verdict)| doubt_of(write, verdict)).collect()
    }

    /// A delta comes with doubts: what is here from the author is attested, the rest is doubted, before it is merged.
    ///
    /// # Errors
    /// [`Violation::ForeignRequest`] if a tab speaks for somebody else.
    pub(super) fn take_doubts(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        doubts: Vec<Doubt>,
    ) -> Result<(), Violation> {
        for doubt in self.answer(peer, kind, doubts)? {
            self.judge(now, &doubt);
        }
        Ok(())
    }

    /// Raises the verdict on a number, which settles otherwise then. Says whether that is news.
    fn judge(&mut self, now: Now, doubt: &Doubt) -> bool {
        let is_news = self.trust.distrust.raise(doubt.write, doubt.verdict());
        if is_news {
            self.look_at_number(now, doubt.write.record);
        }
        is_news
    }

    /// This tab has given a number by an edit. It knows so even where the record is removed and comes back.
    pub(super) fn note_given(&mut self, record: RecordId, dot: Dot) {
        let register = self.core.document.field(record, NUMBER).filter(|_| !self.is_relay());
        let given = number_writes(register.as_ref()).filter(|write| write.dot == dot);
        self.trust.given.extend(given.map(|write| NumberWrite::new(record, write)));
    }

    /// Recalls the numbers that this tab gave before it was reloaded, as far as a record holds them.
    pub(super) fn recall_given(&mut self, record: RecordId) {
        let own_edits = self
            .numbers
            .unsettled
            .of(record)
            .map(|unsettled| unsettled.dot)
            .filter(|dot| dot.replica() == self.core.me);
        for dot in own_edits.collect::<Vec<_>>() {
            self.note_given(record, dot);
        }
    }

    /// Doubts numbers before the records hold them.
    pub(super) fn doubt(&mut self, doubts: &[Doubt]) {
        for doubt in doubts {
            self.trust.distrust.raise(doubt.write, doubt.verdict());
        }
    }

    /// Now that the records hold the numbers: those that they do not hold are no matter, and authors who are linked are asked.
    pub(super) fn ask_authors(&mut self, doubts: Vec<Doubt>) {
        for doubt in doubts {
            if !self.may_hold(&doubt.write) {
                self.trust.distrust.verdicts.remove(&doubt.write);
            } else if self.is_relay() {
                self.ask_author(doubt);
            }
        }
    }

    /// A new link: a relay is asked to attest what is doubted here, and so is an author.
    pub(super) fn tell_all_doubts(&mut self, peer: PeerId, kind: PeerKind) {
        let all = self.trust.distrust.verdicts.iter().filter_map(|(&write, &verdict)| doubt_of(write, verdict));
        let is_meant = |doubt: &Doubt| match kind {
            PeerKind::Relay(..) => true,
            PeerKind::Tab(author) => doubt.write.dot.replica() == author && !doubt.is_denial(),
        };
        let doubts: Vec<Doubt> = all.filter(is_meant).collect();
        if !doubts.is_empty() {
            self.send(peer, Message::Doubt(doubts));
        }
        if let PeerKind::Relay(..) = kind {
            for dot in self.trust.distrust.equivocators.values().copied().collect::<Vec<_>>() {
                self.send(peer, Message::Equivocated { dot });
            }
        }
    }

    /// A peer asks for numbers that it doubts, or denies those under its own edits.
    ///
    /// # Errors
    /// [`Violation::ForeignRequest`] if a tab speaks for somebody else.
    pub(super) fn on_doubt(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        doubts: Vec<Doubt>,
    ) -> Result<(), Violation> {
        let doubted = self.answer(peer, kind, doubts)?;
        let is_own = |doubt: &Doubt| !self.is_relay() && doubt.write.dot.replica() == self.core.me;
        let own: Vec<Doubt> =
            doubted.iter().copied().filter(is_own).map(|doubt| Doubt { by: self.core.me, ..doubt }).collect();
        if !own.is_empty() {
            self.send(peer, Message::Doubt(own.clone()));
        }
        if self.is_relay() {
            self.share_doubts(&doubted);
        }
        for denial in doubted.into_iter().filter(Doubt::is_denial).chain(own) {
            if self.judge(now, &denial) {
                for other in self.peers.relays().into_iter().filter(|&other| other != peer) {
                    self.send(other, Message::Doubt(vec![denial]));
                }
            }
        }
        Ok(())
    }

    /// Doubts what another relay doubts, also where no record here has it yet. So this relay can attest the number to
    /// the others when the author brings it here. An author who is linked is asked.
    fn share_doubts(&mut self, doubts: &[Doubt]) {
        for &doubt in doubts.iter().filter(|doubt| !doubt.is_denial()) {
            let has_room = self.trust.distrust.is_brought_by(doubt.by).count() < MAX_DOUBTED_PER_TAB;
            if has_room && self.trust.distrust.raise(doubt.write, doubt.verdict()) {
                self.ask_author(doubt);
            }
        }
    }

    fn ask_author(&mut self, doubt: Doubt) {
        for author in self.peers.links_of_tab(doubt.write.dot.replica()) {
            self.send(author, Message::Doubt(vec![doubt]));
        }
    }

    /// Attests what is here from its author, and gives the rest.
    ///
    /// # Errors
    /// [`Violation::ForeignRequest`] if a tab speaks for somebody else.
    fn answer(&mut self, peer: PeerId, kind: PeerKind, mut doubts: Vec<Doubt>) -> Result<Vec<Doubt>, Violation> {
        self.check_denials(kind, &mut doubts)?;
        let (attested, doubted): (Vec<_>, Vec<_>) = doubts.into_iter().partition(|doubt| self.can_attest(doubt));
        if !attested.is_empty() {
            self.send(peer, Message::Attest(attested.into_iter().map(|doubt| doubt.write).collect()));
        }
        Ok(doubted)
    }

    /// Whether a number came here from its author, or was given here.
    fn can_attest(&self, doubt: &Doubt) -> bool {
        if doubt.is_denial() {
            return false;
        }
        match self.trust.distrust.verdicts.get(&doubt.write) {
            Some(verdict) => *verdict == Verdict::Attested,
            // All that a relay holds without a verdict came from its author, or from a relay that had it from there.
            None if self.is_relay() => self.holds(&doubt.write),
            None => self.trust.given.contains(&doubt.write),
        }
    }

    /// Whether a record has a number, or may have it again: an edit can build on a version that was superseded lately, and
    /// brings no doubts along.
    fn may_hold(&self, wanted: &NumberWrite) -> bool {
        self.holds(wanted) || self.core.document.has_superseded(wanted.record)
    }

    fn holds(&self, wanted: &NumberWrite) -> bool {
        let register = self.core.document.field(wanted.record, NUMBER);
        number_writes(register.as_ref())
            .any(|write| write.dot == wanted.dot && NumberWrite::new(wanted.record, write) == *wanted)
    }

    /// A peer attests numbers.
    ///
    /// # Errors
    /// [`Violation::ForeignRequest`] if a tab speaks for somebody else.
    pub(super) fn on_attest(
        &mut self,
        now: Now,
        peer: PeerId,
        kind: PeerKind,
        writes: Vec<NumberWrite>,
    ) -> Result<(), Violation> {
        writes.iter().try_for_each(|write| access::may(kind.into(), &Act::SpeakFor(write.dot.replica())))?;
        self.attest(now, Some(peer), writes);
        Ok(())
    }

    /// Numbers are doubted no more, and the other relays learn of it.
    pub(super) fn attest(&mut self, now: Now, from: Option<PeerId>, mut writes: Vec<NumberWrite>) {
        let is_doubted =
            |verdict: Option<&Verdict>| verdict.is_some_and(|verdict| matches!(verdict, Verdict::Doubted(_)));
        writes.retain(|write| is_doubted(self.trust.distrust.verdicts.get(write)));
        for write in &writes {
            self.trust.distrust.raise(*write, Verdict::Attested);
            self.look_at_number(now, write.record);
        }
        for peer in self.peers.relays().into_iter().filter(|&peer| Some(peer) != from && !writes.is_empty()) {
            self.send(peer, Message::Attest(writes.clone()));
        }
    }

    /// The author of an edit gave a number by it.
    pub(super) fn attest_edit(&mut self, now: Now, record: RecordId, dot: Dot) {
        if self.trust.distrust.verdicts.is_empty() {
            return;
        }
        let versions = self.core.document.versions(record).into_iter().filter(|live| live.dot == dot);
        let versions: Vec<_> = versions.map(|live| (record, Packed::new(record, &live))).collect();
        let attested = self.attested_by(None, &Delta { versions, ..Delta::default() });
        self.attest(now, None, attested);
    }

    /// The numbers that a delta attests: those that its sender gave, and in each version the number that its very edit
    /// gave, since nobody but the author can have made that edit.
    pub(super) fn attested_by(&self, sender: Option<PeerKind>, delta: &Delta) -> Vec<NumberWrite> {
        if !self.is_relay() || self.trust.distrust.verdicts.is_empty() {
            return Vec::new();
        }
        let mut attested = Vec::new();
        for (record, packed) in &delta.versions {
            let (register, edit) = (packed.field(*record, NUMBER), packed.head(*record).dot);
            let is_senders = |write: &Write| matches!(sender, Some(PeerKind::Tab(tab)) if tab == write.dot.replica());
            let own = number_writes(register.as_ref()).filter(|write| write.dot == edit || is_senders(write));
            attested.extend(own.map(|write| NumberWrite::new(*record, write)));
        }
        attested
    }

    /// Somebody gave one dot to two edits. Says whether that is news.
    pub(super) fn note_equivocation(&mut self, dot: Dot) -> bool {
        let is_news = self.is_relay() && !self.trust.distrust.equivocators.contains_key(&dot.replica());
        if is_news {
            self.trust.distrust.equivocators.insert(dot.replica(), dot);
            if self.trust.distrust.equivocators.len() > MAX_EQUIVOCATORS {
                self.trust.distrust.equivocators =
                    self.trust.distrust.equivocators.iter().skip(1).map(|(&id, &dot)| (id, dot)).collect();
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
        let &dot = self.trust.distrust.equivocators.get(&tab).filter(|_| self.is_relay())?;
        (InForce::bans_equivocators()).then_some(Violation::Equivocation { dot })
    }
}
