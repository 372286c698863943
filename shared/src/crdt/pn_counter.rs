//! Counter that goes up and down (the PN-counter of Shapiro et al., "A comprehensive study of CRDTs", 2011, §3.1.3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Lattice;
use crate::dot::Dot;
use crate::id::ReplicaId;

/// A number to which every replica adds on its own: no addition is lost, and none counts twice.
///
/// Delivery: any. Each replica has one entry, its own sum under the dot of its latest addition; of two entries of one
/// replica the later one holds. (The paper keeps increments and decrements apart, since it compares sums; dots order
/// the entries also where a sum falls, and where a record comes back with an older one.)
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PnCounter {
    sums: BTreeMap<ReplicaId, Sum>,
}

/// What one replica has added in all. Ordered by the addition that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Sum {
    latest: Dot,
    amount: i64,
}

impl PnCounter {
    /// Adds to the counter; saturates at the ends of the range.
    pub fn add(&mut self, dot: Dot, amount: i64) {
        let before = self.sums.get(&dot.replica).map_or(0, |sum| sum.amount);
        self.sums.insert(dot.replica, Sum { latest: dot, amount: before.saturating_add(amount) });
    }

    /// The sum over all replicas; saturates at the ends of the range.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.sums.values().fold(0, |total: i64, sum| total.saturating_add(sum.amount))
    }

    /// Whether the entries are filed under their authors, which bytes from outside may break.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sums.iter().all(|(&replica, sum)| sum.latest.replica == replica)
    }
}

impl Lattice for PnCounter {
    fn join(&mut self, other: &Self) {
        for (&replica, &theirs) in &other.sums {
            let own = self.sums.entry(replica).or_insert(theirs);
            *own = theirs.max(*own);
        }
    }
}
