//! What may still change, and what may not: told apart by type, so that no caller can take one for the other.

use serde::{Deserialize, Serialize};

/// Decided by the log and released, or given out of a range that was leased to the one who gives it. Only somebody who frees
/// it, or removes the record, takes it back; or the log, if the record had been given another one at the same time.
///
/// Only the core makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Final<T>(T);

impl<T> Final<T> {
    pub(crate) fn new(value: T) -> Self {
        Final(value)
    }

    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }

    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Chosen without agreement: another replica may have chosen the same. The log makes it final, replaces it or rejects it
/// when it can be reached, in the [`Hybrid`](crate::ledger::Mode::Hybrid) mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Provisional<T>(T);

impl<T> Provisional<T> {
    pub(crate) fn new(value: T) -> Self {
        Provisional(value)
    }

    /// The value for now. Whoever shows it, or builds on it, has to say that it may change.
    #[must_use]
    pub fn for_now(&self) -> &T {
        &self.0
    }
}

/// A number that a record was given, by what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    Final(Final<u64>),
    Provisional(Provisional<u64>),
}
