//! The page: the frontend as WASM, in `dist/`.

use anyhow::{Context, Result};

use crate::process::{announced, run};
use crate::setup::Tools;
use crate::workspace::{Profile, cargo};

/// Builds the page with Trunk.
pub fn build(tools: &Tools, profile: Profile) -> Result<()> {
    announced("Building the page (about 2 minutes when nothing is built yet)", || {
        // Everything is downloaded here, so that Trunk can be told to download nothing.
        run(cargo("fetch").args(["--locked", "--quiet"])).context("cannot download the dependencies")?;
        let mut trunk = tools.command("trunk")?;
        trunk
            .args(["build", "--locked", "--offline", "--skip-version-check"])
            .args(optimisation(tools, profile))
            // Trunk takes the variable for a flag of its own, and its usual value for a mistake.
            .env_remove("NO_COLOR");
        run(&mut trunk)
    })
}

/// Trunk runs `wasm-opt` with `--release` alone: without that tool, only the profile is asked for.
fn optimisation(tools: &Tools, profile: Profile) -> &'static [&'static str] {
    match profile {
        Profile::Debug => &[],
        Profile::Release if tools.has_wasm_opt => &["--release"],
        Profile::Release => &["--cargo-profile", "wasm-release"],
    }
}
