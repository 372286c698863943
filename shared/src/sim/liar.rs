//! The state of a tab that lies.

use crate::base::id::ReplicaId;
use crate::replica::io::Message;

/// A tab that lies.
#[derive(Debug)]
pub(super) struct Liar {
    pub(super) id: ReplicaId,
    /// The counter of its latest dot.
    pub(super) latest: u64,
    /// Whether it has given a dot to two edits.
    pub(super) has_equivocated: bool,
    /// The messages that it has sent, to repeat them.
    pub(super) said: Vec<Message>,
}
