//! Seeded runs of whole clusters. A failure names its seed; the same seed fails again.

use std::num::NonZero;
use std::ops::Range;
use std::thread;

use shared::sim::{self, Faults, Report};

/// How many seeds an ordinary run tries.
const SEEDS: u64 = 2_000;

fn run_all(seeds: Range<u64>) -> Report {
    let mut total = Report::default();
    for seed in seeds {
        let report = sim::run(seed, Faults::ALL).unwrap_or_else(|violated| panic!("seed {seed}: {violated}"));
        total.add(&report);
    }
    total
}

/// Runs all seeds on as many threads as there are cores.
fn run_in_parallel() -> Report {
    let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let share = SEEDS.div_ceil(threads);
    let starts = (0..SEEDS).step_by(share as usize);
    let mut total = Report::default();
    thread::scope(|scope| {
        let runs: Vec<_> = starts.map(|start| scope.spawn(move || run_all(start..SEEDS.min(start + share)))).collect();
        runs.into_iter().for_each(|run| total.add(&run.join().expect("a seed has failed, as it says above")));
    });
    total
}

/// A run in which nothing happened would prove nothing: each fault and each way out must have come about.
#[test]
fn no_promise_is_broken_whatever_fails_and_everything_that_can_happen_has_happened() {
    let total = run_in_parallel();
    println!("seeds: {SEEDS}, {total:?}");
    let never: Vec<_> = total.counts().into_iter().filter(|&(_, count)| count < 20).map(|(name, _)| name).collect();
    assert!(never.is_empty(), "hardly ever happened: {never:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(sim::run(7, Faults::ALL), sim::run(7, Faults::ALL));
}

/// The checker must be able to fail: relays that come back with a wiped disk under their old incarnation break
/// agreement, and it notices.
#[test]
fn the_checker_notices_acceptors_that_forget() {
    let faults = Faults { denial: true, ..Faults::ALL };
    let caught = (0..50).filter(|&seed| sim::run(seed, faults).is_err()).count();
    assert!(caught > 10, "only {caught} of 50 runs with forgetful acceptors were caught");
}
