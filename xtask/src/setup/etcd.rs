//! The etcd that Duet is measured beside.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::apt;
use super::tools_dir::ToolsDir;
use crate::process::{find_on_path, output_of};

const PROGRAM: &str = "etcd";
const PACKAGE: &str = "etcd-server";

/// A server of etcd.
pub struct Etcd(PathBuf);

impl Etcd {
    /// Takes the one of this machine, or the one of its distribution. There is none where there is no apt.
    pub fn ensure() -> Result<Option<Self>> {
        if let Some(program) = find_on_path(PROGRAM) {
            return Ok(Some(Etcd(program)));
        }
        if find_on_path("apt-get").is_none() {
            println!("There is neither etcd nor apt on this machine: the rows beside etcd are left out");
            return Ok(None);
        }
        let folder = ToolsDir::open()?
            .install(PACKAGE, "of-the-distribution", "a few seconds", |folder| Ok(apt::unpack(PACKAGE, folder)))?;
        Ok(Some(Etcd(folder.join("usr/bin").join(PROGRAM))))
    }

    pub fn program(&self) -> &Path {
        &self.0
    }

    /// Its name and version.
    pub fn version(&self) -> Result<String> {
        let says = output_of(Command::new(&self.0).arg("--version"))?;
        let version = version_in(&says).context("etcd does not say its version")?;
        Ok(format!("{PACKAGE} {version}"))
    }
}

fn version_in(says: &str) -> Option<&str> {
    says.lines().find_map(|line| line.strip_prefix("etcd Version: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcd_says_its_version() {
        assert_eq!(version_in("etcd Version: 3.4.23\nGit SHA: none\n"), Some("3.4.23"));
        assert_eq!(version_in(""), None);
    }
}
