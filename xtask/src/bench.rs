//! Duet beside its peers, as `bench/` measures it.

mod agree;
mod document;
mod dynamic;
mod hostile;
mod machine;
mod page;
mod speed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

pub use self::agree::agree;
pub use self::dynamic::dynamic;
pub use self::hostile::hostile;
pub use self::page::page;
use crate::process::{announced, find_on_path, output_of, run};
use crate::setup::Tools;
use crate::workspace::{WASM_TARGET, cargo, locked_version, wasm_target_dir};

/// The peers of the merge engine.
const PEERS: [&str; 3] = ["yrs", "loro", "automerge"];
const MANIFEST: &str = "--manifest-path=bench/Cargo.toml";
const TARGET: &str = "target/bench";
/// The program that measures in WASM.
const IN_WASM: &str = "in_wasm";

/// Measures the merge engine natively and in WASM, writes the table into the document, and prints it.
pub fn merge() -> Result<()> {
    document::check("merge")?;
    let tools = tools_for_node()?;
    let times_in_wasm = tools.as_ref().map(measure_in_wasm).transpose()?;
    let table = measure_natively(times_in_wasm.as_deref())?;
    let (machine, in_wasm) = (machine::described()?, machine::in_wasm(tools.as_ref())?);
    let report = format!("{machine}; {in_wasm}\n\nPeers: {}\n\n{table}", versions(&PEERS)?);
    document::write("merge", &report)?;
    println!("\n{report}");
    Ok(())
}

/// What building for node needs, if there is a node.
fn tools_for_node() -> Result<Option<Tools>> {
    if find_on_path("node").is_none() {
        println!("There is no node on this machine: the rows in WASM are left out");
        return Ok(None);
    }
    Tools::ensure().map(Some)
}

/// Gives the file with the times.
fn measure_in_wasm(tools: &Tools) -> Result<PathBuf> {
    let program = announced("Building for WASM (about 4 minutes when nothing is built yet)", || build_for_node(tools))?;
    let times = announced("Measuring in WASM (about half a minute)", || {
        output_of(Command::new("node").arg(program).stderr(Stdio::inherit()))
    })?;
    fs::create_dir_all(TARGET)?;
    let file = Path::new(TARGET).join(IN_WASM).with_extension("txt");
    fs::write(&file, times)?;
    Ok(file)
}

/// Gives the script that node runs.
fn build_for_node(tools: &Tools) -> Result<PathBuf> {
    let mut cargo = tools.command("cargo")?;
    cargo.args(["build", MANIFEST, "--bin", IN_WASM, "--target", WASM_TARGET]).args(["--release", "--locked"]);
    run(&mut cargo)?;
    let binary = wasm_target_dir().join(WASM_TARGET).join("release").join(IN_WASM).with_extension("wasm");
    let folder = Path::new(TARGET).join("node");
    run(tools.command("wasm-bindgen")?.args(["--target=nodejs", "--out-dir"]).args([&folder, &binary]))?;
    Ok(folder.join(IN_WASM).with_extension("js"))
}

/// Gives the table.
fn measure_natively(times_in_wasm: Option<&Path>) -> Result<String> {
    let mut bench = cargo("run");
    bench
        .args([MANIFEST, "--bin=bench", "--release", "--locked", "--", "merge"])
        .args(times_in_wasm)
        .env("CARGO_TARGET_DIR", TARGET)
        .stderr(Stdio::inherit());
    announced("Measuring natively (about 2 minutes, and 2 more when nothing is built yet)", || output_of(&mut bench))
}

/// Peers and their versions.
fn versions(peers: &[&str]) -> Result<String> {
    let versions = peers.iter().map(|peer| Ok(format!("{peer} {}", locked_version("bench/Cargo.lock", peer)?)));
    let versions: Vec<_> = versions.collect::<Result<_>>()?;
    Ok(versions.join(", "))
}
