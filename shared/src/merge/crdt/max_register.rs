//! A max register: the highest number that was written to it anywhere.

use super::Lattice;

/// Keeps the highest number ever written to it; 0 before the first write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaxRegister(u64);

impl MaxRegister {
    /// A register to which `number` was written.
    #[must_use]
    pub fn new(number: u64) -> Self {
        MaxRegister(number)
    }

    /// The highest number written.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl Lattice for MaxRegister {
    fn join(&mut self, other: &Self) {
        self.0 = self.0.max(other.0);
    }
}
