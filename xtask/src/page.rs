//! The page: the frontend as WASM, in `dist/`.

pub mod weight;
mod words;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::process::{announced, run};
use crate::setup::Tools;
use crate::workspace::Profile;

/// Where Trunk puts the page.
const DIST: &str = "dist";
/// What the names of compressed files end in.
const BROTLI: &str = "br";
const GZIP: &str = "gz";

/// What `wasm-opt` is asked for; Trunk reads the same in `index.html`. The linker puts the stack at the lowest addresses, so
/// no value is in the first KiB of memory. In the order of their names, similar functions stand side by side, where brotli
/// finds them.
pub const WASM_OPT: [&str; 4] = ["-Oz", "--converge", "--low-memory-unused", "--reorder-functions-by-name"];

/// Builds the page with Trunk; as released, with each file compressed beside it.
pub fn build(tools: &Tools, profile: Profile) -> Result<()> {
    announced("Building the page (about 2 minutes when nothing is built yet)", || {
        // Everything is downloaded here, so that Trunk can be told to download nothing.
        let mut fetch = tools.command("cargo")?;
        fetch.args(["fetch", "--locked", "--quiet"]);
        let mut trunk = tools.command("trunk")?;
        if profile == Profile::Release {
            release_settings(tools, &mut fetch);
            release_settings(tools, &mut trunk);
        }
        run(&mut fetch).context("cannot download the dependencies")?;
        trunk
            .args(["build", "--locked", "--offline", "--skip-version-check"])
            .args(optimisation(tools, profile))
            // Trunk takes the variable for a flag of its own, and its usual value for a mistake.
            .env_remove("NO_COLOR");
        run(&mut trunk)?;
        match profile {
            Profile::Debug => Ok(()),
            Profile::Release => {
                words::shorten(&Path::new(DIST).join("ru.json"))?;
                compress_all(Path::new(DIST))
            }
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
            let bytes = fs::read(&path)?;
            fs::write(path.with_added_extension(BROTLI), compressed(&bytes)?)?;
            fs::write(path.with_added_extension(GZIP), gzipped(&bytes)?)?;
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

fn gzipped(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// Makes Cargo, which `command` is or runs, build the standard library along with the page: for size, and without the
/// words and places of panics. Such a page stops at a panic without a word; a debug page says what it was.
///
/// A stable compiler does so only for whoever says that they know it may change.
pub fn release_settings(tools: &Tools, command: &mut Command) {
    if tools.has_std_sources {
        command
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
            .env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size")
            .env("CARGO_UNSTABLE_PANIC_IMMEDIATE_ABORT", "true")
            .env("CARGO_PROFILE_WASM_RELEASE_PANIC", "immediate-abort")
            // A page hashes one secret of 32 bytes: SHA-256 with its rounds in loops is fast enough, and smaller.
            .env(
                "RUSTFLAGS",
                "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none --cfg=sha2_backend_soft=\"compact\"",
            );
    }
}

/// Trunk runs `wasm-opt` with `--release` alone: without that tool, only the profile is asked for.
fn optimisation(tools: &Tools, profile: Profile) -> &'static [&'static str] {
    match profile {
        Profile::Debug => &[],
        Profile::Release if tools.has_wasm_opt => &["--release"],
        Profile::Release => &["--cargo-profile", "wasm-release"],
    }
}
