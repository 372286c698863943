//! A disk that keeps what was flushed, and of the rest as much as luck will have it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::split_mix::SplitMix64;
use crate::consensus::AcceptorState;
use crate::ledger::Ledger;
use crate::replica::io::{Recovered, WriteBatch, WriteId};

/// How long a flush takes at the most.
pub const LONGEST_FLUSH: Duration = Duration::from_millis(3);

#[derive(Debug, Default)]
pub struct Disk {
    flushed: Recovered,
    unflushed: VecDeque<WriteBatch>,
    /// An older copy.
    backup: Option<Recovered>,
}

impl Disk {
    pub fn write(&mut self, batch: WriteBatch) {
        self.unflushed.push_back(batch);
    }

    /// Makes durable every batch up to `id`.
    pub fn flush(&mut self, id: WriteId) {
        while self.unflushed.front().is_some_and(|batch| batch.id <= id) {
            self.flush_first();
        }
    }

    /// What is found after a crash: of the batches not flushed some first ones, each whole.
    pub fn crash(&mut self, random: &mut SplitMix64) {
        let lucky = random.below(self.unflushed.len() as u64 + 1);
        for _ in 0..lucky {
            self.flush_first();
        }
        self.unflushed.clear();
    }

    /// Loses everything, flushed or not.
    pub fn wipe(&mut self) {
        *self = Disk::default();
    }

    /// A disk with this on it.
    #[must_use]
    pub fn holding(flushed: Recovered) -> Disk {
        Disk { flushed, ..Disk::default() }
    }

    /// Another disk with what is flushed on this one.
    #[must_use]
    pub fn copy(&self) -> Disk {
        Disk::holding(self.flushed.clone())
    }

    /// Makes a copy of what is flushed.
    pub fn back_up(&mut self) {
        self.backup = Some(self.flushed.clone());
    }

    /// Puts the copy in the place of what was flushed since. Says whether there was one, and whether it is older.
    pub fn restore(&mut self) -> bool {
        self.unflushed.clear();
        match self.backup.take() {
            Some(backup) if backup != self.flushed => {
                self.flushed = backup;
                true
            }
            _ => false,
        }
    }

    /// The database gets a new incarnation, which has bound itself to nothing.
    pub fn renew(&mut self) {
        self.flushed.acceptor_state = AcceptorState::ZERO;
        self.unflushed.clear();
    }

    #[must_use]
    pub fn read(&self) -> Recovered {
        self.flushed.clone()
    }

    #[must_use]
    pub fn flushed(&self) -> &Recovered {
        &self.flushed
    }

    /// The state that the log has driven, as far as the disk says that it is decided.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let snapshot = self.flushed.snapshot.as_ref();
        let mut ledger: Ledger = snapshot.map(|held| held.read().expect("it reads as written")).unwrap_or_default();
        let from = snapshot.map(|held| held.at.slot).unwrap_or_default();
        for (&slot, accepted) in self.flushed.log.range(from..self.flushed.decided.max(from)) {
            ledger.apply(slot, &accepted.entry);
        }
        ledger
    }

    fn flush_first(&mut self) {
        for op in self.unflushed.pop_front().into_iter().flat_map(|batch| batch.ops) {
            self.flushed.apply(op);
        }
    }
}
