//! The Rust toolchain that compiles for WASM.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::debian_wasm;
use super::tools_dir::ToolsDir;
use crate::process::{announced, output_of, run_logged};
use crate::workspace::WASM_TARGET;

/// Installs the WASM target if it is missing. Returns the toolchain to use for it: `None` is the
/// one in use anyway.
pub fn ensure(dir: &ToolsDir) -> Result<Option<&'static str>> {
    if default_toolchain_has_it()? {
        return Ok(None);
    }
    // Whoever forbids rustup to download gets the packages of the distribution.
    if env::var_os("RUSTUP_AUTO_INSTALL").is_some_and(|value| value == "0") {
        debian_wasm::ensure(dir)?;
        return Ok(Some(debian_wasm::TOOLCHAIN));
    }
    announced("Adding the WASM target to Rust (a few seconds, once per toolchain)", || {
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", WASM_TARGET]);
        run_logged(&mut rustup, &dir.log("rustup")).with_context(|| format!("this Rust lacks the target {WASM_TARGET}"))
    })?;
    Ok(None)
}

fn default_toolchain_has_it() -> Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", WASM_TARGET]);
    let libraries = output_of(&mut rustc)?;
    Ok(Path::new(&libraries).is_dir())
}
