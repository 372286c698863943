//! The settings of the dynamic method, as somebody types them.

use shared::ledger::{Dynamic, OnCollision, Rejection, Rule};

/// A setting that is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    HighRequest,
    WindowMs,
    TargetMs,
    Dwell,
    LeaseMost,
    ShedAbove,
}

impl Figure {
    pub const ALL: [Figure; 6] =
        [Figure::HighRequest, Figure::WindowMs, Figure::TargetMs, Figure::Dwell, Figure::LeaseMost, Figure::ShedAbove];

    /// What the field is called.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Figure::HighRequest => "High load",
            Figure::WindowMs => "Window",
            Figure::TargetMs => "Longest wait",
            Figure::Dwell => "Calm before a step back",
            Figure::LeaseMost => "Longest lease",
            Figure::ShedAbove => "Shed above",
        }
    }

    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Figure::HighRequest => "requests in a window",
            Figure::WindowMs | Figure::TargetMs => "ms",
            Figure::Dwell => "windows",
            Figure::LeaseMost => "numbers",
            Figure::ShedAbove => "provisional numbers",
        }
    }

    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Figure::HighRequest => "More than that, twice in a row, and the next step is taken.",
            Figure::WindowMs => "For how long requests are counted.",
            Figure::TargetMs => "A window in which somebody waits longer is a bad one.",
            Figure::Dwell => "So many calm windows, and a little more by chance, lead one step back.",
            Figure::LeaseMost => "The most that is set aside for a tab or a relay at a time.",
            Figure::ShedAbove => "With more than that unsettled, no new numbers are given.",
        }
    }

    #[must_use]
    pub fn of(self, dynamic: &Dynamic) -> u32 {
        match self {
            Figure::HighRequest => dynamic.high_request,
            Figure::WindowMs => dynamic.window_ms,
            Figure::TargetMs => dynamic.target_ms,
            Figure::Dwell => dynamic.dwell,
            Figure::LeaseMost => dynamic.lease_most,
            Figure::ShedAbove => dynamic.shed_above,
        }
    }

    fn of_mut(self, dynamic: &mut Dynamic) -> &mut u32 {
        match self {
            Figure::HighRequest => &mut dynamic.high_request,
            Figure::WindowMs => &mut dynamic.window_ms,
            Figure::TargetMs => &mut dynamic.target_ms,
            Figure::Dwell => &mut dynamic.dwell,
            Figure::LeaseMost => &mut dynamic.lease_most,
            Figure::ShedAbove => &mut dynamic.shed_above,
        }
    }

    /// What somebody typed, if the ledger would take it.
    fn parse(self, typed: &str) -> Result<u32, String> {
        let digits: String = typed.chars().filter(|letter| !letter.is_whitespace()).collect();
        let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let value = digits.parse().ok().filter(|_| is_plain);
        let mut dynamic = Dynamic::default();
        // Nothing is in bounds that is no number.
        *self.of_mut(&mut dynamic) = value.unwrap_or(u32::MAX);
        match (value, dynamic.check()) {
            (Some(value), Ok(())) => Ok(value),
            (_, Err(Rejection::BadSetting { least, most, .. })) => {
                Err(format!("{} is {least} to {most} {}, in digits.", self.label(), self.unit()))
            }
            _ => Err(format!("{} is a number, in digits.", self.label())),
        }
    }
}

/// The settings while they are being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsDraft {
    pub rule: Rule,
    pub on_collision: OnCollision,
    typed: [String; 6],
}

impl SettingsDraft {
    #[must_use]
    pub fn of(dynamic: &Dynamic) -> Self {
        SettingsDraft {
            rule: dynamic.rule,
            on_collision: dynamic.on_collision,
            typed: Figure::ALL.map(|figure| figure.of(dynamic).to_string()),
        }
    }

    #[must_use]
    pub fn text(&self, figure: Figure) -> &str {
        &self.typed[figure as usize]
    }

    pub fn set(&mut self, figure: Figure, text: String) {
        self.typed[figure as usize] = text;
    }

    /// What is wrong with what was typed for this one.
    #[must_use]
    pub fn problem(&self, figure: Figure) -> Option<String> {
        figure.parse(self.text(figure)).err()
    }

    /// The settings, if nothing is wrong with any.
    #[must_use]
    pub fn settings(&self) -> Option<Dynamic> {
        let mut dynamic = Dynamic { rule: self.rule, on_collision: self.on_collision, ..Dynamic::default() };
        for figure in Figure::ALL {
            *figure.of_mut(&mut dynamic) = figure.parse(self.text(figure)).ok()?;
        }
        Some(dynamic)
    }
}
