//! Measures the merge engine and prints the table: `cargo xtask bench merge`.

use std::env;
use std::fs;
use std::process::ExitCode;

use bench::measure::ROUNDS;
use bench::table::Table;
use bench::work::{Concurrent, MapEdits, People, Work};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let times_in_wasm = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["merge"] => None,
        ["merge", file] => match fs::read_to_string(file) {
            Ok(times) => Some(times),
            Err(error) => return usage(&format!("cannot read {file}: {error}")),
        },
        _ => return usage("what is to be measured?"),
    };
    println!("{}", merge(times_in_wasm.as_deref()));
    ExitCode::SUCCESS
}

fn usage(mistake: &str) -> ExitCode {
    eprintln!("{mistake}\nusage: bench merge [FILE]\n  FILE: what the program `in_wasm` has printed");
    ExitCode::from(2)
}

/// The table of the merge engine. `times_in_wasm` is what the program `in_wasm` has printed.
fn merge(times_in_wasm: Option<&str>) -> String {
    let mut table = Table::default();
    Concurrent::in_rounds().add_to(&mut table);
    if let Some(times) = times_in_wasm {
        Concurrent::from_times(times).add_times_in_wasm_to(&mut table);
    }
    MapEdits::in_rounds().add_to(&mut table);
    People::in_rounds().add_to(&mut table);
    table.finish(&notes())
}

fn notes() -> String {
    format!(
        "- Every figure is the median of {ROUNDS} rounds, in which the engines take turns; the share is that of one \
         round's figures, and so are its minimum and maximum.\n\
         - Updates are applied one by one, each when it would arrive.\n\
         - What stays in a document: loro and automerge keep every edit ever made, yrs a tombstone for every value \
         that was overwritten or lost against a concurrent one; Duet keeps the live state.\n\
         - Replica ids are random and as long as those that each engine draws by itself: 64 bits in Duet and loro, 53 \
         in yrs, 128 in automerge."
    )
}
