//! What the world remembers of restores of all relays.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{RecordId, ReplicaId};
use crate::ledger::Operation;
use crate::replica::io::{Command, Recovered};

/// The backup, and the numbers that restores have taken away.
#[derive(Debug, Default)]
pub(super) struct Restores {
    pub(super) backup: Option<Recovered>,
    /// For each tab the records to whom the log had given numbers that it did not remember then.
    pub(super) lost: BTreeMap<ReplicaId, BTreeSet<RecordId>>,
    /// Records from whom somebody has taken a number since.
    pub(super) freed: BTreeSet<RecordId>,
}

impl Restores {
    /// A tab is gone with its disk.
    pub(super) fn closed(&mut self, tab: ReplicaId) {
        self.lost.remove(&tab);
    }

    /// A command may take the number from a record.
    pub(super) fn see(&mut self, command: &Command) {
        match command {
            Command::Once { command, .. } => self.see(command),
            Command::Free { record }
            | Command::Ask(Operation::Release { record } | Operation::CompareAndSet { record, .. }) => {
                self.freed.insert(*record);
            }
            _ => {}
        }
    }
}
