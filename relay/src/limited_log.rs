//! Warnings that strangers can cause as often as they like, and that must not fill the log.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// The shortest time between two lines of one kind.
const INTERVAL: Duration = Duration::from_secs(10);

/// One kind of warning. It writes the first one at once, and after that one line per interval with a count. Each kind is
/// a `static` beside the code that warns.
#[derive(Debug)]
pub struct LimitedLog(Mutex<State>);

#[derive(Debug, PartialEq, Eq)]
struct State {
    /// Until when no line is written.
    quiet_until: Option<Instant>,
    /// How many warnings came since the last line and are not written.
    withheld: u64,
}

impl State {
    const NEW: State = State { quiet_until: None, withheld: 0 };

    /// Counts one more warning. Returns whether it is written, and how many before it were not; `None` if it is withheld.
    fn count(&mut self, now: Instant) -> Option<u64> {
        if self.quiet_until.is_some_and(|until| now < until) {
            self.withheld += 1;
            return None;
        }
        self.quiet_until = Some(now + INTERVAL);
        Some(std::mem::take(&mut self.withheld))
    }
}

impl LimitedLog {
    pub const fn new() -> Self {
        LimitedLog(Mutex::new(State::NEW))
    }

    /// Writes a warning, or counts it for the next line of this kind.
    pub fn warn(&self, text: impl Display) {
        let due = self.lock().count(Instant::now());
        match due {
            Some(0) => warn!("{text}"),
            Some(withheld) => warn!("{text} (and {withheld} more like this since the last line)"),
            None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_warning_is_written_at_once_and_later_ones_once_per_interval_with_a_count() {
        let start = Instant::now();
        let mut state = State::NEW;
        assert_eq!(state.count(start), Some(0));
        for at in 1..=1000 {
            assert_eq!(state.count(start + INTERVAL * at / 1001), None);
        }
        assert_eq!(state.count(start + INTERVAL), Some(1000));
        assert_eq!(state.count(start + INTERVAL * 3), Some(0));
    }
}
