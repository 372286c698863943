//! Records from files, and into files: CSV (RFC 4180) and JSON. Pure: the engine drives an import slice by slice.

pub mod csv;
pub mod export;
pub mod json;
mod pace;
mod plan;
mod report;
mod run;
mod source;

pub use plan::{Heading, Use};
pub use report::{RefusedLine, Report};
pub use run::{Run, Turn};
pub use source::{ImportFile, MAX_FILE_BYTES, Preview, check_size};
