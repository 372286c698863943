//! Multi-value register (Shapiro et al., "A comprehensive study of CRDTs", 2011, §3.2.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Lattice;
use crate::dot::{Dot, DotSet};
use crate::hlc::Stamp;

/// A register that keeps every value that no other write has superseded.
///
/// A write supersedes the writes that its author had seen, and no others. Concurrent writes are therefore all kept
/// until somebody who has seen them writes again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MvRegister {
    /// Invariant: no write supersedes itself or another one of the register.
    writes: BTreeMap<Dot, Write>,
}

/// One assignment, and what its author had seen of this register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Write {
    value: String,
    stamp: Stamp,
    /// The writes that this one supersedes, by author.
    over: DotSet,
}

/// A value that the register holds, with the latest write that put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    pub value: &'a str,
    /// Who wrote it: the replica of this dot.
    pub dot: Dot,
    pub stamp: Stamp,
}

impl MvRegister {
    /// Assigns `value`, superseding every write in the register. `context` is all that the author has seen before.
    ///
    /// Of each earlier author, all that was seen without a gap is superseded, whichever field it was about: that keeps
    /// the set in one interval for each author.
    pub fn assign(&mut self, dot: Dot, stamp: Stamp, value: String, context: &DotSet) {
        let mut over = DotSet::default();
        for (&seen, write) in &self.writes {
            over.join(&write.over);
            over.insert(seen);
            over.cover(seen.replica, context.prefix(seen.replica));
        }
        self.writes = BTreeMap::from([(dot, Write { value, stamp, over })]);
    }

    /// Whether the invariant of the register holds, which bytes from outside may break.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.writes.values().all(|write| self.writes.keys().all(|&dot| !write.over.contains(dot)))
    }

    /// The values held, the one to display first: the latest by stamp, then by dot. Equal values count once.
    #[must_use]
    pub fn candidates(&self) -> Vec<Candidate<'_>> {
        let mut all: Vec<_> =
            self.writes.iter().map(|(&dot, w)| Candidate { value: &w.value, dot, stamp: w.stamp }).collect();
        all.sort_by_key(|candidate| std::cmp::Reverse((candidate.stamp, candidate.dot)));
        let mut distinct: Vec<Candidate<'_>> = Vec::with_capacity(all.len());
        for candidate in all {
            if distinct.iter().all(|kept| kept.value != candidate.value) {
                distinct.push(candidate);
            }
        }
        distinct
    }

    /// The dots, values and stamps of all writes.
    pub fn writes(&self) -> impl Iterator<Item = Candidate<'_>> {
        self.writes.iter().map(|(&dot, w)| Candidate { value: &w.value, dot, stamp: w.stamp })
    }
}

impl Lattice for MvRegister {
    fn join(&mut self, other: &Self) {
        for (&dot, write) in &other.writes {
            self.writes.entry(dot).or_insert_with(|| write.clone());
        }
        let superseded: Vec<Dot> =
            self.writes.keys().copied().filter(|&dot| self.writes.values().any(|w| w.over.contains(dot))).collect();
        for dot in superseded {
            self.writes.remove(&dot);
        }
    }
}
