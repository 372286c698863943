//! The chart of the load: requests per second against the threshold, with the levels behind the line.

use std::time::Duration;

use client::load_history::{KEPT_SECONDS, LoadHistory};
use client::types::Level;

use super::dynamic::{level_name, mode_in_words};
use crate::{tr, trn};

/// How many whole seconds the chart shows.
pub const SHOWN_SECONDS: u64 = KEPT_SECONDS - 1;
/// The most that a scale without any load goes up to.
const LEAST_TOP: f64 = 10.0;

/// The load of the last minutes, ready to be drawn. Shares are of the width from the left, and of the height from the
/// bottom.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadChart {
    /// Requests in each second, the latest last.
    pub seconds: Vec<f64>,
    /// How many requests in a second are too many.
    pub threshold: f64,
    /// The upper end of the scale, in requests per second.
    pub top: f64,
    pub bands: Vec<Band>,
}

/// A time during which one level was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub level: Level,
    pub from: f64,
    pub until: f64,
}

/// What the crosshair shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub share: f64,
    pub text: String,
}

impl LoadChart {
    #[must_use]
    pub fn of(history: &LoadHistory, threshold: f64, now: Duration) -> Self {
        let end = now.as_secs();
        let seconds: Vec<_> = (0..SHOWN_SECONDS)
            .rev()
            .map(|ago| end.checked_sub(ago + 1).map_or(0.0, |second| history.asked_in(second)))
            .collect();
        let highest = seconds.iter().copied().fold(threshold, f64::max);
        LoadChart { top: round_up(highest * 1.1), bands: bands(history, end), seconds, threshold }
    }

    /// How far up a rate is drawn.
    #[must_use]
    pub fn height(&self, rate: f64) -> f64 {
        (rate / self.top).clamp(0.0, 1.0)
    }

    /// The rates to be named at the scale: none, half, all.
    #[must_use]
    pub fn ticks(&self) -> [f64; 3] {
        [0.0, self.top / 2.0, self.top]
    }

    fn share(&self, second: usize) -> f64 {
        second as f64 / (self.seconds.len() - 1) as f64
    }

    /// The line, in units of which the chart is `width` wide and `height` high.
    #[must_use]
    pub fn line(&self, width: u32, height: u32) -> String {
        let points = self.seconds.iter().enumerate().map(|(second, &rate)| {
            let (x, y) = (self.share(second) * f64::from(width), (1.0 - self.height(rate)) * f64::from(height));
            format!("{},{}", x.round() as u32, y.round() as u32)
        });
        points.collect::<Vec<_>>().join(" ")
    }

    /// The second that is nearest to a place in the chart.
    #[must_use]
    pub fn second_at(&self, share: f64) -> usize {
        (share.clamp(0.0, 1.0) * (self.seconds.len() - 1) as f64).round() as usize
    }

    #[must_use]
    pub fn reading(&self, second: usize) -> Reading {
        let second = second.min(self.seconds.len() - 1);
        let (share, rate) = (self.share(second), self.seconds[second]);
        let ago = self.seconds.len() - second;
        let level = self.bands.iter().find(|band| share >= band.from && share <= band.until).map(|band| band.level);
        let level = level.map_or_else(
            || tr!("not known here"),
            |level| format!("{}, {}", mode_in_words(level.mode()), level_name(level).to_lowercase()),
        );
        Reading {
            share,
            text: tr!(
                "{ago} s ago: {rate} requests/s of {most} · {level}",
                ago = ago,
                rate = figure(rate),
                most = figure(self.threshold),
                level = level
            ),
        }
    }

    /// For those who do not see the chart.
    #[must_use]
    pub fn summary(&self) -> String {
        let (latest, highest) =
            (self.seconds.last().copied().unwrap_or(0.0), self.seconds.iter().copied().fold(0.0, f64::max));
        let above = self.seconds.iter().filter(|&&rate| rate > self.threshold).count();
        let switches = self.bands.len().saturating_sub(1);
        tr!(
            "Requests per second in the last {minutes} minutes: {latest} now, {highest} at the most. Above the threshold \
             of {threshold} in {seconds}. The level changed {times}.",
            minutes = SHOWN_SECONDS.div_ceil(60),
            latest = figure(latest),
            highest = figure(highest),
            threshold = figure(self.threshold),
            seconds = trn!(above as u64, "{count} second", "{count} seconds"),
            times = trn!(switches as u64, "{count} time", "{count} times"),
        )
    }
}

fn bands(history: &LoadHistory, end: u64) -> Vec<Band> {
    let share = |at: f64| ((at - (end as f64 - SHOWN_SECONDS as f64)) / SHOWN_SECONDS as f64).clamp(0.0, 1.0);
    let starts: Vec<_> = history.levels().collect();
    let ends = starts.iter().skip(1).map(|(at, _)| share(at.as_secs_f64())).chain([1.0]);
    let bands =
        starts.iter().zip(ends).map(|(&(at, level), until)| Band { level, from: share(at.as_secs_f64()), until });
    bands.filter(|band| band.until > band.from).collect()
}

/// The next of 10, 20, 50, 100, 200, 500, …
fn round_up(rate: f64) -> f64 {
    let mut top = LEAST_TOP;
    for step in [2.0, 2.5, 2.0].into_iter().cycle() {
        // Whatever a relay tells, this ends.
        if top >= rate || !rate.is_finite() {
            break;
        }
        top *= step;
    }
    top
}

/// With one digit after the point, where it says something.
#[must_use]
pub fn figure(rate: f64) -> String {
    let tenths = (rate * 10.0).round() as u64;
    match (tenths / 10, tenths % 10) {
        (whole, tenth @ 1..) if whole < 10 => tr!("{whole}.{tenth}", whole = whole, tenth = tenth),
        _ => (rate.round() as u64).to_string(),
    }
}
