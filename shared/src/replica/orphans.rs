//! How edits that no relay has, and whose authors do not come, get to the relays all the same.
//!
//! A relay takes from a tab only what the tab wrote itself. But relays may lose what tabs have seen: a disk is lost or
//! restored from a backup before its edits were anywhere else. And a tab may have told its neighbours alone of its edits,
//! and never come back. To the other tabs such edits are [`unattested`](super::unattested). Where that lasts, a tab edits the
//! records itself, without changing anything: a version of its own, which builds on the others, carries them to the relay.
//!
//! Many tabs may hold the same orphans. Each begins at another record, and takes a few at a time. The relay tells the
//! others of orphans that one tab has carried, so that most are carried once.

use crate::base::dot::Dot;
use crate::base::sorted::SortedMap;
use crate::replica::io::PeerId;
use std::time::Duration;

/// When to look after orphans.
#[derive(Debug, Default)]
pub(super) struct Orphanage {
    /// When to ask the relay what it has; while there is something to do, and a relay.
    pub(super) ask_at: Option<Duration>,
    /// The relay was asked, and what it lacks by now is orphaned.
    pub(super) is_asked: bool,
    /// Records that are here may have numbers to be given anew.
    pub(super) has_lost_numbers: bool,
    /// The counter of the last edit of its own that each neighbour has told of on its link: it tells a relay of them itself.
    pub(super) by_neighbours: SortedMap<PeerId, Dot>,
}

impl Orphanage {
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.ask_at
    }

    /// A record came that has a number to be given anew, or the number of one was lost.
    pub(super) fn number_lost(&mut self) {
        self.has_lost_numbers = true;
    }
}
