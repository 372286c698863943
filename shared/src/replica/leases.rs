//! The numbers that are leased to this replica, and how far it has given them.

use std::time::Duration;

use litemap::LiteMap;

use crate::base::id::ReplicaId;
use crate::ledger::{Ledger, Range};
use crate::replica::io::WriteOp;

/// The shortest range to ask for.
const LEAST: u32 = 16;
/// For how long a range should do.
const HORIZON: Duration = Duration::from_secs(2);
/// Over what time a rate is measured.
const SPAN: Duration = Duration::from_millis(250);

/// This replica's leases.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// The granted ranges: the last number of each, by its first.
    ranges: LiteMap<u64, u64>,
    /// The next number to give of each range that was begun. Invariant: behind every number that was given.
    cursors: LiteMap<u64, u64>,
    /// Every range that begins below is used up.
    open_from: u64,
    /// Invariant: the sum of what the ranges have left.
    left: u64,
    /// How many numbers the range had that was granted last.
    latest: u64,
    rate: Rate,
}

impl Leases {
    /// The leases that a ledger says to be those of `me`, as far used as `cursors` say.
    pub(super) fn recover(ledger: &Ledger, me: ReplicaId, cursors: LiteMap<u64, u64>) -> Self {
        let mut leases = Leases { cursors, ..Leases::default() };
        ledger.ranges().filter(|range| range.to == me).for_each(|range| leases.granted(range));
        leases
    }

    /// The ledger is another one, which may know of more leases.
    pub(super) fn follow(&mut self, ledger: &Ledger, me: ReplicaId) {
        let rate = std::mem::take(&mut self.rate);
        *self = Leases { rate, ..Leases::recover(ledger, me, std::mem::take(&mut self.cursors)) };
    }

    /// The log has granted a range to this replica.
    pub(super) fn granted(&mut self, Range { first, last, .. }: Range) {
        if self.ranges.insert(first, last).is_none() {
            self.left += (last + 1).saturating_sub(self.next_of(first));
            self.latest = last + 1 - first;
        }
    }

    fn next_of(&self, first: u64) -> u64 {
        self.cursors.get(&first).copied().unwrap_or(first)
    }

    /// A number that nobody else is ever given. `writes` must be durable before anybody hears of it.
    pub(super) fn take(&mut self, writes: &mut Vec<WriteOp>) -> Option<u64> {
        let open_from = self.ranges.find_index(&self.open_from).unwrap_or_else(|at| at);
        let mut open = self.ranges.as_slice()[open_from..].iter();
        let &(first, _) = open.find(|&&(first, last)| self.next_of(first) <= last)?;
        let number = self.next_of(first);
        self.open_from = first;
        self.cursors.insert(first, number + 1);
        self.left -= 1;
        writes.push(WriteOp::Cursor { first, next: number + 1 });
        Some(number)
    }

    /// How many numbers are left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// A number was asked of this replica.
    pub(super) fn asked(&mut self, now: Duration) {
        self.rate.count(now);
    }

    /// How many numbers to lease, if it is time for more: as many as are asked for in [`HORIZON`].
    pub(super) fn wants(&mut self, now: Duration, most: u32) -> Option<u32> {
        let wanted = self.rate.within(HORIZON, now);
        if wanted == 0 || most == 0 || self.left > self.latest / 2 {
            return None;
        }
        Some(u32::try_from(wanted).unwrap_or(u32::MAX).max(LEAST).min(most))
    }
}

/// How often something happens, by the last [`SPAN`] or two.
#[derive(Debug, Default)]
struct Rate {
    /// When the present span began, and the counts in it and in the one before.
    since: Duration,
    count: u64,
    before: u64,
}

impl Rate {
    fn count(&mut self, now: Duration) {
        self.turn(now);
        self.count += 1;
    }

    /// How often it happens in a time.
    fn within(&mut self, time: Duration, now: Duration) -> u64 {
        self.turn(now);
        if self.before + self.count == 0 {
            return 0;
        }
        let elapsed = SPAN + now.saturating_sub(self.since);
        let times = u128::from(self.before + self.count) * time.as_millis() / elapsed.as_millis();
        u64::try_from(times).unwrap_or(u64::MAX)
    }

    /// Begins another span, if this one is over.
    fn turn(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.since);
        if elapsed >= SPAN {
            self.before = if elapsed < 2 * SPAN { self.count } else { 0 };
            (self.since, self.count) = (now, 0);
        }
    }
}
