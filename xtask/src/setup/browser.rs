//! The browser that the tests drive.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt;
use super::tools_dir::ToolsDir;
use crate::process::find_on_path;
use crate::workspace;

const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const CHROMEDRIVER: &str = "chromedriver";

/// A Chromium, and the driver that belongs to it.
pub struct Browser {
    pub chromium: PathBuf,
    pub chromedriver: PathBuf,
}

impl Browser {
    /// Installs the browser if it is missing.
    pub fn ensure() -> Result<Self> {
        if let Some(browser) = Self::find() {
            return Ok(browser);
        }
        let log = ToolsDir::open()?.log("chromium");
        let title = "Installing Chromium and its driver (about a minute, once per machine)";
        apt::install(title, &["chromium", "chromium-driver"], &log)
            .context("the tests need chromium and chromedriver on the PATH")?;
        Self::find().context("chromium and chromedriver are installed, but not on the PATH")
    }

    fn find() -> Option<Self> {
        Some(Self {
            chromium: CHROMIUM.iter().find_map(|name| find_on_path(name))?,
            chromedriver: find_on_path(CHROMEDRIVER)?,
        })
    }

    /// Writes the capabilities that WASM tests ask their browser for. Returns the file.
    pub fn write_capabilities(&self) -> Result<PathBuf> {
        let file = workspace::wasm_target_dir().join("webdriver.json");
        fs::create_dir_all(workspace::wasm_target_dir())?;
        fs::write(&file, self.capabilities())?;
        Ok(file)
    }

    /// No sandbox, because Chromium refuses to run as root with one; and no business of its own.
    fn capabilities(&self) -> String {
        let binary = self.chromium.display();
        format!(
            r#"{{
  "goog:chromeOptions": {{
    "binary": "{binary}",
    "args": [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"
    ]
  }}
}}
"#
        )
    }
}
