//! Exactly once: what became of the requests of each replica, for as long as it may ask again.
//!
//! A replica that has seen the outcomes of its requests up to one says so in its next request, and they are dropped. Of a
//! replica that asks no more the last ones stay, until there are too many such replicas; then those are forgotten that
//! have been quiet for longest. A request of a forgotten replica that comes once more must not be done twice. It is told
//! by how far its asker knew the log when it first sent it: not as far as the slot of the last request of a replica that
//! was forgotten, or it would have been decided later than that. No clock is needed for it, so none can be wrong.

use serde::{Deserialize, Serialize};

use super::checks::ensure;
use super::operation::{Outcome, Request, RequestId};
use super::rejection::Rejection;
use super::rules::{InForce, Rules};
use crate::base::id::ReplicaId;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::consensus::Slot;

/// How many outcomes are kept for one replica at the most.
pub(super) const MAX_OUTCOMES: usize = 1024;

/// The outcomes that the ledger remembers for each sender of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sessions {
    of: SortedMap<ReplicaId, Session>,
    /// The sessions by the slot of the last request of each. Invariant: as in `of`.
    quiet_since: SortedSet<(Slot, ReplicaId)>,
    /// Requests of replicas that are not remembered are too old if they were first sent by one that knew the log not so
    /// far. Never falls.
    forgotten: Slot,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    outcomes: SortedMap<u64, Outcome>,
    /// Requests up to this one are over; their outcomes are not kept.
    over: u64,
    /// The slot of the last request.
    used: Slot,
    /// How far the asker of a request must have known the log, if the session is to know the request: it may have been
    /// forgotten before and begun anew.
    knows_from: Slot,
}

impl Sessions {
    /// Returns the outcome of a request without doing it; `None`: it has never been done.
    pub(super) fn outcome_for(&self, request: &Request) -> Option<Outcome> {
        let session = self.of.get(&request.id.replica).filter(|_| InForce::remembers_outcomes());
        if let Some(&outcome) = session.and_then(|session| session.outcomes.get(&request.id.seq)) {
            return Some(outcome);
        }
        let knows_from = session.map_or(self.forgotten, |session| session.knows_from);
        let is_over = session.is_some_and(|session| request.id.seq <= session.over);
        let is_too_old = InForce::may_be_forgotten(request.seen, knows_from);
        (is_over || is_too_old).then_some(Err(Rejection::Forgotten))
    }

    /// True if a request under this id was done, by a sender that is remembered.
    pub(super) fn has_outcome(&self, RequestId { replica, seq }: RequestId) -> bool {
        self.of.get(&replica).is_some_and(|session| seq <= session.over || session.outcomes.contains_key(&seq))
    }

    /// The `seq` of the latest request of a replica that was done; 0 if none is remembered.
    pub(super) fn latest_of(&self, replica: ReplicaId) -> u64 {
        let of_session = |session: &Session| session.outcomes.last_key_value().map_or(session.over, |(&seq, _)| seq);
        self.of.get(&replica).map_or(0, of_session)
    }

    /// Keeps the outcome of a request that was done in `slot`, and forgets what is quiet beyond `most` replicas.
    pub(super) fn keep(&mut self, slot: Slot, request: &Request, outcome: Outcome, most: u32) {
        let replica = request.id.replica;
        let knows_from = self.forgotten;
        let session = self.of.entry(replica).or_insert_with(|| Session { knows_from, ..Session::default() });
        self.quiet_since.remove(&(session.used, replica));
        self.quiet_since.insert((slot, replica));
        session.used = slot;
        session.outcomes.insert(request.id.seq, outcome);
        // Only what is over before this request: a liar harms nobody but itself.
        session.drop_until(request.settled.min(request.id.seq.saturating_sub(1)));
        while session.outcomes.len() > MAX_OUTCOMES {
            let oldest = session.outcomes.first_key_value().map_or(0, |(&seq, _)| seq);
            session.drop_until(oldest);
        }
        while self.of.len() > (most as usize).max(1) {
            self.forget_quietest();
        }
    }

    fn forget_quietest(&mut self) {
        if let Some((used, replica)) = self.quiet_since.pop_first() {
            self.of.remove(&replica);
            self.forgotten = self.forgotten.max(used.plus(1));
        }
    }

    /// Checks what is written on the fields.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub(super) fn check(&self) -> Result<(), String> {
        ensure(self.of.len() == self.quiet_since.len(), || "sessions and their order differ in size".to_owned())?;
        for (replica, session) in &self.of {
            let is_in_order = self.quiet_since.contains(&(session.used, *replica));
            ensure(is_in_order, || format!("the session of {replica} is not in order"))?;
            let are_kept = session.outcomes.keys().all(|&seq| seq > session.over);
            ensure(are_kept, || format!("an outcome of {replica} is kept that is over"))?;
        }
        Ok(())
    }
}

impl Session {
    fn drop_until(&mut self, seq: u64) {
        if seq > self.over {
            self.over = seq;
            self.outcomes.retain(|&known, _| known > seq);
        }
    }
}
