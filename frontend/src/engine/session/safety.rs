//! How safe it is what this tab's user did.

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
    pub edits: u64,
    /// Wishes that nobody has decided.
    pub wishes: u64,
}

impl Unsafe {
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.edits == 0 && self.wishes == 0
    }
}

impl Session {
    /// Whether this replica outlives its tab.
    #[must_use]
    pub fn is_on_device(&self) -> bool {
        matches!(self.disk, Disk::Device { .. })
    }

    /// What this tab's user did that is kept in no better place than `most`.
    #[must_use]
    pub fn kept_at_most(&self, most: Safety) -> Unsafe {
        let view = self.view();
        let all = Unsafe { edits: view.unsaved_edits(), wishes: view.pending_wishes() as u64 };
        match most {
            Safety::Memory if self.is_on_device() => Unsafe {
                edits: all.edits.min(view.unpersisted_edits()),
                wishes: all.wishes.min(view.unpersisted_wishes() as u64),
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
}
