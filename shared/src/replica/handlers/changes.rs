//! Notes for the host what decisions have changed.

use crate::consensus::Slot;
use crate::ledger::{Entry, Operation};
use crate::replica::changes::Changes;
use crate::replica::state::Core;
use crate::replica::state::Replica;

impl Replica {
    /// The entries from `first` up to `end` were applied or released. Where the log has them no more, any number may be
    /// among them.
    pub(super) fn note_decisions(&mut self, first: Slot, end: Slot) {
        if first < self.core.log.start().slot {
            return self.note_all_numbers();
        }
        let Core { log, ledger, changes: Changes { changed, .. }, .. } = &mut self.core;
        for slot in (first.0..end.0).map(Slot) {
            let Some(Entry::Command(request)) = log.decision(slot).map(|accepted| &accepted.entry) else { continue };
            changed.records.extend(request.operation.record());
            match &request.operation {
                Operation::Settle { numbers, .. } => {
                    changed.conflicts = true;
                    changed.records.extend(numbers.iter().map(|unsettled| unsettled.record));
                }
                Operation::Resolve { conflict, .. } => {
                    changed.conflicts = true;
                    changed.records.extend(ledger.conflict(*conflict).map(|conflict| conflict.provisional.record));
                }
                _ => {}
            }
        }
    }

    pub(super) fn note_released(&mut self) {
        let (first, end) = (self.core.changes.released, self.agreement.observers.released());
        if first < end {
            self.core.changes.released = end;
            self.note_decisions(first, end);
        }
    }

    /// The ledger is, or becomes, another one.
    pub(super) fn note_all_numbers(&mut self) {
        let Core { ledger, changes: Changes { changed, .. }, .. } = &mut self.core;
        let (unsettled, requests) = (&self.numbers.unsettled, &self.agreement.requests);
        changed.conflicts = true;
        changed.records.extend(ledger.numbers().map(|(_, record)| record));
        changed.records.extend(unsettled.iter().map(|unsettled| unsettled.record));
        changed.records.extend(requests.pending().filter_map(|request| request.operation.record()));
    }
}
