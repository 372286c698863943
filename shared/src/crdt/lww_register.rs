//! Last-writer-wins register (Shapiro et al., "A comprehensive study of CRDTs", 2011, §3.2.1).

use serde::{Deserialize, Serialize};

use super::Lattice;
use crate::dot::{Dot, DotSet};
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
    /// The writes that the author had seen: one interval for each earlier author.
    over: DotSet,
}

impl LwwRegister {
    /// Overwrites the value. `stamp` is later than that of the write in the register, as every stamp is of a clock
    /// that has observed it; `context` is all that the author has seen before.
    pub fn assign(&mut self, dot: Dot, stamp: Stamp, value: String, context: &DotSet) {
        let mut over = DotSet::default();
        if let Some(latest) = self.latest.take() {
            over = latest.over;
            over.insert(latest.dot);
            over.cover(latest.dot.replica, context.prefix(latest.dot.replica));
        }
        self.latest = Some(LwwWrite { value, dot, stamp, over });
    }

    /// The latest write, if there is any.
    #[must_use]
    pub fn latest(&self) -> Option<&LwwWrite> {
        self.latest.as_ref()
    }

    /// The write of this register that loses against the one in `winner` without the winner's author having seen it.
    #[must_use]
    pub fn lost_to(&self, winner: &LwwRegister) -> Option<&LwwWrite> {
        let (own, winner) = (self.latest.as_ref()?, winner.latest.as_ref()?);
        (own.order() < winner.order() && !winner.over.contains(own.dot) && own.value != winner.value).then_some(own)
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
