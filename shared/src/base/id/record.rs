//! The identity of a record.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::replica::ReplicaId;
use crate::base::dot::Dot;

/// A record, named by the dot of the edit that created it: unique without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(pub Dot);

impl RecordId {
    /// The first in the order of ids.
    pub const MIN: RecordId = RecordId(Dot::new(ReplicaId(0), 1));
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
