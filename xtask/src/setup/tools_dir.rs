//! The folder of the installed tools: per user, outside every clone, shared by all of them.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{announced, run_logged};

/// The folder of the tools, which nobody else changes as long as this value lives.
pub struct ToolsDir {
    root: PathBuf,
    _lock: File,
}

impl ToolsDir {
    /// Opens the folder, after any other set-up that is under way.
    pub fn open() -> Result<Self> {
        let root = location()?;
        fs::create_dir_all(root.join("log")).with_context(|| format!("cannot create {}", root.display()))?;
        let lock = File::create(root.join("lock"))?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            println!("Waiting for another set-up to end");
            lock.lock()?;
        }
        Ok(Self { root, _lock: lock })
    }

    /// Where the output of a step goes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("log").join(format!("{name}.log"))
    }

    /// An empty folder to work in, for as long as this value lives.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.temporary().join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// The folder of a tool, which is installed by `command` if it is not there yet.
    ///
    /// The command fills another folder, which gets its name when it is whole: an interrupted
    /// set-up leaves nothing that the next one would take for finished.
    pub fn install(
        &self,
        tool: &str,
        version: &str,
        usual_time: &str,
        command: impl FnOnce(&Path) -> Result<Command>,
    ) -> Result<PathBuf> {
        let name = format!("{tool}-{version}");
        let folder = self.root.join(&name);
        if !folder.exists() {
            let title = format!("Installing {tool} {version} ({usual_time}, once per machine)");
            announced(&title, || {
                let unfinished = self.scratch(&name)?;
                run_logged(&mut command(&unfinished)?, &self.log(&name))?;
                Ok(fs::rename(&unfinished, &folder)?)
            })?;
        }
        Ok(folder)
    }

    /// Returns a command that builds a program from the package registry and installs it below `root`.
    pub fn cargo_install(&self, package: &str, version: &str, root: &Path) -> Result<Command> {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["install", "--locked", package, "--version", version])
            .arg("--root")
            .arg(root)
            .env("CARGO_TARGET_DIR", self.scratch("target")?);
        Ok(cargo)
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

impl Drop for ToolsDir {
    fn drop(&mut self) {
        // What remains costs space, not correctness: scratch folders are emptied before use.
        let _ = fs::remove_dir_all(self.temporary());
    }
}

fn location() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("DUET_TOOLS") {
        return std::path::absolute(&folder).context("DUET_TOOLS does not name a folder");
    }
    let cache = match env::var_os("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => {
            env::home_dir().context("there is no home folder for the tools: name one in DUET_TOOLS")?.join(".cache")
        }
    };
    Ok(cache.join("duet/tools"))
}
