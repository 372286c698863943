//! The set-up: whatever Duet needs beside Rust itself, pinned, and installed once per user.

mod apt;
mod axe;
mod browser;
mod clients;
mod debian_wasm;
mod deny;
mod etcd;
mod nginx;
mod std_sources;
mod tools_dir;
mod wasm_target;

use std::path::PathBuf;
use std::process::Command;
use std::{env, ffi::OsString};

use anyhow::Result;

pub use self::axe::Axe;
pub use self::browser::Browser;
pub use self::clients::Clients;
pub use self::deny::Deny;
pub use self::etcd::Etcd;
use self::tools_dir::ToolsDir;
use crate::process::find_on_path;
use crate::workspace;

const TRUNK: &str = "0.21.14";
/// The npm package with `wasm-opt`; its major version is also in `Trunk.toml`.
const BINARYEN: &str = "132.0.0";

/// What building the page and testing WASM code need.
pub struct Tools {
    folders: Vec<PathBuf>,
    toolchain: Option<&'static str>,
    /// Whether `wasm-opt` is there; without it the page is bigger, and nothing else.
    pub has_wasm_opt: bool,
    /// Whether the sources of the standard library are there; without them the page is bigger, and nothing else.
    pub has_std_sources: bool,
}

/// Installs what running and testing need, and says how to use it by hand.
pub fn everything() -> Result<()> {
    let tools = Tools::ensure()?;
    Browser::ensure()?;
    Clients::ensure()?;
    Axe::ensure()?;
    Deny::ensure()?;
    let folders = env::join_paths(&tools.folders)?;
    let toolchain = tools.toolchain.map(|name| format!("RUSTUP_TOOLCHAIN={name} ")).unwrap_or_default();
    println!("Everything is installed. To build and serve the page by hand:");
    println!("  export PATH=\"{}:$PATH\"", folders.display());
    println!("  {toolchain}CARGO_TARGET_DIR=target/wasm trunk serve");
    Ok(())
}

impl Tools {
    /// Installs the tools that are missing.
    pub fn ensure() -> Result<Self> {
        let dir = ToolsDir::open()?;
        let toolchain = wasm_target::ensure(&dir)?;
        let mut folders = vec![install_wasm_bindgen(&dir)?, install_trunk(&dir)?];
        let wasm_opt = install_wasm_opt(&dir)?;
        let has_wasm_opt = wasm_opt.is_some();
        folders.extend(wasm_opt);
        let has_std_sources = std_sources::ensure(toolchain, &dir)?;
        Ok(Self { folders, toolchain, has_wasm_opt, has_std_sources })
    }

    /// A command that finds the tools, and whose Cargo builds for WASM.
    pub fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(program);
        command.env("PATH", self.search_path()?).env("CARGO_TARGET_DIR", workspace::wasm_target_dir());
        if let Some(toolchain) = self.toolchain {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        Ok(command)
    }

    /// The user's `PATH`, behind the tools.
    fn search_path(&self) -> Result<OsString> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = self.folders.iter().cloned().chain(env::split_paths(&path));
        Ok(env::join_paths(folders)?)
    }
}

/// Installs the wasm-bindgen tools whose version the lock file names: they fit no other.
fn install_wasm_bindgen(dir: &ToolsDir) -> Result<PathBuf> {
    let version = &workspace::locked_version("Cargo.lock", "wasm-bindgen")?;
    let folder = dir.install("wasm-bindgen", version, "about 2 minutes", |target| {
        let mut cargo = dir.cargo_install("wasm-bindgen-cli", version, target)?;
        // It runs for a second per build: quick to compile beats quick to run.
        cargo
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        Ok(cargo)
    })?;
    Ok(folder.join("bin"))
}

fn install_trunk(dir: &ToolsDir) -> Result<PathBuf> {
    let folder = dir.install("trunk", TRUNK, "about 3 minutes", |target| {
        let mut cargo = dir.cargo_install("trunk", TRUNK, target)?;
        // Without its default features it cannot download tools by itself: they are here.
        cargo.args(["--no-default-features", "--debug"]).env("CARGO_PROFILE_DEV_DEBUG", "0");
        Ok(cargo)
    })?;
    Ok(folder.join("bin"))
}

/// Installs `wasm-opt` from npm, or warns that the page will be bigger.
fn install_wasm_opt(dir: &ToolsDir) -> Result<Option<PathBuf>> {
    if find_on_path("npm").is_none() {
        if !apt::is_usable() {
            println!("No npm here, so no wasm-opt: the page will be half as big again.");
            return Ok(None);
        }
        let title = "Installing npm (about a minute, once per machine)";
        apt::install(title, &["npm"], &dir.log("npm"))?;
    }
    let folder = dir.install("binaryen", BINARYEN, "a few seconds", |target| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(target).arg(format!("binaryen@{BINARYEN}"));
        Ok(npm)
    })?;
    Ok(Some(folder.join("node_modules/.bin")))
}
