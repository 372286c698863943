//! The page: the frontend as WASM, in `dist/`.

pub mod weight;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;

use crate::process::{announced, run};
use crate::setup::Tools;
use crate::workspace::{Profile, cargo};

/// Where Trunk puts the page.
const DIST: &str = "dist";
/// What the name of a compressed file ends in.
const BROTLI: &str = "br";

/// What `wasm-opt` is asked for; Trunk reads the same in `index.html`.
pub const WASM_OPT: [&str; 4] = ["-Oz", "--strip-debug", "--strip-producers", "--strip-target-features"];

/// Builds the page with Trunk; as released, with each file compressed beside it.
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
        run(&mut trunk)?;
        match profile {
            Profile::Debug => Ok(()),
            Profile::Release => compress_all(Path::new(DIST)),
        }
    })
}

/// Once here, and not in every relay for every tab: the highest quality takes seconds.
fn compress_all(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            compress_all(&path)?;
        } else {
            let mut name = path.clone().into_os_string();
            name.push(".");
            name.push(BROTLI);
            fs::write(name, compressed(&fs::read(&path)?)?)?;
        }
    }
    Ok(())
}

/// In brotli at the highest quality.
pub fn compressed(bytes: &[u8]) -> Result<Vec<u8>> {
    let highest = BrotliEncoderParams { quality: 11, lgwin: 24, size_hint: bytes.len(), ..Default::default() };
    let mut output = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut output, &highest)?;
    Ok(output)
}

/// Trunk runs `wasm-opt` with `--release` alone: without that tool, only the profile is asked for.
fn optimisation(tools: &Tools, profile: Profile) -> &'static [&'static str] {
    match profile {
        Profile::Debug => &[],
        Profile::Release if tools.has_wasm_opt => &["--release"],
        Profile::Release => &["--cargo-profile", "wasm-release"],
    }
}
