//! The log of a room: consensus over [`Request`]s.

use super::Request;
use crate::consensus;

/// The value that is decided for one slot.
pub type Entry = consensus::Entry<Request>;
/// An entry with the ballot under which it was accepted.
pub type Accepted = consensus::Accepted<Request>;
/// A part of the decided log.
pub type Suffix = consensus::Suffix<Request>;
/// The log of one replica.
pub type Log = consensus::Log<Request>;
/// The part of a relay in the agreement of one room.
pub type Voter = consensus::Voter<Request>;
/// A message between voters.
pub type Vote = consensus::Message<Request>;
