//! Epochs: stretches of the log in which the degradation level does not change.

use serde::{Deserialize, Serialize};

use super::number::MAX_RANGE;
use super::rejection::Rejection;
use super::setting::Setting;
use crate::consensus::Slot;

/// The degradation level: how a replica comes by a number. Each level asks less of the log than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The log decides each number; requests that come at one time are decided together.
    #[default]
    Batching,
    /// Replicas lease ranges, and give numbers out of them by themselves.
    Leases,
    /// Replicas give numbers that no lease covers without the log. These numbers are provisional.
    Provisional,
    /// No more numbers are given until the provisional ones are settled.
    Shedding,
}

/// The mode of a room: whether the log decides numbers at once. It changes routing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// The log decides each number, or replicas give numbers out of leases.
    Hybrid,
    /// Numbers are given without the log. Those that no lease covers are provisional.
    CrdtOnly,
}

impl Level {
    /// All levels, from the least degraded to the most.
    pub const ALL: [Level; 4] = [Level::Batching, Level::Leases, Level::Provisional, Level::Shedding];

    /// Returns the mode that the level implies: `CrdtOnly` from `Provisional` on.
    #[must_use]
    pub fn mode(self) -> Mode {
        if self < Level::Provisional { Mode::Hybrid } else { Mode::CrdtOnly }
    }

    /// True if the log settles provisional numbers at this level.
    #[must_use]
    pub fn settles(self) -> bool {
        self != Level::Provisional
    }

    /// Returns the next level, which asks less of the log; the highest level stays.
    #[must_use]
    pub fn up(self) -> Level {
        Level::ALL[(self as usize + 1).min(Level::ALL.len() - 1)]
    }

    /// Returns the level before, which asks more of the log; the lowest level stays.
    #[must_use]
    pub fn down(self) -> Level {
        Level::ALL[(self as usize).saturating_sub(1)]
    }
}

/// Why an epoch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The room was founded.
    #[default]
    Founded,
    /// The load was too high for the level: too many numbers asked for, too long waits, or too many unsettled numbers.
    Load,
    /// The load was low for as many windows as the settings want.
    Calm,
    /// A user set the level. Load changes nothing until a user resumes.
    ByHand,
    /// A user wants load to decide again.
    Resumed,
}

/// The leader's measurements in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Load {
    /// How long the window was, in milliseconds.
    pub window_ms: u32,
    /// How many numbers were asked for. As JSON it keeps the name that programs know.
    #[serde(rename = "requests")]
    pub asked: u32,
    /// How long the oldest request has been waiting at the end of the window, in milliseconds.
    pub waiting_ms: u32,
    /// The 99th percentile of the time from the arrival of a request to its decision, in milliseconds.
    pub p99_ms: u32,
    /// How many provisional numbers are not settled.
    pub unsettled: u32,
}

/// A stretch of the log in which the degradation level does not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 0, one up with each change of the level.
    pub number: u64,
    /// The degradation level, which says how replicas come by numbers.
    pub level: Level,
    /// The reason why the epoch began.
    pub reason: Reason,
    /// The measurements that led to the epoch; zeros if none did.
    pub load: Load,
    /// The slot that began it.
    pub since: Slot,
}

impl Epoch {
    /// Returns the mode that the level of the epoch implies.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.level.mode()
    }
}

/// The rule that changes the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// The level goes up and down step by step, by the leader's measurements.
    Levels,
    /// To provisional once more than `high_request` HTTP requests of any kind have come to one relay in the epoch, and
    /// never back. This is the rule of the thesis that Duet comes from.
    Counter,
    /// Only users change the level.
    Hand,
}

/// The treatment of a provisional number that belongs to another record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnCollision {
    /// It gets the next number above the highest.
    Renumber,
    /// It gets none.
    Reject,
}

/// The settings of the dynamic method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dynamic {
    /// The rule by which the leader or a user changes the level.
    pub rule: Rule,
    /// How many numbers may be asked for in a window before it is bad.
    pub high_request: u32,
    /// The longest time of a window, in milliseconds. A window that has turned bad ends at once.
    pub window_ms: u32,
    /// How long a request may wait before a window is bad, in milliseconds.
    pub target_ms: u32,
    /// How many calm windows must pass before the level falls.
    pub dwell: u32,
    /// The longest range that a replica leases without being told to, in numbers; with 0 it leases none.
    pub lease_most: u32,
    /// The most unsettled provisional numbers at level `Provisional`: with more of them the room goes to `Shedding`.
    pub shed_above: u32,
    /// The treatment of a provisional number that collides, applied when the log settles it.
    pub on_collision: OnCollision,
}

impl Default for Dynamic {
    fn default() -> Self {
        Dynamic {
            rule: Rule::Levels,
            high_request: 50,
            window_ms: 1000,
            target_ms: 250,
            dwell: 10,
            lease_most: MAX_RANGE,
            shed_above: 100_000,
            on_collision: OnCollision::Renumber,
        }
    }
}

impl Dynamic {
    /// Checks that every setting is within its bounds.
    ///
    /// # Errors
    /// [`Rejection::BadSetting`] for the first setting that is out of its bounds.
    pub fn check(&self) -> Result<(), Rejection> {
        let is_out = |setting: &Setting| {
            let (least, most) = setting.bounds();
            !(least..=most).contains(&setting.of(self))
        };
        match Setting::ALL.into_iter().find(is_out) {
            Some(setting) => {
                let (least, most) = setting.bounds();
                Err(Rejection::BadSetting { setting, least, most })
            }
            None => Ok(()),
        }
    }
}

impl Setting {
    /// Reads the setting from `dynamic`.
    #[must_use]
    pub fn of(self, dynamic: &Dynamic) -> u32 {
        match self {
            Setting::HighRequest => dynamic.high_request,
            Setting::WindowMs => dynamic.window_ms,
            Setting::TargetMs => dynamic.target_ms,
            Setting::Dwell => dynamic.dwell,
            Setting::LeaseMost => dynamic.lease_most,
            Setting::ShedAbove => dynamic.shed_above,
        }
    }

    /// Writes the setting into `dynamic`. Does not check the bounds; [`Dynamic::check`] does.
    pub fn set(self, dynamic: &mut Dynamic, value: u32) {
        *match self {
            Setting::HighRequest => &mut dynamic.high_request,
            Setting::WindowMs => &mut dynamic.window_ms,
            Setting::TargetMs => &mut dynamic.target_ms,
            Setting::Dwell => &mut dynamic.dwell,
            Setting::LeaseMost => &mut dynamic.lease_most,
            Setting::ShedAbove => &mut dynamic.shed_above,
        } = value;
    }
}
