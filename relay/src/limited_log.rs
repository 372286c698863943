//! Warnings that strangers can cause as often as they like, and that must not fill the log.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

/// The shortest time between two lines of one kind.
const INTERVAL: Duration = Duration::from_secs(10);

/// One kind of warning. It writes the first one at once, and then one line at the end of each interval in which more came,
/// with their number and the last of them. Each kind is a `static` beside the code that warns.
#[derive(Debug)]
pub struct LimitedLog(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Whether an interval runs, in which nothing is written.
    is_quiet: bool,
    /// How many warnings came in the interval.
    withheld: u64,
    /// The last of them.
    last: String,
}

impl State {
    const NEW: State = State { is_quiet: false, withheld: 0, last: String::new() };

    /// Takes one more warning. Returns true if it is to be written, and an interval begins with it.
    fn take(&mut self, text: &str) -> bool {
        if self.is_quiet {
            self.withheld += 1;
            text.clone_into(&mut self.last);
        }
        !std::mem::replace(&mut self.is_quiet, true)
    }

    /// Ends an interval. Returns the line to write; another interval begins with it. `None` if nothing came.
    fn end_interval(&mut self) -> Option<String> {
        let withheld = std::mem::take(&mut self.withheld);
        self.is_quiet = withheld > 0;
        (withheld > 0).then(|| format!("{} ({withheld} like this in {} s)", self.last, INTERVAL.as_secs()))
    }
}

impl LimitedLog {
    pub const fn new() -> Self {
        LimitedLog(Mutex::new(State::NEW))
    }

    /// Writes a warning at once, or counts it for the line at the end of the interval. Called on the runtime.
    pub fn warn(&'static self, text: impl Display) {
        let text = text.to_string();
        if self.lock().take(&text) {
            warn!("{text}");
            tokio::spawn(self.write_withheld());
        }
    }

    async fn write_withheld(&self) {
        loop {
            sleep(INTERVAL).await;
            let due = self.lock().end_interval();
            match due {
                Some(line) => warn!("{line}"),
                None => return,
            }
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
        let mut state = State::NEW;
        assert!(state.take("a"));
        assert!((1..=1000).all(|at| !state.take(&format!("warning {at}"))));
        assert_eq!(state.end_interval().as_deref(), Some("warning 1000 (1000 like this in 10 s)"));
        assert!(!state.take("b"), "the line has begun another interval");
        assert!(state.end_interval().is_some());
        assert_eq!(state.end_interval(), None);
        assert!(state.take("c"));
    }
}
