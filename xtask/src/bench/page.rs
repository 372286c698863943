//! The page: what it weighs, and how fast it is.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{MANIFEST, TARGET, document, machine, speed};
use crate::page::{self, weight};
use crate::process::{announced, run};
use crate::setup::Tools;
use crate::workspace::{Profile, WASM_TARGET, wasm_target_dir};
use weight::{Weight, in_groups};

/// Bytes in brotli at the most.
const GOAL_PAGE: u64 = 205_000;
const GOAL_ENGINE: u64 = 100_000;

/// The crate that is the engine alone.
const ENGINE: &str = "engine";

/// Builds the page and the engine alone as they are released, weighs them, measures the page in a browser, writes the table into the document, and prints
/// it.
pub fn page() -> Result<()> {
    document::check("page")?;
    let tools = Tools::ensure()?;
    page::build(&tools, Profile::Release)?;
    let engine = announced("Building the engine alone (about a minute)", || build_engine(&tools))?;
    let (sizes, speed) = (sizes(engine)?, speed::measure()?);
    let report = format!("{}\n\n{sizes}\n\n{}", machine::in_wasm(Some(&tools))?, speed.trim_end());
    document::write("page", &report)?;
    println!("\n{report}");
    Ok(())
}

/// Gives the weight of the engine alone, without the JavaScript that binds it.
fn build_engine(tools: &Tools) -> Result<Weight> {
    let mut cargo = tools.command("cargo")?;
    cargo.args(["build", MANIFEST, "--package", ENGINE, "--target", WASM_TARGET]);
    cargo.args(["--profile=wasm-release", "--locked"]);
    page::release_settings(tools, &mut cargo);
    run(&mut cargo)?;
    let library = wasm_target_dir().join(WASM_TARGET).join("wasm-release").join(ENGINE).with_extension("wasm");
    let folder = Path::new(TARGET).join(ENGINE);
    run(tools.command("wasm-bindgen")?.args(["--target=web", "--out-dir"]).args([&folder, &library]))?;
    let (bound, optimised) = (folder.join("engine_bg.wasm"), folder.join("engine.wasm"));
    run(tools.command("wasm-opt")?.args(page::WASM_OPT).arg(bound).arg("-o").arg(&optimised))?;
    let bytes = fs::read(optimised)?;
    Ok(Weight { raw: bytes.len() as u64, brotli: page::compressed(&bytes)?.len() as u64 })
}

fn sizes(engine: Weight) -> Result<String> {
    let page = weight::of_page()?;
    let row = |what: &str, Weight { raw, brotli }, goal: &str| {
        format!("| {what} | {} B | {} B | {goal} |\n", in_groups(raw), in_groups(brotli))
    };
    let against = |goal, weight: Weight| {
        let met = if weight.brotli <= goal { "met" } else { "missed" };
        format!("≤ {} B: {met}", in_groups(goal))
    };
    let mut table = "| what | raw | brotli, as it is sent | goal |\n|---|---|---|---|\n".to_owned();
    for (kind, &weight) in &page {
        table += &row(kind, weight, "");
    }
    let total = weight::total(&page);
    table += &row("the page: all of these", total, &against(GOAL_PAGE, total));
    table += &row("the engine alone", engine, &against(GOAL_ENGINE, engine));
    Ok(table.trim_end().to_owned())
}
