//! Seeded runs of whole clusters. A failure names its seed; the same seed fails again.

use shared::sim::{self, Faults, Report};

/// How many seeds an ordinary run tries.
const SEEDS: u64 = 1_000;

fn run_all(seeds: impl Iterator<Item = u64>, faults: Faults) -> Report {
    let mut total = Report::default();
    for seed in seeds {
        let report = sim::run(seed, faults).unwrap_or_else(|violated| panic!("seed {seed}: {violated}"));
        total.steps += report.steps;
        total.crashes += report.crashes;
        total.leaders += report.leaders;
        total.decided += report.decided;
        total.records += report.records;
        total.refused += report.refused;
    }
    total
}

#[test]
fn no_promise_is_broken_under_loss_duplication_reordering_and_crashes() {
    let total = run_all(0..SEEDS, Faults::ALL);
    println!("seeds: {SEEDS}, {total:?}");
    // A run in which nothing happened would prove nothing.
    assert!(total.crashes > SEEDS, "relays crashed: {total:?}");
    assert!(total.leaders > 2 * SEEDS, "leaders changed: {total:?}");
    assert!(total.decided > 5 * SEEDS, "claims were decided: {total:?}");
    assert!(total.records > SEEDS, "records survived: {total:?}");
    assert!(total.refused > SEEDS, "claims were refused: {total:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(sim::run(7, Faults::ALL), sim::run(7, Faults::ALL));
}

/// The checker must be able to fail: relays that come back with a wiped disk break agreement, and it notices.
#[test]
fn the_checker_notices_acceptors_that_forget() {
    let faults = Faults { amnesia: true, ..Faults::ALL };
    let caught = (0..50).filter(|&seed| sim::run(seed, faults).is_err()).count();
    assert!(caught > 10, "only {caught} of 50 runs with forgetful acceptors were caught");
}
