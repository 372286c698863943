//! The commands of the README: `cargo xtask run`, `test`, `setup`, `screenshots`, `sim` and `bench`.

mod bench;
mod page;
mod process;
mod relays;
mod screenshots;
mod setup;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::workspace::Profile;

/// Sets up, runs and tests Duet.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install whatever running and testing need and this machine lacks
    Setup,
    /// Build the page and the relay, and run three relays until Ctrl-C
    Run {
        /// Build without optimisations: quicker to build, slower to use
        #[arg(long)]
        debug: bool,
        /// The port of relay 1; relays 2 and 3 take the next two
        #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u16).range(1..=65533))]
        base_port: u16,
    },
    /// Check formatting and lints, and run every test: native, WASM and browser
    Test {
        /// Run this step alone
        #[arg(long, value_name = "STEP")]
        only: Option<test::Step>,
    },
    /// Take the pictures in docs/screenshots: every page, of a small room
    Screenshots,
    /// Measure Duet beside its peers, and write the figures into docs/reference/benchmarks.md
    Bench { what: Bench },
    /// Run seeds of the simulator, as many as you have time for
    Sim {
        #[arg(long, default_value_t = 10_000)]
        seeds: u64,
        /// The first seed
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
}

/// What is measured.
#[derive(Clone, Copy, ValueEnum)]
enum Bench {
    /// The merge engine beside yrs, loro and automerge
    Merge,
    /// Agreement beside omnipaxos, openraft and etcd
    Agree,
    /// The dynamic method: the thesis's experiment, and a burst
    Dynamic,
    /// A relay under attack: its memory, and how the honest tabs fare
    Hostile,
    /// The page: what it weighs, and how fast it is with ten thousand people
    Page,
}

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    std::env::set_current_dir(workspace::root())?;
    match command {
        Command::Setup => setup::everything(),
        Command::Run { debug, base_port } => {
            let profile = if debug { Profile::Debug } else { Profile::Release };
            relays::run(profile, base_port)
        }
        Command::Test { only } => test::run(only),
        Command::Screenshots => screenshots::take(),
        Command::Bench { what: Bench::Merge } => bench::merge(),
        Command::Bench { what: Bench::Agree } => bench::agree(),
        Command::Bench { what: Bench::Dynamic } => bench::dynamic(),
        Command::Bench { what: Bench::Hostile } => bench::hostile(),
        Command::Bench { what: Bench::Page } => bench::page(),
        Command::Sim { seeds, from } => process::run(
            workspace::cargo("run")
                .args(["--package=shared", "--features=sim", "--example=sim", "--release", "--quiet", "--locked", "--"])
                .args([from.to_string(), seeds.to_string()]),
        ),
    }
}
