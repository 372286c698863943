//! How fast an import may go: a relay cuts a tab that sends more than a thousand messages a second for long, and the tab
//! sends others, too.

use std::time::Duration;

/// So many messages at once, and so many a second after that; the relays allow 10,000 and 1000.
const BURST: f64 = 5000.0;
const PER_SECOND: f64 = 800.0;

/// A token bucket (Turner, "New directions in communications", 1986).
#[derive(Debug)]
pub(super) struct Pace {
    /// Below zero: what was sent in advance.
    left: f64,
    at: Duration,
}

impl Pace {
    pub(super) fn new(now: Duration) -> Self {
        Pace { left: BURST, at: now }
    }

    /// How long to wait before more is sent, if at all.
    pub(super) fn wait(&mut self, now: Duration) -> Option<Duration> {
        let earned = now.saturating_sub(self.at).as_secs_f64() * PER_SECOND;
        (self.left, self.at) = ((self.left + earned).min(BURST), now);
        (self.left <= 0.0).then(|| Duration::from_secs_f64((1.0 - self.left) / PER_SECOND))
    }

    pub(super) fn sent(&mut self, messages: usize) {
        self.left -= messages as f64;
    }
}
