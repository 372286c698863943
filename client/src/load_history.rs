//! The latest measurements of the leader: one for each second, with the degradation level at that time.

use std::collections::VecDeque;
use std::time::Duration;

use shared::ledger::{Level, Load};

/// For how many seconds it is kept.
pub const KEPT_SECONDS: u64 = 180;
/// The second under way is kept, too.
const PLACES: u64 = KEPT_SECONDS + 1;
/// How many changes of the level are kept at the most.
const MAX_CHANGES: usize = 256;

/// What was measured in the last [`KEPT_SECONDS`], by the clock of this tab.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadHistory {
    /// A second, and how many numbers were asked for in it, at the place of its remainder; none in those that are
    /// missing. A window that lies in several seconds counts in each by its part.
    seconds: Vec<(u64, f64)>,
    /// Since when which level was taken, ascending. Invariant: at most [`MAX_CHANGES`].
    levels: VecDeque<(Duration, Level)>,
}

impl LoadHistory {
    /// A window has ended.
    pub fn measured(&mut self, now: Duration, load: &Load) {
        let length = f64::from(load.window_ms.max(1)) / 1000.0;
        let per_second = f64::from(load.asked) / length;
        let end = now.as_secs_f64();
        let oldest = now.as_secs().saturating_sub(KEPT_SECONDS);
        let first = (end - length).max(oldest as f64) as u64;
        for second in first..=now.as_secs() {
            let overlap = end.min(second as f64 + 1.0) - (end - length).max(second as f64);
            self.add(second, per_second * overlap.max(0.0));
        }
    }

    fn add(&mut self, second: u64, asked: f64) {
        self.seconds.resize(PLACES as usize, (0, 0.0));
        let place = &mut self.seconds[(second % PLACES) as usize];
        let so_far = if place.0 == second { place.1 } else { 0.0 };
        *place = (second, so_far + asked);
    }

    /// Another level was taken.
    pub fn began(&mut self, now: Duration, level: Level) {
        self.levels.push_back((now, level));
        if self.levels.len() > MAX_CHANGES {
            self.levels.pop_front();
        }
    }

    /// The level that was taken last.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.levels.back().map(|&(_, level)| level)
    }

    /// How many numbers were asked for in a second, since this tab was loaded.
    #[must_use]
    pub fn asked_in(&self, second: u64) -> f64 {
        let place = self.seconds.get((second % PLACES) as usize);
        place.filter(|place| place.0 == second).map_or(0.0, |place| place.1)
    }

    /// Since when which level was taken, ascending.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = (Duration, Level)> + '_ {
        self.levels.iter().copied()
    }
}
