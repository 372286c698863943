//! Version vectors: what was seen of each replica, as one counter each.

use crate::base::dot::Dot;
use crate::base::id::ReplicaId;

/// For each replica the highest counter seen (Parker et al., "Detection of mutual inconsistency in distributed
/// systems", 1983, §3). It covers all of that replica's dots up to there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionVector {
    /// Invariant: ascending by replica, one dot for each.
    entries: Vec<Dot>,
}

impl VersionVector {
    /// Returns true if the vector covers this dot.
    #[must_use]
    pub fn contains(&self, dot: Dot) -> bool {
        self.position(dot.replica()).is_ok_and(|at| self.entries[at].counter() >= dot.counter())
    }

    /// The highest dot of a replica that is covered.
    #[must_use]
    pub fn latest_of(&self, replica: ReplicaId) -> Option<Dot> {
        self.position(replica).ok().map(|at| self.entries[at])
    }

    /// Covers a dot, and all of its replica before it.
    pub fn insert(&mut self, dot: Dot) {
        match self.position(dot.replica()) {
            Ok(at) => self.entries[at] = self.entries[at].max(dot),
            Err(at) => self.entries.insert(at, dot),
        }
    }

    /// Covers nothing of a replica any more.
    pub fn forget(&mut self, replica: ReplicaId) {
        if let Ok(at) = self.position(replica) {
            self.entries.remove(at);
        }
    }

    /// For each replica the higher of the two counters.
    pub fn join(&mut self, other: &VersionVector) {
        if self.entries.is_empty() {
            self.entries.clone_from(&other.entries);
            return;
        }
        if other.entries.len() <= 4 {
            other.entries.iter().for_each(|&dot| self.insert(dot));
            return;
        }
        let (mut own, mut theirs) = (self.entries.iter().copied().peekable(), other.entries.iter().copied().peekable());
        let mut joined = Vec::with_capacity(self.entries.len().max(other.entries.len()));
        loop {
            let next = match (own.peek(), theirs.peek()) {
                (Some(a), Some(b)) if a.replica() == b.replica() => own.next().max(theirs.next()),
                (Some(a), Some(b)) if a.replica() < b.replica() => own.next(),
                (Some(_), None) => own.next(),
                _ => theirs.next(),
            };
            match next {
                Some(dot) => joined.push(dot),
                None => break,
            }
        }
        self.entries = joined;
    }

    /// The highest dot of each replica, in the order of replicas.
    #[must_use]
    pub fn entries(&self) -> &[Dot] {
        &self.entries
    }

    fn position(&self, replica: ReplicaId) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&replica, |dot| dot.replica())
    }
}

impl FromIterator<Dot> for VersionVector {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut vector = VersionVector::default();
        dots.into_iter().for_each(|dot| vector.insert(dot));
        vector
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn dots() -> impl Strategy<Value = Vec<Dot>> {
        prop::collection::vec((0..9u64, 1..9u64).prop_map(|(r, c)| Dot::new(ReplicaId(r), c)), 0..16)
    }

    proptest! {
        /// A version vector behaves like a map from replicas to counters.
        #[test]
        fn behaves_like_a_map(a in dots(), b in dots()) {
            let mut map = BTreeMap::new();
            for dot in a.iter().chain(&b) {
                let highest = map.entry(dot.replica()).or_insert(dot.counter());
                *highest = dot.counter().max(*highest);
            }
            let mut joined: VersionVector = a.iter().copied().collect();
            joined.join(&b.iter().copied().collect());
            let entries: BTreeMap<_, _> = joined.entries().iter().map(|dot| (dot.replica(), dot.counter())).collect();
            prop_assert_eq!(joined.entries().len(), map.len());
            prop_assert_eq!(&entries, &map);
            for dot in a.iter().chain(&b) {
                prop_assert!(joined.contains(*dot));
                prop_assert_eq!(joined.contains(Dot::new(dot.replica(), dot.counter() + 1)), map[&dot.replica()] > dot.counter());
            }
        }
    }
}
