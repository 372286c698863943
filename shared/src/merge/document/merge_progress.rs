//! The state of a merge that is under way.

use super::arbiter::Arbiter;
use super::{Merged, Packed};
use crate::base::dot::DotSet;
use crate::base::id::RecordId;

/// The result of a merge so far.
pub(super) struct MergeProgress {
    pub(super) arbiter: Arbiter,
    pub(super) merged: Merged,
    /// The versions taken, if they are to be passed on.
    pub(super) taken: Option<Vec<(RecordId, Packed)>>,
    /// Dots that were live in another record, and are live in an incoming one from now on.
    pub(super) admitted: DotSet,
}

impl MergeProgress {
    pub(super) fn new(arbiter: Arbiter) -> Self {
        MergeProgress { arbiter, merged: Merged::default(), taken: None, admitted: DotSet::default() }
    }
}
