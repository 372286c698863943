//! Which writes of a session go into the next transaction of its device: all that came while the last one was under way.
//! Pure.

use shared::replica::View;
use shared::replica::io::{WriteBatch, WriteId};
use shared::schema::Schema;

use crate::rows::{self, Change};

/// The writes of one replica that are not durable yet.
#[derive(Debug, Default)]
pub struct Writes {
    waiting: Vec<WriteBatch>,
    /// Whether a transaction is under way.
    is_busy: bool,
    /// The schema that the device has.
    schema: Option<Schema>,
}

impl Writes {
    /// None yet, to a device that has this schema.
    #[must_use]
    pub fn new(schema: Option<Schema>) -> Self {
        Writes { waiting: Vec::new(), is_busy: false, schema }
    }

    /// Adds what a session [has written](crate::session::Session::take_writes).
    pub fn add(&mut self, batches: Vec<WriteBatch>) {
        self.waiting.extend(batches);
    }

    /// Returns true if all that was added is durable.
    #[must_use]
    pub fn is_done(&self) -> bool {
        !self.is_busy && self.waiting.is_empty()
    }

    /// Returns what goes into the next transaction, and the last write in it; `None` while another one is under way, or if
    /// there is nothing to do. Every write that led to what `view` shows must have been added.
    pub fn begin(&mut self, view: &View<'_>) -> Option<(Vec<Change>, WriteId)> {
        if self.is_busy { None } else { self.begin_last(view) }
    }

    /// The same, where nothing comes after it. A device carries out transactions in their order, so that one may be under
    /// way.
    pub fn begin_last(&mut self, view: &View<'_>) -> Option<(Vec<Change>, WriteId)> {
        let last = self.waiting.last()?.id;
        let ops = self.waiting.drain(..).flat_map(|batch| batch.ops);
        let mut changes = rows::changes_of(ops, view.document());
        if self.schema.as_ref() != Some(view.schema()) {
            changes.push(rows::put_schema(view.schema()));
            self.schema = Some(view.schema().clone());
        }
        self.is_busy = true;
        Some((changes, last))
    }

    /// The transaction that was under way is durable.
    pub fn end(&mut self) {
        self.is_busy = false;
    }
}
