//! Edits, as they travel.

use crate::base::dot::{Dot, DotSet};
use crate::base::hlc::Stamp;
use crate::base::id::RecordId;
use crate::schema::Op;

/// One edit, on its own: a replica that has the versions that it builds on can make the version that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The record that is edited.
    pub record: RecordId,
    /// The name of the edit, and of the version that it makes.
    pub dot: Dot,
    /// The time of the edit on the author's hybrid logical clock.
    pub stamp: Stamp,
    /// The versions that the edit builds on and supersedes, ascending. None for a new record.
    pub base: Vec<Dot>,
    /// Other dots that the edit supersedes: those by which folded versions of its base live.
    pub superseded: DotSet,
    /// The edit changes nothing: it folds concurrent versions into one, which lives by the dots by which they lived.
    pub folds: bool,
    /// The first 28 bits of the mark of the version that the edit makes. A receiver that makes another version has another
    /// base, since somebody has given two contents to one dot: it asks for the version whole.
    pub result: u32,
    /// The field edits. Empty in a fold.
    pub ops: Vec<Op>,
}

impl Edit {
    /// The dots that the edit speaks of.
    #[must_use]
    pub fn context(&self) -> DotSet {
        let mut context = self.superseded.clone();
        context.join(&self.base.iter().copied().chain([self.dot]).collect());
        context
    }
}
