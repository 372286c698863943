//! When a replica is away for good, as far as anybody can tell: its past is taken out of the contexts.
//!
//! Every relay counts by its own clock for how long nobody is linked under an id of its context, to it or to a relay that
//! it hears of. The leader asks the log to retire those ids whose time is over, once a majority of the voters has what
//! has taken the place of their edits. Nobody loses anything if that was wrong: see `document/retire.rs`.

use crate::base::dot::DotSet;
use crate::base::id::ReplicaId;
use crate::base::sorted::SortedMap;
use crate::ledger::RequestId;
use std::time::Duration;

/// The replicas that are away, and those of them that are to be retired.
#[derive(Debug, Default)]
pub(super) struct Retiring {
    /// Since when nobody is linked under ids of the context.
    pub(super) away_since: SortedMap<ReplicaId, Duration>,
    /// The state at the last look.
    pub(super) seen: Seen,
    pub(super) look_at: Option<Duration>,
    pub(super) looked_at: Duration,
    pub(super) due: Option<Due>,
    /// The last request for a retirement.
    pub(super) asked: Option<RequestId>,
}

/// The state that decides which replicas may be retired, besides those that are connected.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) interval_count: usize,
    pub(super) fingerprint: u128,
    pub(super) is_leader: bool,
}

/// Ids that may be retired as soon as a majority has what their edits were superseded by.
#[derive(Debug)]
pub(super) struct Due {
    /// With the counter of the last dot of each.
    pub(super) ids: SortedMap<ReplicaId, u64>,
    /// All that the leader had seen when it found that nothing lives by them.
    pub(super) after: DotSet,
}

impl Retiring {
    /// This is to be looked at again, a while after it was looked at last.
    pub(super) fn look_after(&mut self, pause: Duration) {
        self.look_at.get_or_insert(self.looked_at + pause);
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.look_at
    }
}
