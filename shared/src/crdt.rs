//! Conflict-free replicated data types (Shapiro et al., 2011), one type per file.

mod aw_set;
mod field;
mod lww_register;
mod mv_register;
mod pn_counter;
mod version;

pub use aw_set::AwSet;
pub use field::{EditEvent, Field, FieldEdit, FieldKind, WrongEdit};
pub use lww_register::{LwwRegister, LwwWrite};
pub use mv_register::{Candidate, MvRegister};
pub use pn_counter::PnCounter;
pub use version::{FieldName, Version};

use crate::dot::DotSet;

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
