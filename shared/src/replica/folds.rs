//! When concurrent versions of a record are folded into one.
//!
//! Versions that stay side by side cost memory and time until somebody edits the record again. So the leader folds them
//! as soon as it is quiet around the record, or there are many. Only the leader: folds by several replicas would
//! themselves be concurrent.

use std::time::Duration;

use crate::base::id::RecordId;
use crate::base::sorted::SortedMap;

/// How long a record must have been left alone.
const QUIET: Duration = Duration::from_secs(1);
/// How many versions are too many to wait.
const MANY: usize = 64;

/// The records that have concurrent versions, with the time from which they may be folded.
#[derive(Debug, Default)]
pub(super) struct Folds {
    due: SortedMap<RecordId, Duration>,
}

impl Folds {
    /// A record has so many versions now.
    pub(super) fn look_at(&mut self, record: RecordId, versions: usize, now: Duration) {
        match versions {
            0 | 1 => self.due.remove(&record),
            2..MANY => self.due.insert(record, now + QUIET),
            _ => self.due.insert(record, now),
        };
    }

    /// When the first record may be folded.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.due.values().min().copied()
    }

    /// The records that may be folded.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<RecordId> {
        let due = self.due.iter().filter(|&(_, &at)| at <= now).map(|(&record, _)| record);
        let due: Vec<_> = due.collect();
        due.iter().for_each(|record| {
            self.due.remove(record);
        });
        due
    }
}
