//! What the leader has measured lately, second by second, and the rung of the ladder at that time.

use std::collections::VecDeque;
use std::time::Duration;

use shared::ledger::{Load, Rung};

/// For how many seconds it is kept.
pub const KEPT_SECONDS: u64 = 180;
/// The second under way is kept, too.
const PLACES: u64 = KEPT_SECONDS + 1;
/// How many changes of the rung are kept at the most.
const MAX_CHANGES: usize = 256;

/// What was measured in the last [`KEPT_SECONDS`], by the clock of this tab.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadHistory {
    /// A second, and how many numbers were asked for in it, at the place of its remainder; none in those that are
    /// missing. A window that lies in several seconds counts in each by its part.
    seconds: Vec<(u64, f64)>,
    /// Since when which rung was taken, ascending. Invariant: at most [`MAX_CHANGES`].
    rungs: VecDeque<(Duration, Rung)>,
}

impl LoadHistory {
    /// A window has ended.
    pub fn measured(&mut self, now: Duration, load: &Load) {
        let length = f64::from(load.window_ms.max(1)) / 1000.0;
        let per_second = f64::from(load.requests) / length;
        let end = now.as_secs_f64();
        let oldest = now.as_secs().saturating_sub(KEPT_SECONDS);
        let first = (end - length).max(oldest as f64) as u64;
        for second in first..=now.as_secs() {
            let overlap = end.min(second as f64 + 1.0) - (end - length).max(second as f64);
            self.add(second, per_second * overlap.max(0.0));
        }
    }

    fn add(&mut self, second: u64, requests: f64) {
        self.seconds.resize(PLACES as usize, (0, 0.0));
        let place = &mut self.seconds[(second % PLACES) as usize];
        let so_far = if place.0 == second { place.1 } else { 0.0 };
        *place = (second, so_far + requests);
    }

    /// Another rung was taken.
    pub fn began(&mut self, now: Duration, rung: Rung) {
        self.rungs.push_back((now, rung));
        if self.rungs.len() > MAX_CHANGES {
            self.rungs.pop_front();
        }
    }

    /// The rung that was taken last.
    #[must_use]
    pub fn rung(&self) -> Option<Rung> {
        self.rungs.back().map(|&(_, rung)| rung)
    }

    /// How many numbers were asked for in a second, since this tab was loaded.
    #[must_use]
    pub fn requests_in(&self, second: u64) -> f64 {
        let place = self.seconds.get((second % PLACES) as usize);
        place.filter(|place| place.0 == second).map_or(0.0, |place| place.1)
    }

    /// Since when which rung was taken, ascending.
    pub fn rungs(&self) -> impl DoubleEndedIterator<Item = (Duration, Rung)> + '_ {
        self.rungs.iter().copied()
    }
}
