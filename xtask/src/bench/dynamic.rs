//! The dynamic method under load.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::Result;

use super::{MANIFEST, TARGET, document, machine};
use crate::process::{announced, output_of, run};
use crate::workspace::{Profile, cargo, cargo_build_relay, relay_binary};

/// Where the charts go.
const CHARTS: &str = "docs/reference";

/// Repeats the thesis's experiment, drives a burst, draws the charts, writes the tables into the document, and prints
/// them.
pub fn dynamic() -> Result<()> {
    document::check("dynamic")?;
    // Where there is no page yet, Cargo would build the relay anew every time.
    fs::create_dir_all("dist")?;
    announced("Building the relay (about 2 minutes when nothing is built yet)", || {
        run(&mut cargo_build_relay(Profile::Release))
    })?;
    let report = format!("{}\n\n{}", machine::described()?, measure()?);
    document::write("dynamic", &report)?;
    println!("\n{report}");
    Ok(())
}

/// Gives the tables.
fn measure() -> Result<String> {
    let data = Path::new(TARGET).join("data");
    fs::create_dir_all(&data)?;
    let mut bench = cargo("run");
    bench
        .args([MANIFEST, "--package=dynamic", "--release", "--locked", "--"])
        .args([data, relay_binary(Profile::Release), CHARTS.into()])
        .env("CARGO_TARGET_DIR", TARGET)
        .stderr(Stdio::inherit());
    announced("Measuring (about 5 minutes, and 1 more when nothing is built yet)", || output_of(&mut bench))
}
