//! Conflict-free replicated data types (Shapiro et al., 2011), one type per file.
//!
//! The types of fields are *dot stores* (Almeida, Shoker and Baquero, "Delta state replicated data types", 2018, §7):
//! they hold values under the dots of the edits that made them. A superseded edit leaves nothing behind. All fields
//! of a [`Version`] share one causal past. It tells values that are missing because they were superseded from values
//! that have not arrived.

mod aw_set;
mod field;
mod inverse;
mod lww_register;
mod max_register;
mod mv_register;
mod pn_counter;
mod version;

pub use aw_set::AwSet;
pub use field::Field;
pub use inverse::Inverse;
pub use lww_register::LwwRegister;
pub use max_register::MaxRegister;
pub use mv_register::MvRegister;
pub use pn_counter::{PnCounter, Sum};
pub use version::Version;

use serde::{Deserialize, Serialize};

use crate::base::dot::{Dot, DotSet};
use crate::base::hlc::Stamp;
use crate::base::version_vector::VersionVector;

/// A join-semilattice: states that merge.
///
/// # Laws
/// For all `a`, `b`, `c`, writing `a ⊔ b` for `a` after `a.join(&b)`:
/// - it commutes: `a ⊔ b = b ⊔ a`;
/// - it associates: `(a ⊔ b) ⊔ c = a ⊔ (b ⊔ c)`;
/// - it is idempotent: `a ⊔ a = a`.
///
/// So replicas that have joined the same states, in any order and however often, are equal.
pub trait Lattice {
    /// Replaces `self` by the least state that is above both.
    fn join(&mut self, other: &Self);
}

/// A part of a state whose causal past is kept beside it. Together with that past it is a [`Lattice`]; its delivery
/// contract is the same: any order, any number of times.
pub trait DotStore {
    /// Joins `other`. `past` and `other_past` are what the two sides have seen.
    fn join(&mut self, past: &VersionVector, other: &Self, other_past: &VersionVector);

    /// Keeps what is held under some dots alone.
    fn retain(&mut self, keeps: &mut dyn FnMut(Dot) -> bool);
}

/// One assignment to a register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// The edit that made it; its replica is the author.
    pub dot: Dot,
    /// The time of the edit on the author's hybrid logical clock.
    pub stamp: Stamp,
    /// The value that was written.
    pub value: String,
}

impl Write {
    /// The order in which writes win: by stamp, then by dot.
    #[must_use]
    pub fn order(&self) -> (Stamp, Dot) {
        (self.stamp, self.dot)
    }
}

impl Lattice for DotSet {
    fn join(&mut self, other: &Self) {
        DotSet::join(self, other);
    }
}

impl Lattice for VersionVector {
    fn join(&mut self, other: &Self) {
        VersionVector::join(self, other);
    }
}
