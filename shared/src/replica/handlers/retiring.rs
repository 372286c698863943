//! How the leader has ids [retired](crate::replica::retiring), and what follows from it.

use crate::base::id::ReplicaId;
use crate::base::sorted::SortedMap;
use crate::ledger::Operation;
use crate::replica::retiring::{Due, Seen};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::RelayState;
use crate::replica::state::Replica;
use std::time::Duration;

/// How many looks are taken at the most in the time after which ids are retired.
const LOOKS: u32 = 16;

/// How many ids are asked for at a time.
const BATCH: usize = 1024;

impl Replica {
    /// Somebody has come or gone.
    pub(super) fn presence_changed(&mut self) {
        if let Some(relay) = self.role.relay_mut() {
            relay.twins.tabs_changed();
            relay.retiring.look_after(self.core.tuning.retire_after / LOOKS);
        }
    }

    /// The log has decided that these replicas are retired.
    pub(super) fn retire_all(&mut self) {
        for (replica, last) in self.core.ledger.retired().collect::<Vec<_>>() {
            if self.core.document.retired_up_to(replica) < last {
                self.retire(replica, last);
            }
        }
    }

    /// The log has decided that a replica is retired up to an edit. This replica itself keeps its entry, by which it
    /// numbers its edits.
    pub(super) fn retire(&mut self, replica: ReplicaId, last: u64) {
        if replica == self.core.me {
            self.own_past_is_retired(last);
        }
        if replica != self.core.me || !InForce::keeps_own_past() {
            let write = self.core.document.retire(replica, last);
            self.core.outbox.write(write);
        }
        if self.core.document.lives_by(replica, last) {
            self.compare_again();
        }
    }

    /// Begins the resync with the relays anew. No majority has a version that lives by dots of a retired replica. A replica
    /// that was away may have one. It took the dots for unseen if it compared before it learned of the retirement.
    fn compare_again(&mut self) {
        for relay in self.peers.relays() {
            if let Some(kind) = self.peers.kind(relay) {
                self.send(relay, self.have(kind));
            }
        }
    }

    /// Looks for ids that have been away for long, and has them retired if this replica leads.
    pub(super) fn retire_absent(&mut self, now: Duration) {
        let is_leader = self.is_leader();
        let Some(RelayState { retiring, .. }) = self.role.relay_mut() else { return };
        let seen = Seen {
            interval_count: self.core.document.context().interval_count(),
            fingerprint: self.core.document.fingerprint(),
            is_leader,
        };
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if seen == retiring.seen && !is_due(retiring.look_at) {
            return;
        }
        let pause = self.core.tuning.retire_after / LOOKS;
        if seen != retiring.seen {
            retiring.look_after(pause);
        }
        if !is_due(retiring.look_at) {
            return;
        }
        (retiring.seen, retiring.look_at, retiring.looked_at) = (seen, None, now);
        if !is_leader {
            retiring.due = None;
        }
        self.note_who_is_away(now);
        let is_retiring = is_leader && self.retire_due(now);
        let Some(RelayState { retiring, .. }) = self.role.relay_mut() else { return };
        if is_retiring {
            return retiring.look_after(pause);
        }
        let after = self.core.tuning.retire_after;
        let waiting = retiring.away_since.values().map(|&since| since + after).filter(|&at| at > now).min();
        retiring.look_at = waiting.map(|at| at.max(now + pause));
    }

    fn note_who_is_away(&mut self, now: Duration) {
        let mut present = self.peers.present();
        present.insert(self.core.me);
        let configurations = [self.core.ledger.configuration(), self.core.ledger.next_configuration()];
        present.extend(configurations.into_iter().flatten().flat_map(|those| those.voters.values().copied()));
        let away = self.core.document.context().replicas().filter(|id| !present.contains(id));
        let Some(RelayState { retiring, .. }) = self.role.relay_mut() else { return };
        let before = &retiring.away_since;
        retiring.away_since = away.map(|id| (id, *before.get(&id).unwrap_or(&now))).collect();
    }

    /// Goes on with those who are to be retired. Returns false if there are none.
    fn retire_due(&mut self, now: Duration) -> bool {
        let Some(RelayState { retiring, .. }) = self.role.relay_mut() else { return false };
        if retiring.asked.is_some_and(|asked| self.agreement.requests.is_pending(asked)) {
            return true;
        }
        let waiting = match retiring.due.take() {
            Some(due) if self.majority_holds(&due.after) => {
                self.ask_to_retire(now, due);
                return true;
            }
            Some(due) => due,
            None => {
                let ids = self.over(now).into_iter().take(BATCH).collect();
                Due { ids, after: self.core.document.context().clone() }
            }
        };
        let has_some = !waiting.ids.is_empty();
        if let Some(relay) = self.role.relay_mut().filter(|_| has_some) {
            relay.retiring.due = Some(waiting);
        }
        has_some
    }

    /// The ids whose time is over, and by whose dots nothing lives, with the counter of the last dot of each.
    fn over(&self, now: Duration) -> SortedMap<ReplicaId, u64> {
        let away = self.role.relay().into_iter().flat_map(|relay| &relay.retiring.away_since);
        let over = away.filter(|(_, since)| **since + self.core.tuning.retire_after <= now);
        let with_last = over.map(|(&id, _)| (id, self.core.document.last_of(id)));
        with_last.filter(|&(id, last)| self.core.document.check_retirement(id, last).is_ok()).collect()
    }

    fn ask_to_retire(&mut self, now: Duration, due: Due) {
        let over = self.over(now);
        for (replica, last) in due.ids.into_iter().filter(|(id, last)| over.get(id) == Some(last)) {
            let retire = Operation::Retire { replica, last };
            let asked = self.agreement.requests.ask(now, (None, None), retire, &mut self.core.outbox);
            match (asked, self.role.relay_mut()) {
                (Ok(request), Some(relay)) => relay.retiring.asked = Some(request),
                (Err(_), _) | (_, None) => return,
            }
        }
    }
}
