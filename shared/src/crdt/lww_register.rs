//! Last-writer-wins register (Shapiro et al., "A comprehensive study of CRDTs", 2011, §3.2.1).

use serde::{Deserialize, Serialize};

use super::Lattice;
use crate::dot::Dot;
use crate::hlc::Stamp;

/// A register that keeps the latest write, by stamp and then by dot.
///
/// Delivery: any. A write that loses against one whose author had not seen it is a lost write;
/// [`lost_to`](Self::lost_to) tells it from one that was simply overwritten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LwwRegister {
    latest: Option<LwwWrite>,
}

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LwwWrite {
    pub value: String,
    pub dot: Dot,
    pub stamp: Stamp,
    /// The stamp of the write that the author overwrote, the latest it knew; the lowest stamp if there was none.
    over: Stamp,
}

impl LwwRegister {
    /// Overwrites the value. `stamp` is later than that of the write in the register, as every stamp is of a clock
    /// that has observed it.
    pub fn assign(&mut self, dot: Dot, stamp: Stamp, value: String) {
        let over = self.latest.as_ref().map_or(Stamp::default(), |latest| latest.stamp);
        self.latest = Some(LwwWrite { value, dot, stamp, over });
    }

    /// The latest write, if there is any.
    #[must_use]
    pub fn latest(&self) -> Option<&LwwWrite> {
        self.latest.as_ref()
    }

    /// The write of this register that loses against the one in `winner` without the winner's author having seen it.
    ///
    /// An author overwrites the latest write it knows. So it has not seen a write with a later stamp than that one,
    /// and a write with an earlier stamp was either seen or lost before.
    #[must_use]
    pub fn lost_to(&self, winner: &LwwRegister) -> Option<&LwwWrite> {
        let (own, winner) = (self.latest.as_ref()?, winner.latest.as_ref()?);
        (own.order() < winner.order() && own.stamp > winner.over && own.value != winner.value).then_some(own)
    }
}

impl LwwWrite {
    fn order(&self) -> (Stamp, Dot) {
        (self.stamp, self.dot)
    }
}

impl Lattice for LwwRegister {
    fn join(&mut self, other: &Self) {
        if other.latest.as_ref().map(LwwWrite::order) > self.latest.as_ref().map(LwwWrite::order) {
            self.latest.clone_from(&other.latest);
        }
    }
}
