//! Changes of the state since the last output, gathered for the host.

use crate::base::id::RecordId;
use crate::consensus::Slot;
use crate::replica::io::Changed;

/// The changes since the last output.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) changed: Changed,
    /// The decisions below this slot were reported as visible.
    pub(super) released: Slot,
}

impl Changes {
    pub(super) fn record(&mut self, record: RecordId) {
        self.changed.records.insert(record);
    }

    /// The log begins anew.
    pub(super) fn log_dropped(&mut self) {
        self.released = Slot(0);
    }

    pub(super) fn take(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }
}
