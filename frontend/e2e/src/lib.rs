//! What the browser tests drive: real relays as processes, and tabs in real Chromium.
//!
//! `cargo xtask test` sets the environment: `DUET_RELAY` is the built relay, `DUET_CHROMIUM` and `DUET_CHROMEDRIVER`
//! the browser and its driver, `DUET_AXE` the script of axe-core, `DUET_SCREENSHOTS` (optional) a folder for pictures.

pub mod browser;
pub mod faults;
pub mod many;
pub mod press;
pub mod relays;
pub mod room;
pub mod site;
pub mod stranger;
pub mod tab;
pub mod watching;
pub mod writer;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long anything that must happen may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to look.
const GLANCE: Duration = Duration::from_millis(25);

/// Waits until `look` finds something.
///
/// # Errors
/// If nothing was found within [`PATIENCE`]: says for what, and what was seen last.
pub async fn wait_for<T, F, Fut>(what: &str, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Result<T, String>>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match look().await? {
            Ok(found) => return Ok(found),
            Err(seen) if tokio::time::Instant::now() > deadline => {
                bail!("waited {PATIENCE:?} for {what}; last seen: {seen}")
            }
            Err(_) => tokio::time::sleep(GLANCE).await,
        }
    }
}

fn path_from_env(name: &str) -> Result<PathBuf> {
    let path =
        std::env::var_os(name).with_context(|| format!("{name} is not set: run `cargo xtask test --only e2e`"))?;
    Ok(path.into())
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
