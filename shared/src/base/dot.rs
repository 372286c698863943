//! Dots, and sets of dots kept as intervals.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::id::ReplicaId;

/// The largest counter that a dot may carry. Far from `u64::MAX`, so that sums of counters cannot overflow.
pub const MAX_COUNTER: u64 = 1 << 48;

/// The name of one event: the `counter`-th of `replica`, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawDot")]
pub struct Dot {
    replica: ReplicaId,
    /// Invariant: in `1..=MAX_COUNTER`.
    counter: u64,
}

impl Dot {
    /// A dot out of data that may be wrong: the one place that checks the range of a counter.
    ///
    /// # Errors
    /// [`NotDots`] if `counter` is not in `1..=MAX_COUNTER`.
    pub const fn try_new(replica: ReplicaId, counter: u64) -> Result<Self, NotDots> {
        if counter >= 1 && counter <= MAX_COUNTER { Ok(Dot { replica, counter }) } else { Err(NotDots) }
    }

    /// A dot whose counter is known to be in range.
    ///
    /// # Panics
    /// If `counter` is not in `1..=MAX_COUNTER`. Data that may be wrong goes through [`try_new`](Self::try_new).
    #[must_use]
    pub const fn new(replica: ReplicaId, counter: u64) -> Self {
        match Self::try_new(replica, counter) {
            Ok(dot) => dot,
            Err(NotDots) => panic!("a dot's counter is in 1..=2^48"),
        }
    }

    /// The replica that issued the dot.
    #[must_use]
    pub const fn replica(self) -> ReplicaId {
        self.replica
    }

    /// The place of the dot among those of its replica, in `1..=MAX_COUNTER`.
    #[must_use]
    pub const fn counter(self) -> u64 {
        self.counter
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.replica, self.counter)
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}", self.replica.0, self.counter)
    }
}

/// Bytes that should be dots break an invariant of dots.
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
        Dot::try_new(raw.replica, raw.counter)
    }
}

/// Up to how many intervals are better joined one by one.
const FEW: usize = 4;

/// An inclusive interval of counters.
type Interval = (u64, u64);

/// A set of dots. Causal contexts (what a replica has seen) and sets of live dots are such sets.
///
/// A replica that has seen everything of another up to some counter costs one interval, so that a causal context
/// without gaps is a version vector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(Dot, u64)>", into = "Vec<(Dot, u64)>")]
pub struct DotSet {
    /// The first dot of each interval, and the counter of its last. Invariant: ascending, within `1..=MAX_COUNTER`, neither
    /// touching nor overlapping. So equal sets are equal values. A vector, since there are few: to put one dot more before
    /// many others takes long, to put many at once does not.
    intervals: Vec<(Dot, u64)>,
}

impl DotSet {
    /// Returns true if the set has no dots.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Returns true if the set has this dot.
    #[must_use]
    pub fn contains(&self, dot: Dot) -> bool {
        self.holding(dot).is_some()
    }

    /// Adds a dot, if it is not there.
    pub fn insert(&mut self, dot: Dot) {
        self.insert_interval(dot.replica, (dot.counter, dot.counter));
    }

    /// Takes a dot out, if it is there.
    pub fn remove(&mut self, dot: Dot) {
        let Some(at) = self.holding(dot) else { return };
        let (start, end) = self.intervals[at];
        let before = (start.counter < dot.counter).then(|| (start, dot.counter - 1));
        let after = (dot.counter < end).then(|| (Dot::new(dot.replica, dot.counter + 1), end));
        self.intervals.splice(at..=at, before.into_iter().chain(after));
    }

    /// Adds every dot of `replica` whose counter is in the inclusive `interval`.
    pub(crate) fn insert_interval(&mut self, replica: ReplicaId, (start, mut end): Interval) {
        let mut first = Dot::new(replica, start);
        let mut until = self.begun_by(first);
        let mut from = until;
        if let Some(before) = until.checked_sub(1)
            && let (begin, before_end) = self.intervals[before]
            && begin.replica == replica
            && before_end + 1 >= start
        {
            if before_end >= end {
                return;
            }
            (first, from) = (begin, before);
        }
        let reach = Dot::new(replica, (end + 1).min(MAX_COUNTER));
        while let Some(&(next, next_end)) = self.intervals.get(until)
            && next <= reach
        {
            end = end.max(next_end);
            until += 1;
        }
        match until - from {
            0 => self.intervals.insert(from, (first, end)),
            _ => {
                self.intervals[from] = (first, end);
                self.intervals.drain(from + 1..until);
            }
        }
    }

    /// How many intervals begin at this dot or before it in the order of dots.
    fn begun_by(&self, dot: Dot) -> usize {
        self.intervals.partition_point(|&(start, _)| start <= dot)
    }

    /// Where the interval is that holds a dot.
    fn holding(&self, dot: Dot) -> Option<usize> {
        let at = self.begun_by(dot).checked_sub(1)?;
        let (start, end) = self.intervals[at];
        (start.replica == dot.replica && end >= dot.counter).then_some(at)
    }

    /// Where the intervals of one replica are.
    fn range_of(&self, replica: ReplicaId) -> Range<usize> {
        let from = self.intervals.partition_point(|(start, _)| start.replica < replica);
        let own = self.intervals[from..].partition_point(|(start, _)| start.replica == replica);
        from..from + own
    }

    /// The intervals of one replica.
    fn own(&self, replica: ReplicaId) -> impl DoubleEndedIterator<Item = Interval> + '_ {
        self.intervals[self.range_of(replica)].iter().map(|&(start, end)| (start.counter, end))
    }

    /// The intervals of one replica that overlap with an inclusive interval, the first perhaps ending before it.
    fn near(&self, replica: ReplicaId, (start, end): Interval) -> impl Iterator<Item = Interval> + '_ {
        let from = self.begun_by(Dot::new(replica, start)).saturating_sub(1);
        let last = Dot::new(replica, end);
        let near = self.intervals[from..].iter().take_while(move |(dot, _)| *dot <= last);
        near.filter(move |(dot, _)| dot.replica == replica).map(|&(dot, end)| (dot.counter, end))
    }

    /// Set union.
    pub fn join(&mut self, other: &DotSet) {
        if self.is_empty() {
            self.intervals.clone_from(&other.intervals);
            return;
        }
        if other.intervals.len() <= FEW {
            other.intervals().for_each(|(replica, interval)| self.insert_interval(replica, interval));
            return;
        }
        self.intervals.extend(&other.intervals);
        self.put_in_order();
    }

    /// Makes the invariant of the intervals hold, whatever they are.
    fn put_in_order(&mut self) {
        self.intervals.sort_unstable();
        self.intervals.dedup_by(|(start, end), (before, before_end)| {
            let touches = before.replica == start.replica && *before_end + 1 >= start.counter;
            if touches {
                *before_end = (*end).max(*before_end);
            }
            touches
        });
    }

    /// The dots of `self` that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &DotSet) -> DotSet {
        let mut rest = DotSet::default();
        for (replica, (mut start, end)) in self.intervals() {
            for (other_start, other_end) in other.near(replica, (start, end)) {
                if other_end < start {
                    continue;
                }
                if other_start > start {
                    rest.intervals.push((Dot::new(replica, start), other_start - 1));
                }
                start = other_end + 1;
            }
            if start <= end {
                rest.intervals.push((Dot::new(replica, start), end));
            }
        }
        rest
    }

    /// The dots that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &DotSet) -> DotSet {
        self.difference(&self.difference(other))
    }

    /// Returns true if every dot of this set is in the other one.
    #[must_use]
    pub fn is_subset(&self, other: &DotSet) -> bool {
        self.intervals().all(|(replica, (start, end))| {
            other.holding(Dot::new(replica, start)).is_some_and(|at| other.intervals[at].1 >= end)
        })
    }

    /// The dots of one replica.
    #[must_use]
    pub fn of(&self, replica: ReplicaId) -> DotSet {
        DotSet { intervals: self.intervals[self.range_of(replica)].to_vec() }
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
                Some(until) if replica > until.replica => break,
                Some(until) if replica == until.replica => end = end.min(until.counter),
                _ => {}
            }
            if start <= end {
                part.intervals.push((Dot::new(replica, start), end));
            }
        }
        part
    }

    /// For each replica that has dots in `part`: makes them its dots in this set, in place of those that it had.
    pub fn replace(&mut self, part: &DotSet) {
        for replica in part.replicas() {
            self.drop_replica(replica);
        }
        self.intervals.extend(&part.intervals);
        self.put_in_order();
    }

    /// Takes out all dots of a replica.
    pub fn drop_replica(&mut self, replica: ReplicaId) {
        self.intervals.drain(self.range_of(replica));
    }

    /// The replicas that have dots in the set, each once.
    pub fn replicas(&self) -> impl Iterator<Item = ReplicaId> + '_ {
        let mut latest = None;
        let replicas = self.intervals.iter().map(|(start, _)| start.replica);
        replicas.filter(move |&replica| latest.replace(replica) != Some(replica))
    }

    /// The largest counter of `replica` in the set, 0 if there is none.
    #[must_use]
    pub fn highest(&self, replica: ReplicaId) -> u64 {
        self.own(replica).next_back().map_or(0, |(_, end)| end)
    }

    /// How many intervals the set takes: its size in memory and on the wire, whatever the counters.
    #[must_use]
    pub fn interval_count(&self) -> usize {
        self.intervals.len()
    }

    /// All intervals, by replica and counter. There may be far more dots than fit in memory; intervals do fit.
    pub fn intervals(&self) -> impl ExactSizeIterator<Item = (ReplicaId, Interval)> + '_ {
        self.intervals.iter().map(|&(start, end)| (start.replica, (start.counter, end)))
    }
}

impl FromIterator<Dot> for DotSet {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut set = DotSet::default();
        for dot in dots {
            match set.intervals.last_mut() {
                Some((start, end)) if start.replica == dot.replica && *end + 1 == dot.counter => *end = dot.counter,
                _ => set.intervals.push((dot, dot.counter)),
            }
        }
        set.put_in_order();
        set
    }
}

impl From<DotSet> for Vec<(Dot, u64)> {
    fn from(set: DotSet) -> Self {
        set.intervals
    }
}

impl TryFrom<Vec<(Dot, u64)>> for DotSet {
    type Error = NotDots;

    /// From intervals in order: the first dot of each, and the counter of its last.
    fn try_from(intervals: Vec<(Dot, u64)>) -> Result<Self, NotDots> {
        let sound =
            intervals.iter().all(|&(start, end)| start.counter <= end && Dot::try_new(start.replica, end).is_ok());
        let apart = intervals.windows(2).all(|pair| {
            let ((one, one_end), (two, _)) = (pair[0], pair[1]);
            one.replica < two.replica || (one.replica == two.replica && one_end + 1 < two.counter)
        });
        if sound && apart { Ok(DotSet { intervals }) } else { Err(NotDots) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::base::encoding;

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

        /// Taking out a dot takes out that dot.
        #[test]
        fn removes_one_dot(a in dots(), replica in 0..3u64, counter in 1..24u64) {
            let dot = Dot::new(ReplicaId(replica), counter);
            let mut removed = set(&a);
            removed.remove(dot);
            prop_assert_eq!(removed, a.iter().copied().filter(|&other| other != dot).collect());
        }
    }

    #[test]
    fn unsound_intervals_are_refused() {
        let dot = |counter| Dot::new(ReplicaId(1), counter);
        let overlapping = vec![(dot(1), 2), (dot(3), 4)];
        let disordered = vec![(Dot::new(ReplicaId(2), 1), 1), (dot(1), 1)];
        for own in [vec![(dot(5), 4)], overlapping, disordered, vec![(dot(1), MAX_COUNTER + 1)]] {
            assert_eq!(DotSet::try_from(own), Err(NotDots));
        }
    }

    #[test]
    fn counters_out_of_range_make_no_dot() {
        for (counter, is_dot) in [(0, false), (1, true), (MAX_COUNTER, true), (MAX_COUNTER + 1, false)] {
            assert_eq!(Dot::try_new(ReplicaId(7), counter).is_ok(), is_dot, "{counter}");
            let bytes = encoding::encode(&(ReplicaId(7), counter));
            assert_eq!(encoding::decode::<Dot>(&bytes).is_ok(), is_dot, "{counter} as bytes");
        }
    }

    #[test]
    fn the_last_dot_of_all_fits() {
        let mut set = DotSet::default();
        set.insert(Dot::new(ReplicaId(7), MAX_COUNTER));
        set.insert(Dot::new(ReplicaId(7), MAX_COUNTER - 1));
        assert_eq!((set.highest(ReplicaId(7)), set.interval_count()), (MAX_COUNTER, 1));
    }
}
