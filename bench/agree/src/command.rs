//! What the peers agree on.

use std::fmt;

/// A command of 64 bytes.
#[derive(Clone, Debug)]
pub struct Command([u64; 8]);

impl Command {
    pub fn new(number: u64) -> Self {
        Command([number; 8])
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command {}", self.0[0])
    }
}
