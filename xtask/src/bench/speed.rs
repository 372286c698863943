//! The page: how fast it is with ten thousand people.

use std::process::Stdio;

use anyhow::Result;

use crate::process::{announced, output_of, run};
use crate::setup::Browser;
use crate::workspace::{self, Profile, cargo, cargo_build_relay, relay_binary};

/// Measures the page in `dist/` in a real browser, at real relays. Gives a table.
pub fn measure() -> Result<String> {
    let browser = Browser::ensure()?;
    announced("Building the relay with the page in it (about 2 minutes when nothing is built yet)", || {
        run(&mut cargo_build_relay(Profile::Release))
    })?;
    let mut speed = cargo("run");
    speed
        .args(["--package=e2e", "--bin=speed", "--release", "--locked"])
        .env("DUET_RELAY", workspace::root().join(relay_binary(Profile::Release)))
        .env("DUET_CHROMIUM", &browser.chromium)
        .env("DUET_CHROMEDRIVER", &browser.chromedriver)
        .stderr(Stdio::inherit());
    announced("Measuring how fast the page is (about a minute)", || output_of(&mut speed))
}
