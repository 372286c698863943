//! A number that a replica gave by itself, and the name and the resolution of a conflict about one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::dot::Dot;
use crate::base::hlc::Stamp;
use crate::base::id::RecordId;
use crate::consensus::Slot;

/// A number that a replica gave to a record by itself: provisionally, or out of its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnsettledNumber {
    /// The record that was given the number.
    pub record: RecordId,
    /// The edit that gave the number, and its name.
    pub dot: Dot,
    /// The time of the edit on the hybrid logical clock.
    pub stamp: Stamp,
    /// The number that the replica gave to the record.
    pub number: u64,
    /// True if the number comes from a lease of its author, which alone may give it.
    pub leased: bool,
    /// The number of the epoch in which the number was given, as its author knew it.
    pub epoch: u64,
}

/// The name of a conflict: the entry that found it, and its place in the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConflictId {
    /// The slot of the entry that settled the number.
    pub slot: Slot,
    /// The index of the number in the entry, counted from 0.
    pub at: u16,
}

impl fmt::Display for ConflictId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot.0, self.at)
    }
}

/// The resolution of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// The user accepts the result as it is.
    Kept,
    /// The number that was given in its place is free again.
    Undone,
}
