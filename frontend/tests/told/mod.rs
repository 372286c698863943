//! The problems of files and lines, as the page tells them.

#![allow(dead_code, reason = "not every test needs everything")]

use client::import::{ImportFile, Report};
use frontend::view_model::{file_error, line_error};
use shared::schema::Schema;

/// A file of people, or why it cannot be imported.
pub fn people(name: &str, text: &str) -> Result<ImportFile, String> {
    read(name, text.as_bytes())
}

/// A file of people, or why it cannot be imported.
pub fn read(name: &str, bytes: &[u8]) -> Result<ImportFile, String> {
    ImportFile::read(name, bytes.to_vec(), &Schema::people(), "next").map_err(|error| file_error(&error))
}

/// The lines with problems, and what is told of them.
pub fn problems(report: &Report) -> Vec<(usize, String)> {
    report.problems.iter().map(|problem| (problem.line, line_error(&problem.why))).collect()
}
