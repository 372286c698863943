//! Everything that must hold: formatting, lints, and the tests of every kind.

mod cargo_test;
mod report;
mod step;

use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;

use self::report::Report;
pub use self::step::Step;
use crate::page;
use crate::process::run as run_command;
use crate::setup::{Axe, Browser, Clients, Deny, Tools};
use crate::workspace::{self, Profile, WASM_TARGET, cargo, cargo_build_relay, relay_binary};

/// Everything that runs in the page, with its features.
const WASM_PACKAGES: [&[&str]; 3] = [&["-p=frontend"], &["-p=client", "--features=client/web"], &["-p=shared"]];

/// Runs every step, or one alone, and sums up. Fails if anything failed or was skipped.
pub fn run(only: Option<Step>) -> Result<()> {
    let (tools, browser) = (Tools::ensure()?, Browser::ensure()?);
    let bench = Bench { tools, browser, clients: Clients::ensure()?, axe: Axe::ensure()?, deny: Deny::ensure()? };
    let steps = match &only {
        Some(step) => std::slice::from_ref(step),
        None => Step::value_variants(),
    };
    let mut report = Report::default();
    for &step in steps {
        report.add(step, || bench.execute(step));
    }
    print!("{report}");
    match report.failures() {
        0 => Ok(()),
        1 => bail!("one step failed"),
        count => bail!("{count} steps failed"),
    }
}

/// What the steps work with.
struct Bench {
    tools: Tools,
    browser: Browser,
    clients: Clients,
    axe: Axe,
    deny: Deny,
}

impl Bench {
    fn execute(&self, step: Step) -> Result<()> {
        match step {
            Step::Fmt => run_command(cargo("fmt").args(["--all", "--check"])),
            Step::Deny => run_command(&mut self.deny.command()),
            Step::Clippy => {
                run_command(&mut clippy(cargo("clippy"), &["--workspace", "--exclude", "frontend", "--all-targets"]))
            }
            // Apart: together, both would be built with voters, which no page has.
            Step::ClippyWasm => WASM_PACKAGES.iter().try_for_each(|package| {
                let what = [&package[..], &["--target", WASM_TARGET]].concat();
                run_command(&mut clippy(self.wasm_cargo("clippy")?, &what))
            }),
            Step::Page => self.page(),
            Step::Native => native_tests(),
            Step::Legacy => self.legacy_tests(),
            Step::Mutations => mutation_tests(),
            Step::Wasm => self.wasm_tests(),
            Step::Relay => run_command(&mut cargo_build_relay(Profile::Release)),
            Step::E2e => self.browser_tests(),
        }
    }

    fn wasm_cargo(&self, subcommand: &str) -> Result<Command> {
        let mut cargo = self.tools.command("cargo")?;
        cargo.arg(subcommand);
        Ok(cargo)
    }

    /// What makes the page small may be missing here; then its weight says nothing.
    fn page(&self) -> Result<()> {
        page::build(&self.tools, Profile::Release)?;
        if self.tools.has_wasm_opt && self.tools.has_std_sources { page::weight::check() } else { Ok(()) }
    }

    fn wasm_tests(&self) -> Result<()> {
        let mut cargo = self.wasm_cargo("test")?;
        cargo
            .args(WASM_PACKAGES.concat())
            .args(["--target", WASM_TARGET])
            .args(["--locked", "--no-fail-fast"])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
            .env("CHROMEDRIVER", &self.browser.chromedriver)
            .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", self.browser.write_capabilities()?);
        cargo_test::run(&mut cargo)
    }

    fn legacy_tests(&self) -> Result<()> {
        let Clients { python, python_path, openapi_path, node, node_modules, nginx } = &self.clients;
        cargo_test::run(
            cargo("test")
                .args(["-p=relay", "--test=clients", "--locked", "--no-fail-fast"])
                .env("DUET_PYTHON", python)
                .env("PYTHONPATH", python_path)
                .env("DUET_OPENAPI_PATH", openapi_path)
                .env("DUET_NODE", node)
                .env("DUET_NODE_MODULES", node_modules)
                .env("DUET_NGINX", nginx),
        )
    }

    fn browser_tests(&self) -> Result<()> {
        let relay = workspace::root().join(relay_binary(Profile::Release));
        cargo_test::run(
            cargo("test")
                .args(["-p=e2e", "--locked", "--no-fail-fast", "--", "--test-threads=1"])
                .env("DUET_RELAY", relay)
                .env("DUET_SCREENSHOTS", workspace::root().join("target/screenshots"))
                .env("DUET_AXE", &self.axe.script)
                .env("DUET_CHROMIUM", &self.browser.chromium)
                .env("DUET_CHROMEDRIVER", &self.browser.chromedriver),
        )
    }
}

/// The page's tests apart, as for [`Step::ClippyWasm`].
fn native_tests() -> Result<()> {
    let others = ["--workspace", "--exclude=frontend", "--exclude=e2e"];
    [&others[..], &["-p=frontend"]]
        .iter()
        .map(|packages| cargo_test::run(cargo("test").args(*packages).args(["--locked", "--no-fail-fast"])))
        // Both, whatever fails.
        .fold(Ok(()), Result::and)
}

/// By themselves: everything else is to be tested as it is used, without the feature.
fn mutation_tests() -> Result<()> {
    cargo_test::run(
        cargo("test").args(["-p=shared", "--features=mutations", "--test=mutations", "--test=model_check"]).args([
            "--locked",
            "--no-fail-fast",
            "--",
            "--nocapture",
            "the_simulator_notices",
            "the_model_notices",
        ]),
    )
}

fn clippy(mut cargo: Command, what: &[&str]) -> Command {
    cargo.args(what).args(["--locked", "--", "-D", "warnings"]);
    cargo
}
