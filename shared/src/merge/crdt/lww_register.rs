//! Last-writer-wins register (Shapiro et al., "A comprehensive study of CRDTs", 2011, §3.2.1).

use super::{DotStore, Write};
use crate::base::dot::Dot;
use crate::base::version_vector::VersionVector;

/// A register that keeps the latest write, by stamp and then by dot.
///
/// Delivery: any. One write is kept, however many were concurrent. A write that loses against one whose author had
/// not seen it is a lost write, which a [document](crate::merge::document) reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LwwRegister {
    pub(crate) latest: Option<Write>,
}

impl LwwRegister {
    /// Overwrites the value. The stamp of `write` is later than that of the write in the register, as every stamp is of
    /// a clock that has observed it.
    pub fn assign(&mut self, write: Write) {
        self.latest = Some(write);
    }

    /// The latest write, if there is any.
    #[must_use]
    pub fn latest(&self) -> Option<&Write> {
        self.latest.as_ref()
    }
}

impl DotStore for LwwRegister {
    fn join(&mut self, _past: &VersionVector, other: &Self, _other_past: &VersionVector) {
        if other.latest.as_ref().map(Write::order) > self.latest.as_ref().map(Write::order) {
            self.latest.clone_from(&other.latest);
        }
    }

    fn retain(&mut self, keeps: &mut dyn FnMut(Dot) -> bool) {
        self.latest.take_if(|write| !keeps(write.dot));
    }
}
