//! The key of an HTTP request.

use serde::{Deserialize, Serialize};

use crate::consensus::Slot;

/// The hash of an idempotency key: its first 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub [u8; 16]);

/// The key of an HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Keyed {
    /// The hash of the idempotency key that the client chose.
    pub key: Key,
    /// A hash of the HTTP request: no other one may use the same key.
    pub hash: u64,
    /// How far the client knew the log when it first asked.
    pub since: Slot,
}
