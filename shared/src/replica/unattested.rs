//! The edits that a tab has heard from its neighbours, the other tabs of its browser, and from no relay.
//!
//! A relay takes from a tab only what the tab wrote itself. So to its relay a tab speaks as if it had not heard what its
//! neighbours told: it says nothing of their edits, nor of what those have superseded. Otherwise the relay would drop a
//! version for the sake of one that it does not have, and that is lost if its author never comes back.

use crate::base::dot::DotSet;
use crate::base::id::RecordId;
use crate::base::sorted::SortedMap;
use crate::merge::document::Document;
use serde::{Deserialize, Serialize};
/// The unattested edits of a tab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unattested {
    /// The dots that only neighbours have told of. Invariant between two inputs: all of them have been merged.
    pub(super) dots: DotSet,
    /// The dots that neighbours have superseded or removed, by record. Invariant: empty if `dots` is.
    pub(super) superseded: SortedMap<RecordId, DotSet>,
    /// The dots that this tab's user has removed, and of which the relay may not have been told.
    pub(super) removed: DotSet,
}

impl Unattested {
    pub(super) fn is_empty(&self) -> bool {
        self.dots.is_empty()
    }

    /// A relay lacks these.
    pub(super) fn tell(&mut self, dots: &DotSet) {
        self.dots.join(dots);
    }

    /// How many edits only neighbours have told of.
    pub(super) fn count(&self) -> u64 {
        self.dots.intervals().map(|(_, (start, end))| end - start + 1).sum()
    }

    /// Panics if an invariant does not hold.
    pub(super) fn assert_merged(&self, document: &Document) {
        assert!(self.dots.is_subset(document.context()), "unattested that is not in the document: {:?}", self.dots);
        assert!(!self.is_empty() || self.superseded.is_empty(), "superseded by unattested that has ended");
    }

    /// A relay has confirmed these dots. Returns true if this unblocks messages that were held back. Edits that are
    /// still unattested must not delay them: a neighbour may hold its edits back until it hears of these.
    pub(super) fn confirm(&mut self, dots: &DotSet) -> bool {
        if self.is_empty() {
            return false;
        }
        self.dots = self.dots.difference(dots);
        if self.is_empty() {
            self.superseded.clear();
        }
        self.is_empty()
    }
}
