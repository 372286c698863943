//! What is about to happen, in the order of time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::world::Happening;

/// The happenings to come. Of two at the same moment the one that was entered first comes first.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    entries: BinaryHeap<Entry>,
    entered: u64,
}

#[derive(Debug)]
struct Entry {
    at: Duration,
    number: u64,
    happening: Happening,
}

impl Agenda {
    pub(super) fn enter(&mut self, at: Duration, happening: Happening) {
        self.entered += 1;
        self.entries.push(Entry { at, number: self.entered, happening });
    }

    /// Takes the next happening out, with its moment; `None` if nothing happens until `end`.
    pub(super) fn next_until(&mut self, end: Duration) -> Option<(Duration, Happening)> {
        if self.entries.peek()?.at > end {
            return None;
        }
        self.entries.pop().map(|entry| (entry.at, entry.happening))
    }
}

/// The heap has its greatest entry on top, so the earliest entry is the greatest.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
