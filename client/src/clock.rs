//! The time as this page has it: the device's, unless a relay has shown that to be wrong.

use std::time::Duration;

/// By how much the wall clock may go wrong beside the monotonic one, in milliseconds, before it counts as set.
const SET_MS: u64 = 60_000;
/// How often a page takes a relay's word for it. Each time its clock only goes back.
const MOST_TIMES: u32 = 5;

/// A wall clock that may be set back beside the device's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// So much is the device's clock ahead, in milliseconds.
    back_ms: u64,
    /// The time at which this page was opened, by the device's clock as it was set when it was found to be wrong.
    opened_ms: u64,
    /// How often this clock was set back.
    times: u32,
}

impl Clock {
    /// The time, when the device says `wall_ms`.
    pub fn read(&mut self, wall_ms: u64, monotonic: Duration) -> u64 {
        if opened(wall_ms, monotonic).abs_diff(self.opened_ms) > SET_MS {
            // Somebody has set the device's clock since, or the device has slept: it may be right.
            self.back_ms = 0;
        }
        wall_ms.saturating_sub(self.back_ms)
    }

    /// Sets this clock back. Returns whether it does so.
    pub fn set_back(&mut self, by_ms: u64, wall_ms: u64, monotonic: Duration) -> bool {
        if self.times == MOST_TIMES {
            return false;
        }
        let now_ms = self.read(wall_ms, monotonic);
        self.back_ms = wall_ms - now_ms.saturating_sub(by_ms);
        self.opened_ms = opened(wall_ms, monotonic);
        self.times += 1;
        true
    }
}

/// The time at which this page was opened, by the device's clock as it is set now.
fn opened(wall_ms: u64, monotonic: Duration) -> u64 {
    wall_ms.saturating_sub(monotonic.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const OPENED_MS: u64 = 1_700_000_000_000;

    fn read(clock: &mut Clock, ahead_ms: u64, seconds: u64) -> u64 {
        clock.read(OPENED_MS + ahead_ms + seconds * 1000, Duration::from_secs(seconds))
    }

    #[test]
    fn a_clock_goes_by_the_device_until_that_is_found_to_be_wrong_and_again_once_it_is_set() {
        let mut clock = Clock::default();
        let ahead_ms = 2 * HOUR_MS;
        assert_eq!(read(&mut clock, ahead_ms, 10), OPENED_MS + ahead_ms + 10_000);
        assert!(clock.set_back(ahead_ms, OPENED_MS + ahead_ms + 10_000, Duration::from_secs(10)));
        assert_eq!(read(&mut clock, ahead_ms, 20), OPENED_MS + 20_000);
        assert_eq!(read(&mut clock, 0, 30), OPENED_MS + 30_000, "the device's clock was set right");
    }

    #[test]
    fn a_clock_is_set_back_in_steps_and_not_without_end() {
        let mut clock = Clock::default();
        let (wall_ms, later) = (OPENED_MS + 10_000, Duration::from_secs(10));
        for step in 1..=u64::from(MOST_TIMES) {
            assert!(clock.set_back(HOUR_MS, wall_ms, later));
            assert_eq!(clock.read(wall_ms, later), wall_ms - step * HOUR_MS);
        }
        assert!(!clock.set_back(HOUR_MS, wall_ms, later));
        let mut clock = Clock::default();
        assert!(clock.set_back(u64::MAX, wall_ms, later));
        assert_eq!(clock.read(wall_ms, later), 0);
    }
}
