//! Live versions, unpacked.

use crate::base::dot::Dot;
use crate::merge::crdt::Version;

/// An upper bound of the bytes that a dot takes.
const WEIGHT_OF_DOT: usize = 18;

/// A version of a record that nothing has superseded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The edit that made the version, or folded others into it.
    pub dot: Dot,
    /// Empty unless the version was folded from others. Then the edits that it stands for, as far as they have not been
    /// removed: a removal that has seen all of them removes the version. Ascending, each once.
    pub folded: Vec<Dot>,
    /// The fields, and the edits that they build on.
    pub version: Version,
}

impl Live {
    /// The edits by which the version lives.
    #[must_use]
    pub fn supports(&self) -> &[Dot] {
        if self.folded.is_empty() { std::slice::from_ref(&self.dot) } else { &self.folded }
    }

    /// An upper bound of the bytes that the version takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        WEIGHT_OF_DOT * self.folded.len() + self.version.weight()
    }

    /// The dot that names the version, and those by which it lives.
    pub(super) fn dots(&self) -> impl Iterator<Item = Dot> + '_ {
        std::iter::once(self.dot).chain(self.folded.iter().copied())
    }

    pub(super) fn has(&self, dot: Dot) -> bool {
        self.dot == dot || self.folded.binary_search(&dot).is_ok()
    }

    pub(super) fn lives_by(&self, dot: Dot) -> bool {
        self.supports().binary_search(&dot).is_ok()
    }

    /// Whether this version builds on the other one. Of two that both say so, which only hostile bytes do, neither
    /// does.
    pub(super) fn supersedes(&self, other: &Live) -> bool {
        self.version.past.contains(other.dot) && !other.version.past.contains(self.dot)
    }
}
