//! Version vectors (Parker et al., 1983).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dot::Dot;
use crate::id::ReplicaId;

/// For each replica, how many of its events are covered: all of them up to that counter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionVector {
    counters: BTreeMap<ReplicaId, u64>,
}

impl VersionVector {
    #[must_use]
    pub fn covers(&self, dot: Dot) -> bool {
        self.counters.get(&dot.replica).is_some_and(|&counter| counter >= dot.counter)
    }

    /// Covers the events of `replica` up to `counter` as well.
    pub fn raise(&mut self, replica: ReplicaId, counter: u64) {
        if counter > 0 {
            let own = self.counters.entry(replica).or_default();
            *own = counter.max(*own);
        }
    }

    /// Covers what either covers.
    pub fn join(&mut self, other: &VersionVector) {
        for (&replica, &counter) in &other.counters {
            self.raise(replica, counter);
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// The entries, by replica.
    pub fn iter(&self) -> impl Iterator<Item = (ReplicaId, u64)> + '_ {
        self.counters.iter().map(|(&replica, &counter)| (replica, counter))
    }
}
