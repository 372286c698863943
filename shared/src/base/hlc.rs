//! Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014, §3).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::rules::{InForce, Rules};

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
    /// How far the stamp is ahead of this replica's wall clock, in milliseconds.
    pub ahead_ms: u64,
}

/// The clock of one replica.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hlc {
    /// Invariant: falls only if it lies more than [`MAX_DRIFT_MS`] ahead of the wall clock.
    latest: Stamp,
    /// Invariant: the latest of all stamps issued and seen, also of those that did not move this clock.
    furthest: Stamp,
}

impl Hlc {
    /// A stamp for a new event: later than every stamp issued or observed before, unless the wall clock was wrong then and
    /// is right now.
    pub fn tick(&mut self, wall_ms: u64) -> Stamp {
        let was_wrong = InForce::ignores(Self::check(self.latest, wall_ms).is_err());
        let is_past = wall_ms > self.latest.wall_ms || was_wrong;
        self.latest = if is_past {
            Stamp { wall_ms, logical: 0 }
        } else {
            match self.latest.logical.checked_add(1) {
                Some(logical) => Stamp { logical, ..self.latest },
                None => Stamp { wall_ms: self.latest.wall_ms.saturating_add(1), logical: 0 },
            }
        };
        self.furthest = self.furthest.max(self.latest);
        self.latest
    }

    /// Whether no stamp was issued or seen yet that a clock which is right could not have made at `wall_ms`.
    #[must_use]
    pub fn all_were_right(&self, wall_ms: u64) -> bool {
        Self::check(self.furthest, wall_ms).is_ok()
    }

    /// Whether a clock that is right could have made a stamp at `wall_ms`.
    ///
    /// # Errors
    /// [`ClockAhead`] beyond [`MAX_DRIFT_MS`].
    pub fn check(stamp: Stamp, wall_ms: u64) -> Result<(), ClockAhead> {
        let ahead_ms = stamp.wall_ms.saturating_sub(wall_ms);
        if ahead_ms > MAX_DRIFT_MS { Err(ClockAhead { ahead_ms }) } else { Ok(()) }
    }

    /// Takes in a stamp of somebody else, or one read back from durable state. One that does not pass [`Hlc::check`] does
    /// not move this clock: whoever made it has a wrong clock, and that must not be handed on.
    pub fn observe(&mut self, stamp: Stamp, wall_ms: u64) {
        if !InForce::ignores(Self::check(stamp, wall_ms).is_err()) {
            self.latest = self.latest.max(stamp);
        }
        self.furthest = self.furthest.max(stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_rise_while_the_wall_clock_jumps_back_by_less_than_an_hour() {
        let mut clock = Hlc::default();
        let before = clock.tick(90_000_000);
        let after = clock.tick(90_000_000 - MAX_DRIFT_MS);
        assert!(after > before);
        assert!(clock.tick(90_000_001) > after);
    }

    #[test]
    fn a_clock_that_was_far_ahead_is_right_again_at_once() {
        let mut clock = Hlc::default();
        clock.tick(90_000_000);
        assert_eq!(clock.tick(10), Stamp { wall_ms: 10, logical: 0 });
    }

    #[test]
    fn an_observed_stamp_precedes_the_next_own_one() {
        let mut clock = Hlc::default();
        let seen = Stamp { wall_ms: 5_000, logical: u32::MAX };
        clock.observe(seen, 5_000);
        assert!(clock.tick(10) > seen);
    }

    #[test]
    fn a_stamp_of_a_wrong_clock_does_not_move_this_one() {
        let mut clock = Hlc::default();
        clock.observe(Stamp { wall_ms: MAX_DRIFT_MS + 11, logical: 0 }, 10);
        assert_eq!(clock.tick(10), Stamp { wall_ms: 10, logical: 0 });
    }

    #[test]
    fn a_stamp_beyond_the_drift_bound_is_refused_with_its_distance() {
        let stamp = Stamp { wall_ms: MAX_DRIFT_MS + 11, logical: 0 };
        assert_eq!(Hlc::check(stamp, 10), Err(ClockAhead { ahead_ms: MAX_DRIFT_MS + 1 }));
        assert_eq!(Hlc::check(stamp, 11), Ok(()));
    }
}
