//! Runs seeds of the simulator: `cargo xtask sim --seeds N [--from S]`.

use std::process::ExitCode;

use shared::sim::{self, Faults, Report};

/// The simulator allocates in most of its steps; this allocator is the one of the relay, too.
#[cfg(not(target_arch = "wasm32"))]
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [from, seeds] = numbers[..] else {
        eprintln!("usage: sim FROM SEEDS");
        return ExitCode::from(2);
    };
    let (mut total, mut violations) = (Report::default(), 0);
    for seed in from..from.saturating_add(seeds) {
        match sim::run(seed, Faults::ALL) {
            Ok(report) => total.add(&report),
            Err(violated) => {
                violations += 1;
                println!("seed {seed}: {violated}\n  again: cargo xtask sim --from {seed} --seeds 1");
            }
        }
    }
    for (name, count) in total.counts() {
        println!("{name}: {count}");
    }
    println!("seeds: {seeds}, steps: {}, violations: {violations}", total.steps);
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
