//! The log of a room: consensus over [`Claim`]s.

use super::Claim;
use crate::consensus;

/// The value that is decided for one slot.
pub type Entry = consensus::Entry<Claim>;
/// An entry with the ballot under which it was accepted.
pub type Accepted = consensus::Accepted<Claim>;
/// A part of the decided log.
pub type Suffix = consensus::Suffix<Claim>;
/// The log of one replica.
pub type Log = consensus::Log<Claim>;
/// The part of a relay in the agreement of one room.
pub type Voter = consensus::Voter<Claim>;
/// A message between voters.
pub type Vote = consensus::Message<Claim>;
