//! A number that a record has, and a range of numbers that a replica has leased.

use serde::{Deserialize, Serialize};

use crate::base::id::ReplicaId;
use crate::consensus::Slot;

/// The longest range that one operation leases, in numbers.
pub const MAX_RANGE: u32 = 10_000;
/// A number that the log has given to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// The number, in `1..=MAX_NUMBER`.
    pub number: u64,
    /// The slot of the entry that gave the number.
    pub slot: Slot,
}

/// Numbers leased to a replica, which alone may give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The lowest number of the range.
    pub first: u64,
    /// The highest number of the range, inclusive.
    pub last: u64,
    /// The lessee.
    pub to: ReplicaId,
}
