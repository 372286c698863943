//! How much of what this replica's own user did is durable here.

use std::collections::VecDeque;

use crate::replica::io::WriteId;

/// The user's actions up to some write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own {
    /// The counter of the last own dot.
    edits: u64,
    /// The `seq` of the last own request.
    requests: u64,
}

/// The user's actions on their way to the disk, and those that are there.
#[derive(Debug)]
pub(super) struct LocalDurability {
    /// Invariant: ascending, and ahead of `durable`.
    issued: VecDeque<(WriteId, Own)>,
    durable: Own,
}

impl LocalDurability {
    pub(super) fn new(edits: u64, requests: u64) -> Self {
        LocalDurability { issued: VecDeque::new(), durable: Own { edits, requests } }
    }

    /// A write holds everything up to here.
    pub(super) fn issued(&mut self, id: WriteId, edits: u64, requests: u64) {
        let own = Own { edits, requests };
        match self.issued.back_mut() {
            Some((last, issued)) if *last == id => *issued = own,
            Some((_, issued)) if *issued == own => {}
            None if self.durable == own => {}
            _ => self.issued.push_back((id, own)),
        }
    }

    pub(super) fn persisted(&mut self, id: WriteId) {
        while self.issued.front().is_some_and(|&(issued, _)| issued <= id) {
            (_, self.durable) = self.issued.pop_front().expect("looked at above");
        }
    }

    /// The counter of the last own dot that is durable.
    pub(super) fn edits(&self) -> u64 {
        self.durable.edits
    }

    /// The `seq` of the last own request that is durable.
    pub(super) fn requests(&self) -> u64 {
        self.durable.requests
    }
}
