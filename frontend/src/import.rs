//! Records from files, and into files: CSV (RFC 4180) and JSON. Pure: the engine drives an import slice by slice.

mod columns;
pub mod csv;
mod encoding;
pub mod export;
pub mod json;
mod pace;
mod plan;
mod report;
mod run;
mod source;
mod values;

pub use columns::{Heading, Use};
pub use report::{Problem, Report};
pub use run::{Run, Turn};
pub use source::{ImportFile, MAX_FILE_BYTES, Preview, check_size};
