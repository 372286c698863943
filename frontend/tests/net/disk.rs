//! A disk with the rows of a tab's database, and beside them what `Recovered::apply` says that they must hold.

use std::collections::BTreeMap;

use client::rows::{self, Change};
use shared::merge::document::Document;
use shared::replica::io::{Recovered, WriteBatch, WriteId};

#[derive(Clone, Default)]
pub struct Disk {
    pub rows: BTreeMap<Vec<u8>, Vec<u8>>,
    expected: Recovered,
    pub given: Vec<WriteBatch>,
    /// It finishes nothing.
    pub is_stuck: bool,
}

impl Disk {
    /// Carries out all that it was given, in one commit, which leads to `document`. Gives the last of it.
    pub fn finish(&mut self, document: &Document) -> Option<WriteId> {
        let last = self.given.last().filter(|_| !self.is_stuck)?.id;
        let ops: Vec<_> = self.given.drain(..).flat_map(|batch| batch.ops).collect();
        ops.iter().cloned().for_each(|op| self.expected.apply(op));
        for change in rows::changes_of(ops, document) {
            match change {
                Change::Put { key, row } => drop(self.rows.insert(row[..key].to_vec(), row)),
                Change::Drop { from, until } => self.rows.retain(|key, _| !(&from..&until).contains(&key)),
            }
        }
        Some(last)
    }

    /// What is found after a crash.
    pub fn read(&mut self) -> Recovered {
        self.given.clear();
        let kept = rows::read(self.rows.values().map(Vec::as_slice)).expect("rows read as they were written");
        kept.recovered.check().expect("a replica can start from what it wrote");
        assert_eq!(kept.recovered, self.expected, "the rows mean what the writes mean");
        kept.recovered
    }
}
