//! Multi-value register (Shapiro et al., "A comprehensive study of CRDTs", 2011, §3.2.2).

use super::{DotStore, Write};
use crate::base::dot::Dot;
use crate::base::version_vector::VersionVector;

/// A register that keeps every value that no other write has superseded.
///
/// Delivery: any. A write supersedes the writes that its author had seen, and no others. Concurrent writes are therefore
/// all kept until somebody who has seen them writes again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MvRegister {
    /// Invariant: ascending by dot, each once.
    pub(crate) writes: Vec<Write>,
}

impl MvRegister {
    /// Assigns a value, superseding every write in the register.
    pub fn assign(&mut self, write: Write) {
        self.writes.clear();
        self.writes.push(write);
    }

    /// All writes, in the order of their dots.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The values held, each with the latest write that put it there, the one to display first: the latest by stamp,
    /// then by dot. Equal values count once.
    #[must_use]
    pub fn candidates(&self) -> Vec<&Write> {
        let mut writes: Vec<_> = self.writes.iter().collect();
        writes.sort_by_key(|write| std::cmp::Reverse(write.order()));
        let mut distinct: Vec<&Write> = Vec::new();
        for write in writes {
            if distinct.iter().all(|kept| kept.value != write.value) {
                distinct.push(write);
            }
        }
        distinct
    }

    fn holds(&self, dot: Dot) -> bool {
        self.writes.binary_search_by_key(&dot, |write| write.dot).is_ok()
    }
}

impl DotStore for MvRegister {
    /// A register that had a value keeps one. Each side may know the other's only write to be gone: where a record came
    /// back after its removal by an edit that had not seen all of it, an old write stands beside edits whose authors
    /// had overwritten it. Then the latest write stays.
    fn join(&mut self, past: &VersionVector, other: &Self, other_past: &VersionVector) {
        let latest = self.writes.iter().chain(&other.writes).max_by_key(|write| write.order()).cloned();
        self.writes.retain(|write| other.holds(write.dot) || !other_past.contains(write.dot));
        for write in &other.writes {
            if let Err(at) = self.writes.binary_search_by_key(&write.dot, |own| own.dot)
                && !past.contains(write.dot)
            {
                self.writes.insert(at, write.clone());
            }
        }
        if self.writes.is_empty() {
            self.writes.extend(latest);
        }
    }

    fn retain(&mut self, keeps: &mut dyn FnMut(Dot) -> bool) {
        self.writes.retain(|write| keeps(write.dot));
    }
}
