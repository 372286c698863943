//! The sources of the standard library, from which it is built for the page.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::tools_dir::ToolsDir;
use crate::process::{announced, output_of, run_logged};

/// Installs the sources for a toolchain, or for the one in use, where rustup may do so. Returns whether they are there.
pub fn ensure(toolchain: Option<&str>, dir: &ToolsDir) -> Result<bool> {
    if are_there(toolchain)? {
        return Ok(true);
    }
    if env::var_os("RUSTUP_AUTO_INSTALL").is_some_and(|value| value == "0") {
        println!("No sources of the standard library here: the page will be a third bigger.");
        return Ok(false);
    }
    announced("Adding the sources of the standard library (a few seconds, once per toolchain)", || {
        run_logged(Command::new("rustup").args(["component", "add", "rust-src"]), &dir.log("rustup"))
    })?;
    are_there(toolchain)
}

fn are_there(toolchain: Option<&str>) -> Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "sysroot"]).envs(toolchain.map(|name| ("RUSTUP_TOOLCHAIN", name)));
    let sysroot = output_of(&mut rustc)?;
    Ok(Path::new(&sysroot).join("lib/rustlib/src/rust/library/Cargo.lock").is_file())
}
