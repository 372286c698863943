//! Conflict-free replicated data types (Shapiro et al., 2011), one type per file.

pub mod mv_register;
pub mod version;

pub use mv_register::{Candidate, MvRegister};
pub use version::{FieldName, Version};

use crate::dot::DotSet;
use crate::version_vector::VersionVector;

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
