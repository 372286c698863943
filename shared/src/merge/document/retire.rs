//! Taking the past of a replica that is away out of the causal context.
//!
//! Each replica that ever wrote costs every context an entry. The replicated log decides that a replica is away, and
//! which dot was its last. This module carries the decision out in a document, and says why that is safe.
//!
//! **The rule.** The proposer of the retirement has seen all dots of the replica up to the last, and none of them is
//! live there ([`Document::check_retirement`]). A replica that learns of the decision drops these dots from the
//! context, except those that are still live here. From then on it takes every other dot up to the last for known and
//! dead. On every link, the log up to the decision precedes whatever a document says after it.
//!
//! **Why it is safe.** A document asks its context two things of a dot that is not live: is it known, and so dead? When
//! the retirement was proposed, all those dots were known and dead in one state. What is dead in one of two
//! states is dead in their join, so that they are dead in every state that is above that one, and all replicas are on
//! their way to such a state. To take them for dead at once gives no other answer than the one that would come; and no
//! version is lost by it, since what the proposer's state holds in place of them comes as it would have come. A version
//! that lives by such a dot here goes when what has superseded it arrives, or when it is told to be dead, as ever.
//! Others hear of the missing entry only after the decision, when they answer alike.
//!
//! **It takes the past, and nothing else.** Dots above the last are as those of any replica. So a replica that was only
//! away goes on under its id, and edits of it that nobody had seen are merged whenever somebody brings them. It can
//! be retired again, up to a later dot. The replica itself keeps its own entry, which says what its next dot is.
//!
//! **When it can be done.** Versions that live by a dot of the replica stand in the way; an edit of their records brings
//! them under another name. The table of the retired costs as much as the entries did, but once, in the state that the
//! log drives, and not in every context that is sent.

use crate::merge::document::DocumentWrite;
use std::borrow::Cow;

use super::{Document, Liveness, Merged};
use crate::base::dot::{Dot, DotSet};
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::SortedSet;
use crate::merge::rules::{InForce, Rules};

/// Why the retirement of a replica must not be proposed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotYet {
    /// Not all of its dots have been seen.
    Unseen,
    /// These records have versions that live by its dots.
    Live(SortedSet<RecordId>),
}

impl Document {
    /// Whether the retirement of a replica whose last dot has the counter `last` may be proposed from this state.
    ///
    /// # Errors
    /// [`NotYet`].
    pub fn check_retirement(&self, replica: ReplicaId, last: u64) -> Result<(), NotYet> {
        if !self.has_seen(&dots_up_to(replica, last)) {
            return Err(NotYet::Unseen);
        }
        let live: SortedSet<_> = self.live_in(&self.context.of(replica)).map(|(_, record)| record).collect();
        if InForce::keeps_from_retiring(!live.is_empty()) { Err(NotYet::Live(live)) } else { Ok(()) }
    }

    /// Retires a replica up to the dot with the counter `last`: the log has decided it. Gives what that changes on the
    /// disk.
    pub fn retire(&mut self, replica: ReplicaId, last: u64) -> Option<DocumentWrite> {
        let known = self.retired.entry(replica).or_insert(0);
        *known = InForce::retired_until(last).max(*known);
        let past = dots_up_to(replica, last).intersection(&self.context);
        let live: DotSet = self.live_in(&past).map(|(dot, _)| dot).collect();
        let gone = past.difference(&live);
        if gone.is_empty() {
            return None;
        }
        self.context = self.context.difference(&gone);
        Some(self.row_of(replica))
    }

    /// The log begins anew: nobody is known to be retired.
    pub fn retire_nobody(&mut self) {
        self.retired.clear();
    }

    /// Takes those of some dots out of the context that are not live, as if they had never been seen. Gives what that changes
    /// on the disk.
    pub fn forget(&mut self, dots: &DotSet) -> Vec<DocumentWrite> {
        let live: DotSet = self.live_in(dots).map(|(dot, _)| dot).collect();
        let forgotten = dots.intersection(&self.context).difference(&live);
        self.context = self.context.difference(&forgotten);
        forgotten.replicas().map(|replica| self.row_of(replica)).collect()
    }

    /// Returns true if a version lives by a dot of this replica up to the counter `last`.
    pub(crate) fn lives_by(&self, replica: ReplicaId, last: u64) -> bool {
        self.live_in(&dots_up_to(replica, last)).next().is_some()
    }

    /// The counter up to which a replica is retired, as far as this document has learnt; 0 if it is not.
    #[must_use]
    pub fn retired_up_to(&self, replica: ReplicaId) -> u64 {
        self.retired.get(&replica).copied().unwrap_or(0)
    }

    /// All dots of a replica that are known, those among them up to which it is retired.
    #[must_use]
    pub fn dots_of(&self, replica: ReplicaId) -> DotSet {
        let mut dots = self.context.of(replica);
        dots.join(&dots_up_to(replica, self.retired_up_to(replica)));
        dots
    }

    /// The counter of the last dot of a replica that is known; 0 if there is none.
    #[must_use]
    pub fn last_of(&self, replica: ReplicaId) -> u64 {
        self.context.highest(replica).max(self.retired_up_to(replica))
    }

    /// Whether all of these dots were seen.
    #[must_use]
    pub fn has_seen(&self, dots: &DotSet) -> bool {
        self.without_retired(dots).is_subset(&self.context)
    }

    /// Whether two documents hold the same and have seen the same, but for the entries that retired replicas keep of
    /// themselves.
    #[must_use]
    pub fn is_as(&self, other: &Document) -> bool {
        self.records == other.records && other.without_retired(&self.context) == self.without_retired(&other.context)
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

    /// Writes the entries of retired replicas whose last live dots have died.
    pub(super) fn put_retired(&self, merged: &mut Merged) {
        if self.retired.is_empty() {
            return;
        }
        let died = merged.died.iter().map(|&(_, dot)| dot).filter(|&dot| self.is_retired(dot));
        let replicas: SortedSet<ReplicaId> = died.map(|dot| dot.replica()).collect();
        merged.writes.extend(replicas.into_iter().map(|replica| self.row_of(replica)));
    }

    /// The entry of a replica in the context, as it is to be on the disk.
    fn row_of(&self, replica: ReplicaId) -> DocumentWrite {
        let dots = self.context.of(replica);
        if dots.is_empty() { DocumentWrite::DropContext(replica) } else { DocumentWrite::PutContext(dots) }
    }

    /// Some dots without those of retired replicas that are not live here.
    pub(crate) fn without_retired<'a>(&self, dots: &'a DotSet) -> Cow<'a, DotSet> {
        if self.retired.is_empty() {
            return Cow::Borrowed(dots);
        }
        let dead = self.retired_in(dots).difference(&self.context);
        if dead.is_empty() { Cow::Borrowed(dots) } else { Cow::Owned(dots.difference(&dead)) }
    }

    /// The retired ones of some dots.
    pub(crate) fn retired_in(&self, dots: &DotSet) -> DotSet {
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
        dot.counter() <= self.retired_up_to(dot.replica())
    }
}

/// The dots of a replica up to the one with the counter `last`.
pub(crate) fn dots_up_to(replica: ReplicaId, last: u64) -> DotSet {
    let mut dots = DotSet::default();
    if last > 0 {
        dots.insert_interval(replica, (1, last));
    }
    dots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::document::{Live, Packed};

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
