//! How a tab carries [orphans](crate::replica::orphans) to its relay.

use super::copies::latest_told;
use crate::base::dot::{Dot, DotSet};
use crate::base::id::{RecordId, ReplicaId};
use crate::replica::io::{Message, Now, PeerId};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::Replica;
use crate::replica::state::TabState;
use crate::schema::{GivenNumber, Op};
use std::time::Duration;

/// How long a relay may lack what this tab has from others before this tab carries it there: they may be about to.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait between two rounds, and how many records go in one.
const PAUSE: Duration = Duration::from_millis(250);

const RECORDS_PER_ROUND: usize = 64;

impl Replica {
    /// The relay has said what it has. All other edits that this tab has from others are unattested.
    pub(super) fn look_for_orphans(&mut self, now: Now, theirs: &DotSet) {
        if !InForce::carries_orphans() {
            return;
        }
        let context = self.core.document.context();
        let lacking = context.difference(&context.of(self.core.me)).difference(theirs);
        // Of retired replicas a relay tells by and by what is dead.
        let lacking = lacking.difference(&self.core.document.retired_in(&lacking));
        let Some(tab) = self.role.tab_mut() else { return };
        tab.unattested.tell(&lacking);
        if std::mem::take(&mut tab.orphanage.is_asked) {
            let is_done = self.carry(now, &lacking) & self.give_others_numbers_anew(now);
            let ask_at = now.monotonic + if is_done { GRACE } else { PAUSE };
            self.role.tab_mut().into_iter().for_each(|tab| tab.orphanage.ask_at = Some(ask_at));
        }
    }

    /// Asks the relay what it has, when it is time to.
    pub(super) fn ask_after_orphans(&mut self, now: Now) {
        let Some(TabState { unattested, orphanage, .. }) = self.role.tab_mut() else { return };
        let has_work = unattested.count() > 0 || orphanage.has_lost_numbers;
        let Some(relay) = self.peers.any_relay().filter(|_| has_work) else {
            orphanage.ask_at = None;
            return;
        };
        if *orphanage.ask_at.get_or_insert(now.monotonic + GRACE) <= now.monotonic {
            orphanage.ask_at = Some(now.monotonic + GRACE);
            orphanage.is_asked = true;
            self.send(relay, Message::More);
        }
    }

    /// A link is down. The next relay may have what this one lacks.
    pub(super) fn orphans_wait(&mut self) {
        if let Some(TabState { orphanage, .. }) = self.role.tab_mut() {
            (orphanage.ask_at, orphanage.is_asked) = (None, false);
        }
    }

    /// A neighbour tells of its own edits.
    pub(super) fn note_own_of_neighbour(&mut self, peer: PeerId, id: ReplicaId, message: &Message) {
        if let (Some(tab), Ok(dot)) = (self.role.tab_mut(), Dot::try_new(id, latest_told(message, id))) {
            let known = tab.orphanage.by_neighbours.entry(peer).or_insert(dot);
            *known = dot.max(*known);
        }
    }

    pub(super) fn neighbour_gone(&mut self, peer: PeerId) {
        if let Some(tab) = self.role.tab_mut() {
            tab.orphanage.by_neighbours.remove(&peer);
        }
    }

    /// The neighbours that are linked tell of their edits themselves.
    fn without_those_of_neighbours(&self, dots: &DotSet) -> DotSet {
        let mut left = dots.clone();
        for last in self.role.tab().into_iter().flat_map(|tab| tab.orphanage.by_neighbours.values()) {
            let own = dots.of(last.replica()).between(None, Some(*last));
            left = left.difference(&own);
        }
        left
    }

    /// Carries some orphaned versions to the relay. Says whether there were none that could be.
    fn carry(&mut self, now: Now, orphans: &DotSet) -> bool {
        let orphans_of_absent = self.without_those_of_neighbours(orphans);
        let mut records = self.core.document.records_living_by(&orphans_of_absent);
        // A version that was made on top is no orphan, but the number in it still is.
        let numbers = self.numbers.unsettled.iter().filter(|unsettled| orphans_of_absent.contains(unsettled.dot));
        records.extend(numbers.map(|unsettled| unsettled.record));
        records.sort_unstable();
        records.dedup();
        if records.is_empty() {
            self.forget_dead_orphans(orphans);
        }
        let mut is_none = true;
        for record in some_of(&records, self.core.me) {
            let ops = self.ops_for_orphaned_number(record, orphans);
            // One that is too large stays here.
            is_none &= self.edit_record(now, record, ops).is_err();
        }
        is_none
    }

    /// No author attests a number that is orphaned. So this tab gives it in his place.
    fn ops_for_orphaned_number(&self, record: RecordId, orphans: &DotSet) -> Vec<Op> {
        let mut orphaned = self.numbers.unsettled.of(record).filter(|unsettled| orphans.contains(unsettled.dot));
        let Some(unsettled) = orphaned.next() else { return Vec::new() };
        let given = GivenNumber { number: unsettled.number, epoch: self.core.ledger.epoch().number, leased: false };
        let op = if self.core.ledger.number_of(record).is_some() { GivenNumber::none() } else { given.op() };
        vec![op]
    }

    /// Forgets dead orphans: this tab has carried edits that supersede them, or they were removed. They are of no use
    /// any more, and no relay will tell of them.
    fn forget_dead_orphans(&mut self, orphans: &DotSet) {
        let rows = self.core.document.forget(orphans);
        self.core.outbox.write(rows);
    }

    /// Gives some of the numbers anew that the restored relays have lost. Says whether there were none.
    fn give_others_numbers_anew(&mut self, now: Now) -> bool {
        if !self.knows_log_of_relay() {
            if let Some(relay) = self.peers.any_relay() {
                self.send(relay, Message::Fetch { first: self.core.log.decided() });
            }
            return self.role.tab().is_none_or(|tab| !tab.orphanage.has_lost_numbers);
        }
        // Of a record that is not here the number is kept: somebody else may bring the record.
        let is_here = |record: &RecordId| self.core.document.contains(*record);
        let Some(TabState { lost_numbers, orphanage, .. }) = self.role.tab_mut() else { return true };
        let records: Vec<RecordId> = lost_numbers.keys().copied().filter(is_here).collect();
        orphanage.has_lost_numbers = !records.is_empty();
        for record in some_of(&records, self.core.me) {
            self.give_number_anew(now, record);
        }
        records.is_empty()
    }
}

/// A few of them, from where this replica begins.
fn some_of(records: &[RecordId], me: ReplicaId) -> Vec<RecordId> {
    let first = me.0.checked_rem(records.len() as u64).unwrap_or_default() as usize;
    records[first..].iter().chain(&records[..first]).take(RECORDS_PER_ROUND).copied().collect()
}
