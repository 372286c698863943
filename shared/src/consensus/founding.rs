//! How every log begins.

use serde::{Deserialize, Serialize};

use super::{Configuration, Entry, RestoreId};

/// How every log begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    /// The first voters.
    pub configuration: Configuration,
    /// The latest restore of all relays, if there was one. A room that the backup did not hold begins with it.
    pub restored: Option<RestoreId>,
}

impl Founding {
    /// The first entry of a log.
    #[must_use]
    pub fn entry<C>(self) -> Entry<C> {
        let Founding { configuration, restored } = self;
        match restored {
            Some(id) => Entry::Restored { id, configuration },
            None => Entry::Configure(configuration),
        }
    }
}

impl From<Configuration> for Founding {
    /// The founding of relays that were never restored.
    fn from(configuration: Configuration) -> Self {
        Founding { configuration, restored: None }
    }
}
