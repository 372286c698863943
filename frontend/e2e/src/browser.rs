//! One ChromeDriver, and a Chromium of its own for each tab: a tab in the background would be slowed down.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
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

/// What a Chromium keeps on disk. It outlives its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile(u32);

/// The driver, stopped when dropped, with all of its Chromiums.
pub struct Browser {
    address: String,
    driver: Child,
    profiles: TempDir,
    opened: u32,
}

impl Drop for Browser {
    /// A test that has failed has not closed its tabs. Their Chromiums would outlive the driver, and slow down all others.
    fn drop(&mut self) {
        let group = self.driver.id().and_then(|id| i32::try_from(id).ok()).filter(|&id| id > 1);
        if let Some(group) = group {
            let _is_gone_already = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
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
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("starting ChromeDriver")?;
        let profiles = TempDir::new().context("a folder for the browser's profiles")?;
        let address = format!("http://127.0.0.1:{port}");
        wait_for("ChromeDriver to come up", || async {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|error| error.to_string()))
        })
        .await?;
        Ok(Browser { address, driver, profiles, opened: 0 })
    }

    /// A tab on the page at `url`, once it is connected to a relay.
    ///
    /// # Errors
    /// If the browser does not start or the page does not connect.
    pub async fn open(&mut self, url: &str, window: Window) -> Result<Tab> {
        let profile = self.new_profile();
        self.open_in(profile, url, window).await
    }

    /// A profile in which nothing was kept yet.
    pub fn new_profile(&mut self) -> Profile {
        self.opened += 1;
        Profile(self.opened)
    }

    /// The same as [`open`](Self::open), with what earlier tabs have kept.
    ///
    /// # Errors
    /// If the browser does not start or the page does not connect.
    pub async fn open_in(&mut self, profile: Profile, url: &str, window: Window) -> Result<Tab> {
        let tab = self.open_any_in(profile, url, window).await?;
        tab.wait_until_connected().await?;
        Ok(tab)
    }

    /// Kills the Chromium with a profile as `kill -9` does: it gets no chance to finish anything.
    ///
    /// # Errors
    /// If none runs.
    pub fn kill(&self, profile: Profile) -> Result<()> {
        let argument = format!("--user-data-dir={}", self.folder_of(profile).display());
        let processes = std::fs::read_dir("/proc").context("the processes of this machine")?;
        let ids = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse::<u32>().ok());
        let is_of_it = |id: &u32| {
            let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            command.split(|&byte| byte == 0).any(|part| part == argument.as_bytes())
        };
        let ids: Vec<String> = ids.filter(is_of_it).map(|id| id.to_string()).collect();
        ensure!(!ids.is_empty(), "no Chromium has {argument}");
        let killed = std::process::Command::new("kill").arg("-9").args(&ids).status().context("running kill")?;
        ensure!(killed.success(), "kill -9 {ids:?}: {killed}");
        Ok(())
    }

    /// A copy of a profile whose Chromium does not run, as a backup of the device would bring it back.
    ///
    /// # Errors
    /// If its files cannot be copied.
    pub fn copy(&mut self, profile: Profile) -> Result<Profile> {
        let copy = self.new_profile();
        let copied =
            std::process::Command::new("cp").arg("-a").args([profile, copy].map(|each| self.folder_of(each))).status();
        ensure!(copied.context("running cp")?.success(), "{profile:?} cannot be copied");
        Ok(copy)
    }

    fn folder_of(&self, Profile(profile): Profile) -> PathBuf {
        self.profiles.path().join(profile.to_string())
    }

    /// A tab on any page.
    ///
    /// # Errors
    /// If the browser does not start.
    pub async fn open_any(&mut self, url: &str, window: Window) -> Result<Tab> {
        let profile = self.new_profile();
        self.open_any_in(profile, url, window).await
    }

    /// A tab on any page, with what earlier tabs have kept.
    ///
    /// # Errors
    /// If the browser does not start.
    pub async fn open_any_in(&mut self, profile: Profile, url: &str, window: Window) -> Result<Tab> {
        let client = self.new_client(profile, window).await?;
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

    async fn new_client(&mut self, profile: Profile, Window { width, height }: Window) -> Result<Client> {
        let profile = self.folder_of(profile);
        let options = json!({
            "binary": path_from_env("DUET_CHROMIUM")?,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                // Windows that others cover would be slowed down.
                "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
                "--disable-background-timer-throttling",
                // A machine of another name, as a browser sees it.
                "--host-resolver-rules=MAP duet.test 127.0.0.1",
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
