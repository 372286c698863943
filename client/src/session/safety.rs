//! How safe it is what this tab's user did, and the writes that make it so.

use shared::replica::io::{Input, Message, Now, WriteBatch, WriteId, WriteOp};

use super::{Disk, Session};

/// Where something is kept, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// In this tab, and gone with it.
    Memory,
    /// In this browser, through a reload, a crash and a power cut.
    Device,
    /// On a relay that has it on disk.
    Relay,
}

/// What is kept no better than somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsafe {
    /// Edits of records.
    pub edits: u64,
    /// Operations that nobody has decided.
    pub operations: u64,
}

impl Unsafe {
    /// Returns true if there is nothing of the kind.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.edits == 0 && self.operations == 0
    }
}

impl Session {
    /// Whether a number out of this tab's lease may be shown as final: not where the device has failed, and no relay has the
    /// record with its number.
    #[must_use]
    pub fn can_keep_leased(&self) -> bool {
        !self.has_lost_device || self.safety() == Safety::Relay
    }

    /// Whether this replica outlives its tab.
    #[must_use]
    pub fn is_on_device(&self) -> bool {
        matches!(self.disk, Disk::Device { .. })
    }

    /// What this tab's user did that is kept in no better place than `most`.
    #[must_use]
    pub fn kept_at_most(&self, most: Safety) -> Unsafe {
        let view = self.view();
        let all = Unsafe { edits: view.unsaved_edits(), operations: view.pending_operations() as u64 };
        match most {
            Safety::Memory if self.is_on_device() => Unsafe {
                edits: all.edits.min(view.unpersisted_edits()),
                operations: all.operations.min(view.unpersisted_operations() as u64),
            },
            Safety::Memory | Safety::Device | Safety::Relay => all,
        }
    }

    /// The weakest place where anything is kept that this tab's user did.
    #[must_use]
    pub fn safety(&self) -> Safety {
        let levels = [Safety::Memory, Safety::Device];
        levels.into_iter().find(|&level| !self.kept_at_most(level).is_empty()).unwrap_or(Safety::Relay)
    }

    /// Remembers which own edits a relay has confirmed.
    pub(super) fn note_stored(&mut self, batch: Option<&WriteBatch>) {
        for op in batch.iter().flat_map(|batch| &batch.ops) {
            if let WriteOp::Stored(dots) = op {
                self.stored.clone_from(dots);
            }
        }
    }

    /// The writes that came since the last time, to be made durable in this order.
    #[must_use]
    pub fn take_writes(&mut self) -> Vec<WriteBatch> {
        match &mut self.disk {
            Disk::None => Vec::new(),
            Disk::Device { unwritten, .. } => std::mem::take(unwritten),
        }
    }

    /// This write, and every one before it, is durable.
    #[must_use]
    pub fn persisted(&mut self, now: Now, id: WriteId) -> Vec<Message> {
        self.step(now, Input::Persisted(id)).sends
    }

    /// The device takes no more writes, and nobody will ever go on from what is there: this replica lives in memory from
    /// now on.
    #[must_use]
    pub fn lose_device(&mut self, now: Now) -> Vec<Message> {
        let Disk::Device { issued, .. } = std::mem::replace(&mut self.disk, Disk::None) else { return Vec::new() };
        self.has_lost_device = true;
        let mut sends = self.step(now, Input::Persisted(issued)).sends;
        sends.extend(self.set_shown(now, self.shown));
        sends
    }
}
