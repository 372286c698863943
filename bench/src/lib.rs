//! Duet beside its peers, on the same work in the same run.

pub mod engines;
pub mod measure;
mod random;
pub mod table;
pub mod work;

use peak_alloc::PeakAlloc;

/// Counts what is allocated, for the rows about memory.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
