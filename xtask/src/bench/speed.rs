//! The page: how fast it is with ten thousand people, and how it comes to a hundred thousand on a slow machine.

use std::process::Stdio;

use anyhow::Result;

use crate::process::{announced, output_of, run};
use crate::setup::Browser;
use crate::workspace::{self, Profile, cargo, cargo_build_relay, relay_binary};

/// Measures the page in `dist/` in a real browser, at real relays. Gives two tables.
pub fn measure() -> Result<String> {
    let browser = Browser::ensure()?;
    announced("Building the relay with the page in it (about 2 minutes when nothing is built yet)", || {
        run(&mut cargo_build_relay(Profile::Release))
    })?;
    let speed = announced("Measuring how fast the page is (about a minute)", || table(&browser, "speed"))?;
    let reload = announced("Measuring how it loads (about 5 minutes)", || table(&browser, "reload"))?;
    Ok(format!("{}\n\n{reload}", speed.trim_end()))
}

/// What one of the programs prints.
fn table(browser: &Browser, program: &str) -> Result<String> {
    let mut command = cargo("run");
    command
        .args(["--package=e2e", "--bin", program, "--release", "--locked"])
        .env("DUET_RELAY", workspace::root().join(relay_binary(Profile::Release)))
        .env("DUET_CHROMIUM", &browser.chromium)
        .env("DUET_CHROMEDRIVER", &browser.chromedriver)
        .stderr(Stdio::inherit());
    output_of(&mut command)
}
