//! A disk that keeps every flushed write, and a random part of the others.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::split_mix::SplitMix64;
use crate::consensus::AcceptorState;
use crate::ledger::Ledger;
use crate::replica::io::{Recovered, WriteBatch, WriteId};

/// The longest time that a flush takes.
pub const LONGEST_FLUSH: Duration = Duration::from_millis(3);

/// The simulated disk of one replica.
#[derive(Debug, Default)]
pub struct Disk {
    flushed: Recovered,
    unflushed: VecDeque<WriteBatch>,
    /// An older copy.
    backup: Option<Recovered>,
}

impl Disk {
    /// Takes a batch of writes, not flushed yet.
    pub fn write(&mut self, batch: WriteBatch) {
        self.unflushed.push_back(batch);
    }

    /// Makes durable every batch up to `id`.
    pub fn flush(&mut self, id: WriteId) {
        while self.unflushed.front().is_some_and(|batch| batch.id <= id) {
            self.flush_first();
        }
    }

    /// Crashes: of the batches that were not flushed, a random number of the first ones stays, each whole.
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

    /// Creates a disk that holds the given state.
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

    /// Restores the copy and drops everything written since. Returns true if there was a copy, and it differs.
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

    /// Returns a copy of the flushed state, as a replica reads it at its start.
    #[must_use]
    pub fn read(&self) -> Recovered {
        self.flushed.clone()
    }

    /// Returns the flushed state.
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
