//! Reads that see all that was decided before them. See [`reads`](crate::replica::reads).

use crate::base::dot::DotSet;
use crate::consensus::Slot;
use crate::replica::io::{CommandId, Consistency, Message, Now, PeerId, Reply};
use crate::replica::outbox::Item;
use crate::replica::reads::{Gathering, MAX_READS, Reader};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::Replica;
use std::time::Duration;

/// After how long the leader is asked again.
const RETRY: Duration = Duration::from_secs(1);

impl Replica {
    pub(super) fn read(&mut self, now: Now, id: CommandId, consistency: Consistency) {
        match consistency {
            Consistency::Linearizable if !InForce::confirms_reads() => self.read_at(Slot(0), id),
            Consistency::Local => self.read_at(Slot(0), id),
            Consistency::Session(slot) => self.read_at(slot, id),
            Consistency::Linearizable => {
                let read = self.agreement.reads.ask(Reader::Command(id));
                self.ask_index(now, read);
            }
            Consistency::OfAllRelays => self.gather(id),
        }
    }

    /// Asks the linked relays what they have.
    fn gather(&mut self, id: CommandId) {
        let unanswered = self.peers.relays();
        for &peer in &unanswered {
            self.send(peer, Message::More);
        }
        if self.agreement.reads.gathering.len() == MAX_READS {
            self.agreement.reads.gathering.pop_front();
        }
        let (context, decided) = (DotSet::default(), Slot(0));
        self.agreement.reads.gathering.push_back(Gathering { id, unanswered, context, decided });
    }

    /// A relay says what it has.
    pub(super) fn note_replication_acks(&mut self, peer: PeerId, context: &DotSet, decided: Slot) {
        for read in &mut self.agreement.reads.gathering {
            if let Some(at) = read.unanswered.iter().position(|&other| other == peer) {
                read.unanswered.swap_remove(at);
                read.context.join(context);
                read.decided = read.decided.max(decided);
            }
        }
    }

    /// Goes on with the reads for which everything has come that the other relays had: the log is left to be applied.
    fn end_gathering(&mut self) {
        for read in std::mem::take(&mut self.agreement.reads.gathering) {
            if read.unanswered.is_empty() && self.core.document.has_seen(&read.context) {
                self.read_at(read.decided, read.id);
            } else {
                self.agreement.reads.gathering.push_back(read);
            }
        }
    }

    fn read_at(&mut self, slot: Slot, id: CommandId) {
        self.agreement.reads.waiting.insert((slot, id), ());
    }

    /// A tab or a relay asks on behalf of a reader.
    pub(super) fn on_read_index(&mut self, now: Now, peer: PeerId, id: u64) {
        let read = self.agreement.reads.ask(Reader::Peer(peer, id));
        self.ask_index(now, read);
    }

    /// Finds out from which slot on the read is up to date: from the leader, or, if this is the leader, by asking the
    /// others whether it still is.
    fn ask_index(&mut self, now: Now, read: u64) {
        self.agreement.reads.retry_at.get_or_insert(now.monotonic + RETRY);
        if self.is_leader() {
            return self.confirm();
        }
        // Two relays that each take the other for the way to the leader would pass a read to and fro.
        if let Some(peer) = self.way_to_leader().filter(|&peer| !self.agreement.reads.is_of(read, peer)) {
            self.send(peer, Message::ReadIndex { id: read });
        }
    }

    /// Asks for a confirmation for all reads that wait, unless one is under way: those that come meanwhile go together.
    fn confirm(&mut self) {
        if self.agreement.reads.confirming.is_some() || self.agreement.reads.asking.is_empty() {
            return;
        }
        let Some(voter) = self.role.voter_mut() else { return };
        let Some((slot, effects)) = voter.confirm(&self.core.log) else { return };
        self.agreement.reads.confirming = Some((slot, self.agreement.reads.asking.keys().copied().collect()));
        self.act(effects);
    }

    /// A majority has confirmed that this replica leads.
    pub(super) fn on_confirmed(&mut self) {
        let Some((slot, reads)) = self.agreement.reads.confirming.take() else { return };
        for read in reads {
            self.on_read_at(read, slot);
        }
        self.confirm();
    }

    /// A read is up to date from `index` on.
    pub(super) fn on_read_at(&mut self, read: u64, index: Slot) {
        match self.agreement.reads.asking.remove(&read) {
            Some(Reader::Command(id)) => self.read_at(index, id),
            Some(Reader::Peer(peer, id)) => self.send(peer, Message::ReadAt { id, index }),
            None => {}
        }
    }

    /// Answers the reads for which enough is applied.
    pub(super) fn answer_reads(&mut self, now: Now) {
        self.end_gathering();
        let heard = if self.is_leader() { Some(now.monotonic) } else { self.agreement.heard_leader };
        let age = heard.map(|at| now.monotonic.saturating_sub(at));
        while let Some((&(slot, id), ())) = self.agreement.reads.waiting.first()
            && slot <= self.core.applied
        {
            self.agreement.reads.waiting.remove(&(slot, id));
            self.core.outbox.push(Item::Reply(id, Ok(Reply::ReadAt { applied: self.core.applied, age })));
        }
    }

    /// Asks again for the reads that have had no answer: messages get lost, and leaders change.
    pub(super) fn retry_reads(&mut self, now: Now) {
        if self.agreement.reads.retry_at.is_some_and(|at| at <= now.monotonic) {
            self.agreement.reads.retry_at = None;
            self.agreement.reads.confirming = None;
            for read in self.agreement.reads.asking.keys().copied().collect::<Vec<_>>() {
                self.ask_index(now, read);
            }
        }
    }
}
