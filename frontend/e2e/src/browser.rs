//! One ChromeDriver, and a Chromium of its own for each tab: a tab in the background would be slowed down.

use std::process::Stdio;

use anyhow::{Context, Result};
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::tab::Tab;
use crate::{free_port, path_from_env, wait_for};

/// Size of the window, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub width: u32,
    pub height: u32,
}

impl Window {
    pub const DESKTOP: Window = Window { width: 1280, height: 900 };
    pub const PHONE: Window = Window { width: 390, height: 844 };
}

/// The driver, stopped when dropped.
pub struct Browser {
    address: String,
    /// Ends the driver when dropped.
    _driver: Child,
    profiles: TempDir,
    opened: u32,
}

impl Browser {
    /// # Errors
    /// If the driver does not start.
    pub async fn start() -> Result<Self> {
        let port = free_port()?;
        let driver = Command::new(path_from_env("DUET_CHROMEDRIVER")?)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting ChromeDriver")?;
        let profiles = TempDir::new().context("a folder for the browser's profiles")?;
        let address = format!("http://127.0.0.1:{port}");
        wait_for("ChromeDriver to come up", || async {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|error| error.to_string()))
        })
        .await?;
        Ok(Browser { address, _driver: driver, profiles, opened: 0 })
    }

    /// A tab on the page at `url`, once it is connected to a relay.
    ///
    /// # Errors
    /// If the browser does not start or the page does not connect.
    pub async fn open(&mut self, url: &str, window: Window) -> Result<Tab> {
        let tab = self.open_any(url, window).await?;
        tab.wait_until_connected().await?;
        Ok(tab)
    }

    /// A tab on any page.
    ///
    /// # Errors
    /// If the browser does not start.
    pub async fn open_any(&mut self, url: &str, window: Window) -> Result<Tab> {
        let client = self.new_client(window).await?;
        client.goto(url).await.with_context(|| format!("opening {url}"))?;
        Ok(Tab::new(client))
    }

    /// Another tab in the browser of `tab`, in a window of its own, on the page at `url`. It need not connect.
    ///
    /// # Errors
    /// If the window or the page cannot be opened.
    pub async fn open_beside(&self, tab: &Tab, url: &str) -> Result<Tab> {
        let window = tab.open_window().await?;
        let client = self.connect(json!({ "debuggerAddress": tab.debugger_address()? })).await?;
        client.switch_to_window(window).await?;
        client.goto(url).await.with_context(|| format!("opening {url}"))?;
        Ok(Tab::new(client))
    }

    async fn new_client(&mut self, Window { width, height }: Window) -> Result<Client> {
        self.opened += 1;
        let profile = self.profiles.path().join(self.opened.to_string());
        let options = json!({
            "binary": path_from_env("DUET_CHROMIUM")?,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                // Windows that others cover would be slowed down.
                "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
                "--disable-background-timer-throttling",
                "--hide-scrollbars", format!("--window-size={width},{height}"),
                format!("--user-data-dir={}", profile.display()),
            ],
            // Headless windows have a least width; emulation does not.
            "mobileEmulation": { "deviceMetrics": {
                "width": width, "height": height, "pixelRatio": 1.0, "touch": false, "mobile": false,
            } },
        });
        self.connect(options).await
    }

    async fn connect(&self, options: serde_json::Value) -> Result<Client> {
        let capabilities = Capabilities::from_iter([
            ("goog:chromeOptions".to_owned(), options),
            // The page warns before edits are lost; a test that ends does not want to talk about it.
            ("unhandledPromptBehavior".to_owned(), json!("accept")),
        ]);
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.address)
            .await
            .context("starting Chromium")
    }
}
