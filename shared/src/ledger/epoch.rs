//! Epochs: how numbers are given for a while, and why.

use serde::{Deserialize, Serialize};

use super::numbers::MAX_RANGE;
use super::operation::Rejection;
use crate::consensus::Slot;

/// How a replica comes by a number. Each level asks less of the log than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The log decides on each number; what comes at one time is decided together.
    #[default]
    Batching,
    /// Replicas lease ranges, and give numbers out of them by themselves.
    Leases,
    /// What no lease covers is chosen without the log, and is provisional.
    Provisional,
    /// No more numbers are given until those that are provisional are settled.
    Shedding,
}

/// Whether numbers are decided by the log at once. It changes routing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    Hybrid,
    CrdtOnly,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Batching, Level::Leases, Level::Provisional, Level::Shedding];

    #[must_use]
    pub fn mode(self) -> Mode {
        if self < Level::Provisional { Mode::Hybrid } else { Mode::CrdtOnly }
    }

    /// Whether the log has room for settling what is provisional.
    #[must_use]
    pub fn settles(self) -> bool {
        self != Level::Provisional
    }

    #[must_use]
    pub fn up(self) -> Level {
        Level::ALL[(self as usize + 1).min(Level::ALL.len() - 1)]
    }

    #[must_use]
    pub fn down(self) -> Level {
        Level::ALL[(self as usize).saturating_sub(1)]
    }
}

/// Why an epoch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The room did.
    #[default]
    Founded,
    /// More was asked for than the settings allow, in more than one window.
    Load,
    /// It has been quiet for long enough.
    Calm,
    /// Somebody wanted it. Load changes nothing more until somebody wants that again.
    ByHand,
    /// Somebody wants load to decide again.
    Resumed,
}

/// What is measured in one window, by the leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Load {
    /// How long the window was, in milliseconds.
    pub window_ms: u32,
    /// How many numbers were asked for.
    pub requests: u32,
    /// For how long the oldest claim has been waiting at its end, in milliseconds.
    pub waiting_ms: u32,
    /// The time from a claim's coming to its decision, which 99 of 100 kept to, in milliseconds.
    pub p99_ms: u32,
    /// How many provisional claims are not settled.
    pub unsettled: u32,
}

/// A time during which numbers are given in one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted up with each change.
    pub number: u64,
    pub level: Level,
    pub reason: Reason,
    /// What was measured when it began.
    pub load: Load,
    /// The slot that began it.
    pub since: Slot,
}

impl Epoch {
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.level.mode()
    }
}

/// What changes the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Step by step, there and back, by what is measured.
    Levels,
    /// From batching to provisional once more than `high_request` numbers were asked for in the epoch, and never back:
    /// the rule of the thesis that Duet comes from.
    Counter,
    /// Nothing but somebody's hand.
    Hand,
}

/// What becomes of a provisional claim whose number another record has.
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
    pub rule: Rule,
    /// How many numbers may be asked for in a window before it is a bad one.
    pub high_request: u32,
    /// How long a window is at the most, in milliseconds. One that has turned bad is over.
    pub window_ms: u32,
    /// How long a claim may wait before a window is a bad one, in milliseconds.
    pub target_ms: u32,
    /// For how many calm windows a level is kept.
    pub dwell: u32,
    /// The longest range that replicas lease by themselves; with 0 they lease none.
    pub lease_most: u32,
    /// With how many unsettled provisional claims no more numbers are given.
    pub shed_above: u32,
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
    /// # Errors
    /// [`Rejection::BadSetting`] for the first that is out of its bounds.
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

/// A setting that is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    HighRequest,
    WindowMs,
    TargetMs,
    Dwell,
    LeaseMost,
    ShedAbove,
}

impl Setting {
    pub const ALL: [Setting; 6] = [
        Setting::HighRequest,
        Setting::WindowMs,
        Setting::TargetMs,
        Setting::Dwell,
        Setting::LeaseMost,
        Setting::ShedAbove,
    ];

    /// The least and the most that it may be.
    #[must_use]
    pub fn bounds(self) -> (u32, u32) {
        match self {
            Setting::HighRequest => (1, 1_000_000),
            Setting::WindowMs => (20, 60_000),
            Setting::TargetMs => (1, 60_000),
            Setting::Dwell => (1, 10_000),
            Setting::LeaseMost => (0, MAX_RANGE),
            Setting::ShedAbove => (1, 10_000_000),
        }
    }

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

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Setting::HighRequest => "high_request",
            Setting::WindowMs => "window_ms",
            Setting::TargetMs => "target_ms",
            Setting::Dwell => "dwell",
            Setting::LeaseMost => "lease_most",
            Setting::ShedAbove => "shed_above",
        })
    }
}
