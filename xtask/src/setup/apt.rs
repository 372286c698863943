//! Packages of Debian and its relatives.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::process::{announced, find_on_path, output_of, run_logged};

/// Whether packages can be installed here without asking for a password.
pub fn is_usable() -> bool {
    find_on_path("apt-get").is_some() && as_root("true").is_ok()
}

/// Installs packages, or brings them up to date.
pub fn install(title: &str, packages: &[&str], log: &Path) -> Result<()> {
    if find_on_path("apt-get").is_none() {
        let packages = packages.join(", ");
        bail!("there is no apt here to install {packages}: install them, or what they contain");
    }
    announced(title, || {
        run_logged(apt_get()?.arg("update"), log)?;
        let mut install = apt_get()?;
        install.args(["install", "--yes", "--no-install-recommends"]).args(packages);
        run_logged(&mut install, log)
    })
}

/// A command that unpacks a package into a folder. Nothing of it is installed, and no service of it is started.
pub fn unpack(package: &str, folder: &Path) -> Command {
    let script =
        "apt-get download \"$0\" || { apt-get update; apt-get download \"$0\"; }; dpkg -x ./*.deb . && rm ./*.deb";
    let mut shell = Command::new("sh");
    shell.args(["-ec", script, package]).current_dir(folder);
    shell
}

/// A command with the rights of root.
pub fn as_root(program: &str) -> Result<Command> {
    if output_of(Command::new("id").arg("-u"))? == "0" {
        return Ok(Command::new(program));
    }
    let mut sudo = Command::new("sudo");
    sudo.arg("-n");
    let asks_nothing = sudo.arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !asks_nothing {
        bail!("installing packages needs root: run this as root, or run `sudo -v` first");
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", program]);
    Ok(sudo)
}

fn apt_get() -> Result<Command> {
    // Through `env`, because sudo drops the variables of its caller.
    let mut command = as_root("env")?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(["--option", "DPkg::Lock::Timeout=300"]);
    Ok(command)
}
