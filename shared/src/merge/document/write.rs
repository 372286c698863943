//! Changes of the durable state of a document.

use super::Packed;
use crate::base::dot::{Dot, DotSet};
use crate::base::id::{RecordId, ReplicaId};

/// One change of the durable state of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentWrite {
    /// A version is live.
    PutVersion {
        /// Its record.
        record: RecordId,
        /// Its name.
        dot: Dot,
        /// Its content.
        version: Packed,
    },
    /// A version is not live any more.
    DropVersion {
        /// Its record.
        record: RecordId,
        /// Its name.
        dot: Dot,
    },
    /// For each replica in the set: these are its dots in the context now.
    PutContext(DotSet),
    /// The context has no dots of this replica any more.
    DropContext(ReplicaId),
}
