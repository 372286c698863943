//! How every log begins.

use serde::{Deserialize, Serialize};

use super::{Configuration, Entry, RestoreId};

/// How every log begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    pub configuration: Configuration,
    /// The latest restore of all relays, if there was one: a room that the backup did not hold begins with it.
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
    /// That of relays which were never restored.
    fn from(configuration: Configuration) -> Self {
        Founding { configuration, restored: None }
    }
}
