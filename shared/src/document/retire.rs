//! Taking the entry of a replica that is gone for good out of the causal context.
//!
//! Each replica that ever wrote costs every context an entry. That a replica is gone, and what its last dot was, is for
//! the replicated log to decide; this is what a document then does, and why it may.
//!
//! **The rule.** Who proposes the retirement has seen all dots of the replica, and none of them is live there
//! ([`Document::check_retirement`]). Who learns that it is decided drops the entry, but for dots that are still live
//! here, and takes every other dot up to the last for known and dead from then on. What a document says after it has
//! learnt of the decision is preceded, on every link, by the log up to the decision.
//!
//! **Why it is safe.** A document asks its context two things of a dot that is not live: is it known, and so dead? When
//! the retirement was proposed, all dots of the replica were known and dead in one state. What is dead in one of two
//! states is dead in their join, so that they are dead in every state that is above that one, and all replicas are on
//! their way to such a state. To take them for dead at once gives no other answer than the one that would come; and no
//! version is lost by it, since what the proposer's state holds in place of them comes as it would have come. A version
//! that lives by such a dot here goes when what has superseded it arrives, or when it is told to be dead, as ever.
//! Others hear of the missing entry only after the decision, when they answer alike.
//!
//! **When it can be done.** Versions that live by a dot of the replica stand in the way; an edit of their records that
//! changes nothing brings them under another name. The table of the retired costs as much as the entries did, but once,
//! in the state that the log drives, and not in every context that is sent.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Document, Liveness};
use crate::dot::{Dot, DotSet};
use crate::id::{RecordId, ReplicaId};

/// Why the retirement of a replica must not be proposed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotYet {
    /// Not all of its dots have been seen.
    Unseen,
    /// These records have versions that live by its dots.
    Live(BTreeSet<RecordId>),
}

impl Document {
    /// Whether the retirement of a replica whose last dot has the counter `last` may be proposed from this state.
    ///
    /// # Errors
    /// [`NotYet`].
    pub fn check_retirement(&self, replica: ReplicaId, last: u64) -> Result<(), NotYet> {
        if !dots_up_to(replica, last).is_subset(&self.context) {
            return Err(NotYet::Unseen);
        }
        let live: BTreeSet<_> = self.live_in(&self.context.of(replica)).map(|(_, record)| record).collect();
        if live.is_empty() { Ok(()) } else { Err(NotYet::Live(live)) }
    }

    /// Retires a replica whose last dot has the counter `last`: the log has decided it.
    pub fn retire(&mut self, replica: ReplicaId, last: u64) {
        let live: DotSet = self.live_in(&self.context.of(replica)).map(|(dot, _)| dot).collect();
        self.context.drop_replica(replica);
        self.context.join(&live);
        self.retired.insert(replica, last);
    }

    /// Whether the log has decided that a replica is retired, as far as this document has learnt.
    #[must_use]
    pub fn has_retired(&self, replica: ReplicaId) -> bool {
        self.retired.contains_key(&replica)
    }

    /// Whether a dot was seen.
    #[must_use]
    pub fn knows(&self, dot: Dot) -> bool {
        self.context.contains(dot) || self.is_retired(dot)
    }

    /// Those of some dots that were seen, or belong to retired replicas.
    #[must_use]
    pub fn known_of(&self, dots: &DotSet) -> DotSet {
        let mut known = dots.intersection(&self.context);
        known.join(&self.retired_in(dots));
        known
    }

    /// A dot is live no more. Says whether it was.
    pub(super) fn drop_live(&mut self, dot: Dot) -> bool {
        let Some(place) = self.index.remove(&dot) else { return false };
        self.fingerprint.remove(dot, place.mark);
        if self.is_retired(dot) {
            self.context.remove(dot);
        }
        true
    }

    /// Some dots without those of retired replicas that are not live here.
    pub(super) fn without_retired<'a>(&self, dots: &'a DotSet) -> Cow<'a, DotSet> {
        if self.retired.is_empty() {
            return Cow::Borrowed(dots);
        }
        let dead = self.retired_in(dots).difference(&self.context);
        if dead.is_empty() { Cow::Borrowed(dots) } else { Cow::Owned(dots.difference(&dead)) }
    }

    /// The retired ones of some dots.
    pub(super) fn retired_in(&self, dots: &DotSet) -> DotSet {
        if self.retired.is_empty() {
            return DotSet::default();
        }
        let mut all = DotSet::default();
        for (&replica, &last) in self.retired.iter().filter(|&(&replica, _)| dots.highest(replica) > 0) {
            all.join(&dots_up_to(replica, last));
        }
        dots.intersection(&all)
    }

    /// The dots that the other side holds to be live, and that are dead because their replica is retired.
    #[must_use]
    pub fn retired_live(&self, theirs: &Liveness) -> DotSet {
        self.retired_in(&theirs.live).difference(&self.context)
    }

    fn is_retired(&self, dot: Dot) -> bool {
        self.retired.get(&dot.replica).is_some_and(|&last| dot.counter <= last)
    }
}

fn dots_up_to(replica: ReplicaId, last: u64) -> DotSet {
    let mut dots = DotSet::default();
    if last > 0 {
        dots.insert_interval(replica, (1, last));
    }
    dots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Live, Packed};

    /// A tab that reads its records in slices has applied its log before.
    #[test]
    fn record_that_is_read_after_the_retirement_of_its_author_is_as_live_as_one_read_before() {
        let (gone, record) = (ReplicaId(9), RecordId(Dot::new(ReplicaId(9), 1)));
        let live = Live { dot: record.0, folded: Vec::new(), version: Default::default() };
        let packed = Packed::new(record, &live);
        let seen: DotSet = (1..=3).map(|counter| Dot::new(gone, counter)).collect();
        let (mut early, mut late) = (Document::default(), Document::default());
        for document in [&mut early, &mut late] {
            document.context = seen.clone();
        }
        early.recover_record(record, vec![packed.clone()]);
        early.retire(gone, 3);
        late.retire(gone, 3);
        late.recover_record(record, vec![packed]);
        assert_eq!(late, early);
        assert!(late.context.contains(record.0));
        late.assert_invariants();
    }
}
