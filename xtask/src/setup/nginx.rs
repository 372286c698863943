//! The nginx that the tests put in front of relays.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt;
use super::tools_dir::ToolsDir;
use crate::process::find_on_path;

const NGINX: &str = "nginx";

/// Where nginx is: that of this machine, or that of its distribution, unpacked.
pub fn ensure(dir: &ToolsDir) -> Result<PathBuf> {
    if let Some(program) = find_on_path(NGINX) {
        return Ok(program);
    }
    let folder = dir
        .install(NGINX, "of-the-distribution", "a few seconds", |folder| Ok(apt::unpack(NGINX, folder)))
        .context("the tests need nginx on the PATH, or apt to get it")?;
    Ok(folder.join("usr/sbin").join(NGINX))
}
