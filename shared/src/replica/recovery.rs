//! A replica that comes back from its disk in slices: a host whose one thread also shows things must not be busy for long.

use std::collections::BTreeMap;

use crate::base::dot::Dot;
use crate::base::id::RecordId;
use crate::merge::document::Packed;
use crate::replica::io::{Now, Recovered};

use super::{Config, Replica, View};

/// A replica that has its durable state, but for some of its records. It takes no input until it has all of them: of what
/// is in its context and not in its records it would say that it was removed.
#[derive(Debug)]
pub struct Recovery {
    replica: Replica,
}

impl Recovery {
    /// Begins with the durable state. Of its records there may be all, some or none.
    ///
    /// # Panics
    /// If no replica can have left this state: whoever reads it from a disk calls [`Recovered::check`] first.
    #[must_use]
    pub fn begin(config: Config, mut durable: Recovered, now: Now) -> Self {
        let records = std::mem::take(&mut durable.records);
        let mut recovery = Recovery { replica: Replica::without_records(config, durable, now) };
        for (record, versions) in records {
            recovery.add(now, record, versions);
        }
        recovery.replica.catch_up(now);
        recovery
    }

    /// Takes in a record that is not there yet, with its versions by the dots that name them.
    pub fn add(&mut self, now: Now, record: RecordId, versions: BTreeMap<Dot, Packed>) {
        let replica = &mut self.replica;
        if let Some(relay) = replica.role.relay_mut() {
            relay.folds.look_at(record, versions.len(), now.monotonic);
        }
        for packed in versions.values() {
            replica.core.clock.observe(packed.head(record).stamp, now.wall_ms);
        }
        replica.core.document.recover_record(record, versions.into_values().collect());
        replica.look_at_number(now, record);
        replica.recall_given(record);
    }

    /// The replica as far as it is recovered, for reading.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        self.replica.view()
    }

    /// The replica, which has all of its records now.
    #[must_use]
    pub fn finish(self) -> Replica {
        self.replica
    }
}

impl Replica {
    /// Applies what its disk says to be decided.
    fn catch_up(&mut self, now: Now) {
        self.reconfigured(now);
        self.retire_all();
        self.settle_claims(now);
        self.apply_decided(now);
        if let Some(tab) = self.role.tab_mut().filter(|tab| !tab.lost_numbers.is_empty()) {
            tab.orphanage.number_lost();
        }
        if !self.is_relay() {
            // What needs no witness is final also before a relay says so.
            self.release(now);
        }
        self.core.changes.take();
    }
}
