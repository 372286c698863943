//! Records from files, and into files: CSV (RFC 4180) and JSON. Pure: the engine drives an import slice by slice.

mod columns;
pub mod csv;
mod encoding;
mod error;
pub mod export;
pub mod json;
mod pace;
mod plan;
mod report;
mod run;
mod source;
mod values;

pub use columns::{Heading, Use};
pub use error::{FileError, LineError, NumberRefusal};
pub use report::{Left, Problem, Report, csv_row};
pub use run::{Run, Turn};
pub use source::{ImportFile, MAX_FILE_BYTES, Preview, check_size};
pub use values::{PreviewCell, parse_number_operation};
