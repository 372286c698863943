//! What finds obstacles on the page for people who do not see it, or use no mouse: axe-core.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::tools_dir::ToolsDir;

const AXE_CORE: &str = "4.14.1";
/// They name the version, and the hash that npm compares with what it was given.
const MANIFEST: &str = include_str!("axe/package.json");
const LOCK: &str = include_str!("axe/package-lock.json");

/// A script to be run in the page.
pub struct Axe {
    pub script: PathBuf,
}

impl Axe {
    /// Installs it if it is missing. Needs the npm that [`Clients`](super::Clients) install.
    pub fn ensure() -> Result<Self> {
        let folder = ToolsDir::open()?.install("axe-core", AXE_CORE, "a few seconds", npm)?;
        Ok(Axe { script: folder.join("node_modules/axe-core/axe.min.js") })
    }
}

fn npm(target: &Path) -> Result<Command> {
    fs::write(target.join("package.json"), MANIFEST)?;
    fs::write(target.join("package-lock.json"), LOCK)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(target);
    Ok(npm)
}
