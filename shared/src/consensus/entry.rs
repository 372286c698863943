//! Entries of the log: what is decided for one slot, and what is accepted.

use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::{Ballot, Configuration, RestoreId, Slot};

/// A command that clients put into the log. Consensus is generic over it: it copies, compares and encodes commands, and
/// knows nothing of their meaning.
pub trait Payload: Clone + Debug + Eq + Hash + Serialize {}

impl<T: Clone + Debug + Eq + Hash + Serialize> Payload for T {}

/// What is decided for one slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entry<C> {
    /// Fills a slot for which a new leader found no accepted entry below one that it found.
    Noop,
    /// What clients asked for; consensus orders it and does not look at it.
    Command(C),
    /// From the next slot on these voters decide. Nothing of the configuration before it is decided behind it.
    Configure(Configuration),
    /// All relays were restored from a backup, which holds the log up to here, and these voters go on. Decided by nobody: the
    /// operator says so.
    Restored { id: RestoreId, configuration: Configuration },
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
    pub ballot: Ballot,
    pub entry: Entry<C>,
}

/// A part of the decided log, for whoever lags behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suffix<C> {
    pub first: Slot,
    /// The hash of the log below `first`.
    pub chain: u64,
    pub entries: Vec<Accepted<C>>,
    /// How far the sender knows the log: if that is beyond these entries, there is more to fetch.
    pub decided: Slot,
}
