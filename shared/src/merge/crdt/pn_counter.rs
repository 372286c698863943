//! Counter that goes up and down (the PN-counter of Shapiro et al., "A comprehensive study of CRDTs", 2011, §3.1.3).

use super::DotStore;
use crate::base::dot::Dot;
use crate::base::id::ReplicaId;
use crate::base::version_vector::VersionVector;

/// A number to which every replica adds on its own: no addition is lost, and none counts twice.
///
/// Delivery: any. Each replica has one entry, its own sum under the dot of its latest addition; of two entries of one
/// replica the later one holds. (The paper keeps increments and decrements apart, since it compares sums; dots order
/// the entries also where a sum falls, and where a record comes back with an older one.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PnCounter {
    /// Invariant: ascending by replica, one entry for each.
    pub(crate) sums: Vec<Sum>,
}

/// The sum of all additions of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The addition that made it.
    pub latest: Dot,
    /// The sum, saturated at the ends of `i64`.
    pub amount: i64,
}

impl PnCounter {
    /// Adds to the counter; saturates at the ends of the range.
    pub fn add(&mut self, dot: Dot, amount: i64) {
        match self.position(dot) {
            Ok(at) => {
                let before = self.sums[at].amount;
                self.sums[at] = Sum { latest: dot, amount: before.saturating_add(amount) };
            }
            Err(at) => self.sums.insert(at, Sum { latest: dot, amount }),
        }
    }

    /// The sum over all replicas; saturates at the ends of the range.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.sums.iter().fold(0, |total: i64, sum| total.saturating_add(sum.amount))
    }

    /// Returns the sum of one replica, if it has added anything.
    #[must_use]
    pub fn sum_of(&self, replica: ReplicaId) -> Option<Sum> {
        self.sums.iter().find(|sum| sum.latest.replica() == replica).copied()
    }

    fn position(&self, dot: Dot) -> Result<usize, usize> {
        self.sums.binary_search_by_key(&dot.replica(), |sum| sum.latest.replica())
    }
}

impl DotStore for PnCounter {
    fn join(&mut self, _past: &VersionVector, other: &Self, _other_past: &VersionVector) {
        for &theirs in &other.sums {
            match self.position(theirs.latest) {
                Ok(at) if self.sums[at].latest < theirs.latest => self.sums[at] = theirs,
                Ok(_) => {}
                Err(at) => self.sums.insert(at, theirs),
            }
        }
    }

    fn retain(&mut self, keeps: &mut dyn FnMut(Dot) -> bool) {
        self.sums.retain(|sum| keeps(sum.latest));
    }
}
