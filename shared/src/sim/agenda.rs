//! What is about to happen, in the order of time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

/// The happenings to come. Of two at the same moment the one that was entered first comes first.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    entries: BinaryHeap<Entry<T>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry<T> {
    /// The moment in nanoseconds, above the number of the entry: one comparison tells which entry comes first.
    key: u128,
    happening: T,
}

impl<T> Entry<T> {
    fn at(&self) -> Duration {
        Duration::from_nanos((self.key >> u64::BITS) as u64)
    }
}

impl<T> Agenda<T> {
    pub(super) fn new() -> Self {
        Agenda { entries: BinaryHeap::new(), entered: 0 }
    }

    pub(super) fn enter(&mut self, at: Duration, happening: T) {
        self.entered += 1;
        let key = at.as_nanos() << u64::BITS | u128::from(self.entered);
        self.entries.push(Entry { key, happening });
    }

    /// Takes the next happening out, with its moment; `None` if nothing happens until `end`.
    pub(super) fn next_until(&mut self, end: Duration) -> Option<(Duration, T)> {
        if self.entries.peek()?.at() > end {
            return None;
        }
        self.entries.pop().map(|entry| (entry.at(), entry.happening))
    }
}

/// The heap has its greatest entry on top, so the earliest entry is the greatest.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}
