//! Names of restores of all relays from a backup: from then on the log goes on otherwise than it did.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::id::{RelayId, ReplicaId};
use crate::base::split_mix::SplitMix64;

/// The name of a restore, the same at all relays. Later restores have higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RestoreId(pub u64);

impl RestoreId {
    /// The incarnation that a voter has from this restore on. All relays know it without a word.
    #[must_use]
    pub fn incarnation_of(self, voter: RelayId) -> ReplicaId {
        ReplicaId(SplitMix64::new(self.0 ^ u64::from(voter.0).rotate_right(16)).draw())
    }
}

impl fmt::Display for RestoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for RestoreId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_whole = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = u64::from_str_radix(text, 16).ok().filter(|_| is_whole);
        id.map(RestoreId).ok_or_else(|| "a restore is named by 16 hexadecimal digits, as it was printed".to_owned())
    }
}
