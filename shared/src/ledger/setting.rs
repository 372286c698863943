//! The settings of the dynamic method that are numbers.

use serde::{Deserialize, Serialize};

use super::number::MAX_RANGE;

/// A setting that is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// [`Dynamic::high_request`], in numbers asked for.
    HighRequest,
    /// [`Dynamic::window_ms`], in milliseconds.
    WindowMs,
    /// [`Dynamic::target_ms`], in milliseconds.
    TargetMs,
    /// [`Dynamic::dwell`], in windows.
    Dwell,
    /// [`Dynamic::lease_most`], in numbers.
    LeaseMost,
    /// [`Dynamic::shed_above`], in provisional numbers.
    ShedAbove,
}

impl Setting {
    /// All settings, in the order of the fields of [`Dynamic`].
    pub const ALL: [Setting; 6] = [
        Setting::HighRequest,
        Setting::WindowMs,
        Setting::TargetMs,
        Setting::Dwell,
        Setting::LeaseMost,
        Setting::ShedAbove,
    ];

    /// The lowest and the highest value allowed, both inclusive.
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
