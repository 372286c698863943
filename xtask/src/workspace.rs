//! The repository: where it is, what its lock file says, how its crates are built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// What Rust calls the machine that the page runs on.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// How the page and the relay are compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Debug,
    Release,
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

/// Where everything native is built, whatever the user's own Cargo settings say.
fn target_dir() -> PathBuf {
    root().join("target")
}

/// Where everything for WASM is built: apart from native code, because it may come from another
/// compiler, and two compilers in one directory undo each other's work.
pub fn wasm_target_dir() -> PathBuf {
    target_dir().join("wasm")
}

/// Cargo for native code.
pub fn cargo(subcommand: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg(subcommand).env("CARGO_TARGET_DIR", target_dir());
    cargo
}

/// Cargo that builds the relay; the page in `dist/` goes into it, so that is built first.
pub fn cargo_build_relay(profile: Profile) -> Command {
    let mut cargo = cargo("build");
    cargo.args(["--package", "relay", "--locked"]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    cargo
}

/// The program that [`cargo_build_relay`] makes, as seen from the root.
pub fn relay_binary(profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => "release",
    };
    Path::new("target").join(folder).join("relay")
}

/// The version of a dependency that a lock file names. The file is given as seen from the root.
pub fn locked_version(file: &str, package: &str) -> Result<String> {
    let lock = fs::read_to_string(root().join(file)).with_context(|| format!("cannot read {file}"))?;
    version_in_lock(&lock, package).with_context(|| format!("{file} does not name {package}"))
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines.next()?.strip_prefix("version = \"")?;
    Some(version.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_versions() {
        let lock = "[[package]]\nname = \"ab\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"a\"\nversion = \"0.2.129\"\n";
        assert_eq!(version_in_lock(lock, "a").as_deref(), Some("0.2.129"));
        assert_eq!(version_in_lock(lock, "b"), None);
    }
}
