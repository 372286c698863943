//! Values that may still change and values that may not, as two types, so that no caller confuses them.

use serde::{Deserialize, Serialize};

/// Decided by the log and visible, or given by its lessee out of a lease. A user takes it back by freeing the number
/// or removing the record. The log takes it back if the record was given another number at the same time.
///
/// Only the core makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Final<T>(T);

impl<T> Final<T> {
    pub(crate) fn new(value: T) -> Self {
        Final(value)
    }

    /// Returns the value, which may be shown as final.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }

    /// Returns the value itself, without the mark that it is final.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Chosen without agreement: another replica may have chosen the same. The log makes it final, replaces it or rejects
/// it, when the log can be reached and settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Provisional<T>(T);

impl<T> Provisional<T> {
    pub(crate) fn new(value: T) -> Self {
        Provisional(value)
    }

    /// The value for now. A caller that shows it or builds on it must say that it may change.
    #[must_use]
    pub fn for_now(&self) -> &T {
        &self.0
    }
}

/// A number that a record was given, by what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// The number is final.
    Final(Final<u64>),
    /// The number is provisional.
    Provisional(Provisional<u64>),
}
