//! The check of dependencies: cargo-deny.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::tools_dir::ToolsDir;

const CARGO_DENY: &str = "0.20.2";

/// A program that compares the dependencies with `deny.toml`.
pub struct Deny(PathBuf);

impl Deny {
    /// Installs it if it is missing.
    pub fn ensure() -> Result<Self> {
        let dir = ToolsDir::open()?;
        let folder = dir.install("cargo-deny", CARGO_DENY, "about 2 minutes", |target| {
            // It runs for seconds: quick to compile beats quick to run. Its default features are for advisories, which
            // are not checked, since they need the network.
            let mut cargo = dir.cargo_install("cargo-deny", CARGO_DENY, target)?;
            cargo.args(["--no-default-features", "--debug"]).env("CARGO_PROFILE_DEV_DEBUG", "0");
            Ok(cargo)
        })?;
        Ok(Deny(folder.join("bin/cargo-deny")))
    }

    /// A command that checks which crates there are, under which licences and from where.
    pub fn command(&self) -> Command {
        let mut deny = Command::new(&self.0);
        deny.args(["--locked", "check", "bans", "licenses", "sources"]);
        deny
    }
}
