//! Agreement beside its peers.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::Result;

use super::{MANIFEST, TARGET, document, machine, versions};
use crate::process::{announced, output_of, run};
use crate::setup::Etcd;
use crate::workspace::{Profile, cargo, cargo_build_relay, relay_binary};

/// The peers that run in one process.
const PEERS: [&str; 2] = ["omnipaxos", "openraft"];

/// Measures agreement in one process, through disks and when the leader is killed, writes the tables into the document,
/// and prints them.
pub fn agree() -> Result<()> {
    document::check("agree")?;
    let etcd = Etcd::ensure()?;
    // Where there is no page yet, Cargo would build the relay anew every time.
    fs::create_dir_all("dist")?;
    announced("Building the relay (about 2 minutes when nothing is built yet)", || {
        run(&mut cargo_build_relay(Profile::Release))
    })?;
    let tables = measure(etcd.as_ref())?;
    let etcd = etcd.map_or_else(|| Ok("no etcd".to_owned()), |etcd| etcd.version())?;
    let report = format!("{}\n\nPeers: {}, {etcd}\n\n{tables}", machine::described()?, versions(&PEERS)?);
    document::write("agree", &report)?;
    println!("\n{report}");
    Ok(())
}

/// Gives the tables.
fn measure(etcd: Option<&Etcd>) -> Result<String> {
    let data = Path::new(TARGET).join("data");
    fs::create_dir_all(&data)?;
    let mut bench = cargo("run");
    bench
        .args([MANIFEST, "--package=agree", "--release", "--locked", "--"])
        .args([data, relay_binary(Profile::Release)])
        .args(etcd.map(Etcd::program))
        .env("CARGO_TARGET_DIR", TARGET)
        .stderr(Stdio::inherit());
    announced("Measuring (about 3 minutes, and 3 more when nothing is built yet)", || output_of(&mut bench))
}
