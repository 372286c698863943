//! One replica of the world, with its disk and what has been seen of it.

use std::time::Duration;

use crate::base::id::{RelayId, ReplicaId};
use crate::consensus::{Ballot, Slot};
use crate::replica::{Audit, Replica};
use crate::sim::checker::Holder;
use crate::sim::disk::Disk;

#[derive(Debug)]
pub(in crate::sim) struct Node {
    pub(in crate::sim) replica: Option<Replica>,
    pub(in crate::sim) id: ReplicaId,
    /// Raised when the process ends, so that what it was waiting for is not told to its successor.
    pub(super) life: u64,
    /// `None` for a tab.
    pub(in crate::sim) voter: Option<RelayId>,
    pub(in crate::sim) disk: Disk,
    /// Whether its disk has forgotten something under its present incarnation.
    pub(in crate::sim) forgot: bool,
    /// Remembers which parts of the replica were checked.
    pub(super) audit: Audit,
    /// Up to where the log has been checked.
    pub(super) checked: Slot,
    /// The slot of the snapshot checked last.
    pub(super) checked_snapshot: Slot,
    /// The ballot under which it leads, if it does.
    pub(super) leads: Option<Ballot>,
    /// The wake-up on its way, to leave out others for the same moment.
    pub(super) waking_at: Option<Duration>,
    /// Until then it does not get anything done.
    pub(in crate::sim) asleep_until: Duration,
    /// How far its wall clock is ahead, in milliseconds.
    pub(in crate::sim) clock_ahead_ms: u64,
    /// Whether it was ever further ahead than relays accept: what it stamped then may be refused.
    pub(in crate::sim) clock_was_wrong: bool,
}

impl Node {
    pub(super) fn new(id: ReplicaId, voter: Option<RelayId>) -> Self {
        Node {
            replica: None,
            id,
            life: 0,
            voter,
            disk: Disk::default(),
            forgot: false,
            audit: Audit::default(),
            checked: Slot(0),
            checked_snapshot: Slot(0),
            leads: None,
            waking_at: None,
            asleep_until: Duration::ZERO,
            clock_ahead_ms: 0,
            clock_was_wrong: false,
        }
    }

    /// Which relay this is, in which incarnation.
    pub(in crate::sim) fn voter_id(&self) -> (RelayId, ReplicaId) {
        (self.voter.expect("it is a relay"), self.id)
    }

    pub(in crate::sim) fn holder(&self) -> Holder<'_> {
        let (voter, incarnation) = self.voter_id();
        Holder { voter, incarnation, flushed: self.disk.flushed(), forgot: self.forgot }
    }
}
