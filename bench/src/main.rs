//! Duet beside its peers, on the same work in the same run: `cargo xtask bench merge`.

mod engines;
mod measure;
mod merge;

use std::process::ExitCode;

use peak_alloc::PeakAlloc;

/// Counts what is allocated, for the rows about memory.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("merge") => {
            println!("{}", merge::report());
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: bench merge");
            ExitCode::from(2)
        }
    }
}
