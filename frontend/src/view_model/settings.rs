//! The settings of the dynamic method, as somebody types them.

use client::types::text::parse_count;
use client::types::{Dynamic, OnCollision, Rule, Setting};

use crate::tr;

/// What the field is called.
#[must_use]
pub fn label(setting: Setting) -> String {
    match setting {
        Setting::HighRequest => tr!("High load"),
        Setting::WindowMs => tr!("Window"),
        Setting::TargetMs => tr!("Longest wait"),
        Setting::Dwell => tr!("Calm before a step back"),
        Setting::LeaseMost => tr!("Longest lease"),
        Setting::ShedAbove => tr!("Shed above"),
    }
}

#[must_use]
pub fn unit(setting: Setting) -> String {
    match setting {
        Setting::HighRequest => tr!("requests in a window"),
        Setting::WindowMs | Setting::TargetMs => tr!("ms"),
        Setting::Dwell => tr!("windows"),
        Setting::LeaseMost => tr!("numbers"),
        Setting::ShedAbove => tr!("provisional numbers"),
    }
}

#[must_use]
pub fn hint(setting: Setting) -> String {
    match setting {
        Setting::HighRequest => tr!("More than that, twice in a row, and the next step is taken."),
        Setting::WindowMs => tr!("For how long requests are counted."),
        Setting::TargetMs => tr!("A window in which somebody waits longer is a bad one."),
        Setting::Dwell => tr!("So many calm windows, and a little more by chance, lead one step back."),
        Setting::LeaseMost => tr!("The most that is set aside for a tab or a relay at a time."),
        Setting::ShedAbove => tr!("With more than that unsettled, no new numbers are given."),
    }
}

/// What somebody typed, if the ledger would take it.
fn parse(setting: Setting, typed: &str) -> Result<u32, String> {
    let (least, most) = setting.bounds();
    let value =
        parse_count(typed).and_then(|count| count.try_into().ok()).filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| {
        let (setting, unit) = (label(setting), unit(setting));
        tr!(
            "{setting} is {least} to {most} {unit}, in digits.",
            setting = setting,
            least = least,
            most = most,
            unit = unit
        )
    })
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
            typed: Setting::ALL.map(|setting| setting.of(dynamic).to_string()),
        }
    }

    #[must_use]
    pub fn text(&self, setting: Setting) -> &str {
        &self.typed[setting as usize]
    }

    pub fn set(&mut self, setting: Setting, text: String) {
        self.typed[setting as usize] = text;
    }

    /// What is wrong with what was typed for this one.
    #[must_use]
    pub fn problem(&self, setting: Setting) -> Option<String> {
        parse(setting, self.text(setting)).err()
    }

    /// The settings, if nothing is wrong with any.
    #[must_use]
    pub fn settings(&self) -> Option<Dynamic> {
        let mut dynamic = Dynamic { rule: self.rule, on_collision: self.on_collision, ..Dynamic::default() };
        for setting in Setting::ALL {
            setting.set(&mut dynamic, parse(setting, self.text(setting)).ok()?);
        }
        Some(dynamic)
    }
}
