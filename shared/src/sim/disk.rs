//! A disk that keeps what was flushed, and of the rest as much as luck will have it.

use std::collections::VecDeque;

use crate::io::{Recovered, WriteBatch, WriteId};
use crate::split_mix::SplitMix64;

#[derive(Debug, Default)]
pub struct Disk {
    flushed: Recovered,
    unflushed: VecDeque<WriteBatch>,
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

    #[must_use]
    pub fn read(&self) -> Recovered {
        self.flushed.clone()
    }

    fn flush_first(&mut self) {
        for op in self.unflushed.pop_front().into_iter().flat_map(|batch| batch.ops) {
            self.flushed.apply(op);
        }
    }
}
