//! Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014, §3).

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How far ahead of this replica's wall clock a received stamp may be, in milliseconds.
pub const MAX_DRIFT_MS: u64 = 60 * 60 * 1000;

/// A moment in hybrid logical time. Ordered so that an effect is always later than its cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Milliseconds since the Unix epoch.
    pub wall_ms: u64,
    /// Orders the stamps of one millisecond.
    pub logical: u32,
}

/// A stamp lies further in the future than clocks may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error(
    "the clock that stamped this edit is {ahead_ms} ms ahead of ours (at most {MAX_DRIFT_MS} ms are allowed): set it right and try again"
)]
pub struct ClockAhead {
    pub ahead_ms: u64,
}

/// The clock of one replica.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hlc {
    /// Invariant: never falls, whatever the wall clock does.
    latest: Stamp,
}

impl Hlc {
    /// A stamp for a new event: later than every stamp issued or observed before.
    pub fn tick(&mut self, wall_ms: u64) -> Stamp {
        self.latest = if wall_ms > self.latest.wall_ms {
            Stamp { wall_ms, logical: 0 }
        } else {
            match self.latest.logical.checked_add(1) {
                Some(logical) => Stamp { logical, ..self.latest },
                None => Stamp { wall_ms: self.latest.wall_ms.saturating_add(1), logical: 0 },
            }
        };
        self.latest
    }

    /// Whether a stamp may be taken in at `wall_ms`.
    ///
    /// # Errors
    /// [`ClockAhead`] beyond [`MAX_DRIFT_MS`]: taking it in would drag every clock of the room along.
    pub fn check(stamp: Stamp, wall_ms: u64) -> Result<(), ClockAhead> {
        let ahead_ms = stamp.wall_ms.saturating_sub(wall_ms);
        if ahead_ms > MAX_DRIFT_MS { Err(ClockAhead { ahead_ms }) } else { Ok(()) }
    }

    /// Takes in a stamp that [`Hlc::check`] has passed, or one read back from durable state.
    pub fn observe(&mut self, stamp: Stamp) {
        self.latest = self.latest.max(stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_rise_while_the_wall_clock_jumps_back_a_day() {
        let mut clock = Hlc::default();
        let before = clock.tick(90_000_000);
        let after = clock.tick(90_000_000 - 86_400_000);
        assert!(after > before);
        assert!(clock.tick(90_000_001) > after);
    }

    #[test]
    fn an_observed_stamp_precedes_the_next_own_one() {
        let mut clock = Hlc::default();
        let seen = Stamp { wall_ms: 5_000, logical: u32::MAX };
        clock.observe(seen);
        assert!(clock.tick(10) > seen);
    }

    #[test]
    fn a_stamp_beyond_the_drift_bound_is_refused_with_its_distance() {
        let stamp = Stamp { wall_ms: MAX_DRIFT_MS + 11, logical: 0 };
        assert_eq!(Hlc::check(stamp, 10), Err(ClockAhead { ahead_ms: MAX_DRIFT_MS + 1 }));
        assert_eq!(Hlc::check(stamp, 11), Ok(()));
    }
}
