//! Programs that use a relay from outside: the clients of the system that Duet comes from, Socket.IO in Python and in
//! JavaScript, what holds the HTTP API to its document, curl and jq for the examples of the documents, and the proxy that all of
//! them may have to come through.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::tools_dir::ToolsDir;
use super::{apt, nginx};
use crate::process::find_on_path;

const PYTHON: &str = "python3";
const PYTHON_SOCKETIO: &str = "5.18.1";
/// Draws requests from an OpenAPI document.
const SCHEMATHESIS: &str = "4.32.5";
const OPENAPI_SPEC_VALIDATOR: &str = "0.9.0";
const NODE: &str = "node";
const SOCKET_IO_CLIENT: &str = "4.8.4";

/// Two interpreters, and where each finds what it runs.
pub struct Clients {
    pub python: PathBuf,
    /// The folder of python-socketio.
    pub python_path: PathBuf,
    /// The folder of schemathesis and of the validator.
    pub openapi_path: PathBuf,
    pub node: PathBuf,
    /// The folder in which the folder of socket.io-client is.
    pub node_modules: PathBuf,
    pub nginx: PathBuf,
}

impl Clients {
    /// Installs what is missing.
    pub fn ensure() -> Result<Self> {
        let dir = ToolsDir::open()?;
        install_programs(&dir)?;
        let found = |program| find_on_path(program).with_context(|| format!("the tests need {program} on the PATH"));
        let python_path = dir.install("python-socketio", PYTHON_SOCKETIO, "a few seconds", |target| {
            Ok(pip(target, &[format!("python-socketio[client]=={PYTHON_SOCKETIO}")]))
        })?;
        let openapi_path = dir.install("schemathesis", SCHEMATHESIS, "half a minute", |target| {
            let validator = format!("openapi-spec-validator=={OPENAPI_SPEC_VALIDATOR}");
            Ok(pip(target, &[format!("schemathesis=={SCHEMATHESIS}"), validator]))
        })?;
        let folder = dir.install("socket.io-client", SOCKET_IO_CLIENT, "a few seconds", |target| Ok(npm(target)))?;
        let node_modules = folder.join("node_modules");
        let nginx = nginx::ensure(&dir)?;
        Ok(Self { python: found(PYTHON)?, python_path, openapi_path, node: found(NODE)?, node_modules, nginx })
    }
}

fn install_programs(dir: &ToolsDir) -> Result<()> {
    let has_npm = find_on_path("npm").is_some() && find_on_path(NODE).is_some();
    let has = |program: &str| find_on_path(program).is_some();
    let missing: Vec<&str> = [(has_pip(), "python3-pip"), (has_npm, "npm"), (has("curl"), "curl"), (has("jq"), "jq")]
        .iter()
        .filter(|(is_there, _)| !is_there)
        .map(|&(_, of)| of)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let title = format!("Installing {} (about a minute, once per machine)", missing.join(" and "));
    apt::install(&title, &missing, &dir.log("interpreters"))
        .context("the tests need Python with pip, Node.js with npm, curl and jq")
}

fn has_pip() -> bool {
    let mut pip = Command::new(PYTHON);
    pip.args(["-m", "pip", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    pip.status().is_ok_and(|status| status.success())
}

fn pip(target: &Path, packages: &[String]) -> Command {
    let mut pip = Command::new(PYTHON);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--target"])
        .arg(target)
        .args(packages)
        // Distributions guard their own packages; a folder of its own is none of them.
        .env("PIP_BREAK_SYSTEM_PACKAGES", "1");
    pip
}

fn npm(target: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"])
        .arg(target)
        .arg(format!("socket.io-client@{SOCKET_IO_CLIENT}"));
    npm
}
