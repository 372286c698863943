//! Dots, and sets of dots kept as intervals.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::ReplicaId;

/// The largest counter that a dot may carry. Far from `u64::MAX`, so that sums of counters cannot overflow.
pub const MAX_COUNTER: u64 = 1 << 48;

/// The name of one event: the `counter`-th of `replica`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawDot")]
pub struct Dot {
    pub replica: ReplicaId,
    /// Invariant: in `1..=MAX_COUNTER`.
    pub counter: u64,
}

impl Dot {
    /// # Panics
    /// If `counter` is not in `1..=MAX_COUNTER`; bytes from outside are checked by the decoder instead.
    #[must_use]
    pub fn new(replica: ReplicaId, counter: u64) -> Self {
        assert!((1..=MAX_COUNTER).contains(&counter), "a dot's counter is in 1..=2^48");
        Dot { replica, counter }
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.replica, self.counter)
    }
}

/// Bytes that claim to be dots break an invariant of dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a dot or a set of dots: counters are in 1..=2^48, intervals ordered and apart")]
pub struct NotDots;

#[derive(Deserialize)]
struct RawDot {
    replica: ReplicaId,
    counter: u64,
}

impl TryFrom<RawDot> for Dot {
    type Error = NotDots;

    fn try_from(raw: RawDot) -> Result<Self, NotDots> {
        if (1..=MAX_COUNTER).contains(&raw.counter) {
            Ok(Dot { replica: raw.replica, counter: raw.counter })
        } else {
            Err(NotDots)
        }
    }
}

/// An inclusive interval of counters.
type Interval = (u64, u64);

/// A set of dots. Causal contexts (what a replica has seen) and digests (what is live) are such sets.
///
/// A replica that has seen everything of another up to some counter costs one interval, so that a causal context
/// without gaps is a version vector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<ReplicaId, Vec<Interval>>")]
pub struct DotSet {
    /// Invariant: each vector is non-empty, ordered, its intervals within `1..=MAX_COUNTER`, neither touching nor
    /// overlapping. So equal sets are equal values.
    intervals: BTreeMap<ReplicaId, Vec<Interval>>,
}

impl DotSet {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    #[must_use]
    pub fn contains(&self, dot: Dot) -> bool {
        self.intervals.get(&dot.replica).is_some_and(|own| {
            let after = own.partition_point(|&(start, _)| start <= dot.counter);
            after > 0 && own[after - 1].1 >= dot.counter
        })
    }

    pub fn insert(&mut self, dot: Dot) {
        self.insert_interval(dot.replica, (dot.counter, dot.counter));
    }

    /// Adds the dots of `replica` from 1 to `counter`.
    pub fn cover(&mut self, replica: ReplicaId, counter: u64) {
        if counter > 0 {
            self.insert_interval(replica, (1, counter));
        }
    }

    /// Adds every dot of `replica` whose counter is in the inclusive `interval`.
    fn insert_interval(&mut self, replica: ReplicaId, (mut start, mut end): Interval) {
        let own = self.intervals.entry(replica).or_default();
        let first = own.partition_point(|&(_, other_end)| other_end + 1 < start);
        let after = own.partition_point(|&(other_start, _)| other_start <= end + 1);
        if first < after {
            start = start.min(own[first].0);
            end = end.max(own[after - 1].1);
        }
        own.splice(first..after, [(start, end)]);
    }

    /// Set union.
    pub fn join(&mut self, other: &DotSet) {
        for (replica, interval) in other.intervals() {
            self.insert_interval(replica, interval);
        }
    }

    /// The dots of `self` that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &DotSet) -> DotSet {
        let mut rest = DotSet::default();
        for (replica, (mut start, end)) in self.intervals() {
            for &(other_start, other_end) in other.intervals.get(&replica).into_iter().flatten() {
                if other_end < start || other_start > end {
                    continue;
                }
                if other_start > start {
                    rest.insert_interval(replica, (start, other_start - 1));
                }
                start = other_end + 1;
            }
            if start <= end {
                rest.insert_interval(replica, (start, end));
            }
        }
        rest
    }

    /// The dots that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &DotSet) -> DotSet {
        self.difference(&self.difference(other))
    }

    #[must_use]
    pub fn is_subset(&self, other: &DotSet) -> bool {
        self.difference(other).is_empty()
    }

    /// The dots of one replica.
    #[must_use]
    pub fn of(&self, replica: ReplicaId) -> DotSet {
        let own = self.intervals.get(&replica).cloned();
        DotSet { intervals: own.into_iter().map(|own| (replica, own)).collect() }
    }

    /// The dots after `after` up to `until`, in the order of dots; without bounds those from the first, or to the last.
    #[must_use]
    pub fn between(&self, after: Option<Dot>, until: Option<Dot>) -> DotSet {
        let mut part = DotSet::default();
        for (replica, (mut start, mut end)) in self.intervals() {
            match after {
                Some(after) if replica < after.replica => continue,
                Some(after) if replica == after.replica => start = start.max(after.counter + 1),
                _ => {}
            }
            match until {
                Some(until) if replica > until.replica => continue,
                Some(until) if replica == until.replica => end = end.min(until.counter),
                _ => {}
            }
            if start <= end {
                part.insert_interval(replica, (start, end));
            }
        }
        part
    }

    /// For each replica that has dots in `part`: makes them its dots in this set, in place of those that it had.
    pub fn replace(&mut self, part: &DotSet) {
        self.intervals.extend(part.intervals.iter().map(|(&replica, own)| (replica, own.clone())));
    }

    /// The replicas that have dots in the set.
    pub fn replicas(&self) -> impl Iterator<Item = ReplicaId> + '_ {
        self.intervals.keys().copied()
    }

    /// The largest counter of `replica` in the set, 0 if there is none.
    #[must_use]
    pub fn highest(&self, replica: ReplicaId) -> u64 {
        self.intervals.get(&replica).map_or(0, |own| own[own.len() - 1].1)
    }

    /// The largest `n` such that every dot of `replica` from 1 to `n` is in the set.
    #[must_use]
    pub fn prefix(&self, replica: ReplicaId) -> u64 {
        match self.intervals.get(&replica).map(|own| own[0]) {
            Some((1, end)) => end,
            _ => 0,
        }
    }

    /// How many intervals the set takes: its size in memory and on the wire, whatever the counters.
    #[must_use]
    pub fn interval_count(&self) -> usize {
        self.intervals.values().map(Vec::len).sum()
    }

    /// All intervals, by replica and counter. There may be far more dots than fit in memory; intervals do fit.
    pub fn intervals(&self) -> impl Iterator<Item = (ReplicaId, Interval)> + '_ {
        self.intervals.iter().flat_map(|(&replica, own)| own.iter().map(move |&interval| (replica, interval)))
    }
}

impl FromIterator<Dot> for DotSet {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut set = DotSet::default();
        for dot in dots {
            set.insert(dot);
        }
        set
    }
}

impl TryFrom<BTreeMap<ReplicaId, Vec<Interval>>> for DotSet {
    type Error = NotDots;

    fn try_from(intervals: BTreeMap<ReplicaId, Vec<Interval>>) -> Result<Self, NotDots> {
        let sound = intervals.values().all(|own| {
            !own.is_empty()
                && own.iter().all(|&(start, end)| 1 <= start && start <= end && end <= MAX_COUNTER)
                && own.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0)
        });
        if sound { Ok(DotSet { intervals }) } else { Err(NotDots) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn dots() -> impl Strategy<Value = BTreeSet<Dot>> {
        prop::collection::btree_set((0..3u64, 1..24u64).prop_map(|(r, c)| Dot::new(ReplicaId(r), c)), 0..24)
    }

    fn set(dots: &BTreeSet<Dot>) -> DotSet {
        dots.iter().copied().collect()
    }

    proptest! {
        /// The interval sets behave like plain sets of dots.
        #[test]
        fn behaves_like_a_plain_set(a in dots(), b in dots()) {
            let (set_a, set_b) = (set(&a), set(&b));
            for dot in a.union(&b) {
                prop_assert_eq!(set_a.contains(*dot), a.contains(dot));
            }
            let mut union = set_a.clone();
            union.join(&set_b);
            prop_assert_eq!(union, set(&a.union(&b).copied().collect()));
            prop_assert_eq!(set_a.difference(&set_b), set(&a.difference(&b).copied().collect()));
            prop_assert_eq!(set_a.intersection(&set_b), set(&a.intersection(&b).copied().collect()));
            prop_assert_eq!(set_a.is_subset(&set_b), a.is_subset(&b));
            if let (Some(&first), Some(&last)) = (b.first(), b.last()) {
                let between = a.iter().copied().filter(|&dot| first < dot && dot <= last).collect();
                prop_assert_eq!(set_a.between(Some(first), Some(last)), between);
                let after = a.iter().copied().filter(|&dot| first < dot).collect();
                prop_assert_eq!(set_a.between(Some(first), None), after);
            }
        }

        /// What a set holds survives the check that guards decoding.
        #[test]
        fn its_own_intervals_pass_the_decoder(a in dots()) {
            let set_a = set(&a);
            prop_assert_eq!(DotSet::try_from(set_a.intervals.clone()), Ok(set_a));
        }
    }

    #[test]
    fn unsound_intervals_are_refused() {
        for own in [vec![], vec![(0, 3)], vec![(5, 4)], vec![(1, 2), (3, 4)], vec![(1, MAX_COUNTER + 1)]] {
            let raw = BTreeMap::from([(ReplicaId(1), own)]);
            assert_eq!(DotSet::try_from(raw), Err(NotDots));
        }
    }

    #[test]
    fn prefix_and_highest_differ_across_a_gap() {
        let replica = ReplicaId(7);
        let set: DotSet = [1, 2, 5].map(|counter| Dot::new(replica, counter)).into_iter().collect();
        assert_eq!((set.prefix(replica), set.highest(replica)), (2, 5));
    }
}
