//! All relays are restored from a backup of one of them, while the tabs keep what they know.

use super::{Happening, RELAYS, World};
use crate::consensus::RestoreId;
use crate::ledger::{Accepted, Entry, Log};
use crate::replica::Replica;
use crate::sim::disk::Disk;
use crate::sim::network::NodeId;
use crate::sim::violated::Violated;
use std::time::Duration;

/// How long a relay takes at the most to come back.
const LONGEST_MS: u64 = 300;

impl World {
    pub(super) fn back_up_for_all(&mut self, relay: NodeId) {
        self.restores.backup = Some(self.nodes[relay].disk.flushed().clone());
    }

    pub(super) fn restore_all(&mut self) -> Result<(), Violated> {
        let Some(backup) = self.restores.backup.take() else { return Ok(()) };
        let id = RestoreId(self.report.restores + 1);
        let restored = backup.restore(id).expect("a relay has left it");
        let log = Log::recover(restored.log_start, restored.log.clone(), restored.decided);
        let is_restore = |accepted: &Accepted| matches!(accepted.entry, Entry::Restored { .. });
        let begun = restored.log.iter().rev().find(|(_, accepted)| is_restore(accepted)).map(|(&slot, _)| slot);
        let Some(at) = begun else { return Ok(()) };
        self.report.restores += 1;
        for relay in 0..RELAYS {
            self.stop(relay)?;
        }
        self.checker.restored(at, &log, &restored.context)?;
        for relay in 0..RELAYS {
            let node = &mut self.nodes[relay];
            node.id = id.incarnation_of(node.voter.expect("it is a relay"));
            node.disk = Disk::holding(restored.clone());
            node.forgot = false;
            let wait = Duration::from_millis(self.random.below(LONGEST_MS));
            self.schedule(wait, Happening::Restart { node: relay });
        }
        self.asked.clear();
        self.outside.clear();
        self.lost_in = None;
        for tab in &self.nodes[RELAYS..] {
            let Some(replica) = &tab.replica else { continue };
            let ledger = replica.view().ledger();
            let lost = ledger.numbers().map(|(_, record)| record);
            let lost = lost.filter(|&record| ledger.number_of(record).is_some_and(|numbered| numbered.slot >= at));
            self.restores.lost.entry(tab.id).or_default().extend(lost);
        }
        Ok(())
    }

    /// Whether a replica knows the log as it is since the last restore.
    pub(super) fn is_up_to_restore(&self, replica: &Replica) -> bool {
        replica.view().ledger().restores() == self.checker.model.ledger().restores()
    }

    /// Each number that a restore has taken away was settled anew: the record has a number, or there is a conflict to see.
    pub(super) fn check_lost_numbers(&self, node: NodeId, replica: &Replica) -> Result<(), Violated> {
        let view = replica.view();
        for &record in self.restores.lost.values().flatten() {
            let is_told = view.ledger().conflicts().any(|conflict| conflict.provisional.record == record);
            let has_number = view.ledger().number_of(record).is_some();
            if view.document().contains(record) && !has_number && !is_told && !self.restores.freed.contains(&record) {
                return Err(Violated::NumberNotGivenAnew { node, record });
            }
        }
        Ok(())
    }
}
