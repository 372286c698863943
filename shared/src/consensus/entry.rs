//! Entries of the log: what is decided for one slot, and what is accepted.

use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::{Ballot, Configuration, RestoreId, Slot};

/// A command that clients put into the log. Consensus is generic over it: it copies, compares and encodes commands, and
/// knows nothing of their meaning.
pub trait Payload: Clone + Debug + Eq + Hash + Serialize {}

impl<T: Clone + Debug + Eq + Hash + Serialize> Payload for T {}

/// The value that is decided for one slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entry<C> {
    /// Fills a gap: a new leader found no accepted entry for the slot, but one for a later slot.
    Noop,
    /// A command of clients. Consensus orders it and does not look at it.
    Command(C),
    /// From the next slot on these voters decide. Nothing of the configuration before it is decided behind it.
    Configure(Configuration),
    /// All relays were restored from a backup, which holds the log up to here. These voters continue. No vote decides
    /// it: the operator does.
    Restored {
        /// The name of the restore.
        id: RestoreId,
        /// The voters after the restore.
        configuration: Configuration,
    },
}

impl<C> Entry<C> {
    /// The configuration that is in force behind this entry, if it begins one.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        match self {
            Entry::Configure(configuration) | Entry::Restored { configuration, .. } => Some(configuration),
            Entry::Noop | Entry::Command(_) => None,
        }
    }
}

/// An entry with the ballot under which it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Accepted<C> {
    /// The ballot under which the entry was accepted.
    pub ballot: Ballot,
    /// The entry.
    pub entry: Entry<C>,
}

/// A part of the decided log, for a replica that lags behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suffix<C> {
    /// The slot of the first entry.
    pub first: Slot,
    /// The hash of the log below `first`.
    pub chain: u64,
    /// The entries of consecutive slots, each with the ballot under which it was accepted.
    pub entries: Vec<Accepted<C>>,
    /// The first slot that the sender does not know to be decided. If it is beyond these entries, there is more to
    /// fetch.
    pub decided: Slot,
}
