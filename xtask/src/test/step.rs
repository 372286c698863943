//! The steps of `cargo xtask test`.

use std::fmt;

use clap::ValueEnum;

/// The steps, in their order.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// Formatting
    Fmt,
    /// Dependencies: bans, licences, sources
    Deny,
    /// Lints of everything native
    Clippy,
    /// Lints of everything that runs in the page
    ClippyWasm,
    /// The page, as released
    Page,
    /// Native tests
    Native,
    /// Programs at real relays: the clients of the system that Duet comes from, in Python and JavaScript, requests drawn
    /// from the OpenAPI document, and all of it through nginx
    Legacy,
    /// Tests with rules broken on purpose, which must be noticed
    Mutations,
    /// Tests of WASM code, in a headless browser
    Wasm,
    /// The relay, as released, with the page in it
    Relay,
    /// Whole flows: real relays, a real browser
    E2e,
}

impl Step {
    /// Returns the steps without which this one cannot work.
    pub fn needs(self) -> &'static [Step] {
        match self {
            Step::E2e => &[Step::Page, Step::Relay],
            _ => &[],
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
