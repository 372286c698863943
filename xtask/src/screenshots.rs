//! The pictures in `docs/screenshots`.

use anyhow::Result;

use crate::page;
use crate::process::run;
use crate::setup::{Browser, Tools};
use crate::workspace::{self, Profile, cargo, cargo_build_relay, relay_binary};

/// Builds what is to be seen, and takes a picture of every page.
pub fn take() -> Result<()> {
    let (tools, browser) = (Tools::ensure()?, Browser::ensure()?);
    page::build(&tools, Profile::Release)?;
    run(&mut cargo_build_relay(Profile::Release))?;
    run(cargo("run")
        .args(["-p=e2e", "--bin=screenshots", "--quiet", "--locked"])
        .env("DUET_RELAY", workspace::root().join(relay_binary(Profile::Release)))
        .env("DUET_SCREENSHOTS", workspace::root().join("docs/screenshots"))
        .env("DUET_CHROMIUM", &browser.chromium)
        .env("DUET_CHROMEDRIVER", &browser.chromedriver))
}
