//! The document that keeps the figures: each measurement writes between two comments of its own.

use std::fs;

use anyhow::{Context, Result};

const PATH: &str = "docs/reference/benchmarks.md";

/// Fails if the document has no place for the figures of `measurement`.
pub fn check(measurement: &str) -> Result<()> {
    replaced(&read()?, measurement, "").map(drop)
}

/// Puts figures in the place of the earlier ones.
pub fn write(measurement: &str, figures: &str) -> Result<()> {
    let document = replaced(&read()?, measurement, figures)?;
    fs::write(PATH, document).with_context(|| format!("cannot write {PATH}"))
}

fn read() -> Result<String> {
    fs::read_to_string(PATH).with_context(|| format!("cannot read {PATH}"))
}

fn replaced(document: &str, measurement: &str, figures: &str) -> Result<String> {
    let [begin, end] = ["begin", "end"].map(|edge| format!("<!-- bench {measurement}: {edge} -->"));
    let missing = |marker: &str| format!("{PATH} lacks the line `{marker}`");
    let (before, rest) = document.split_once(&begin).with_context(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).with_context(|| missing(&end))?;
    Ok(format!("{before}{begin}\n{figures}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_take_the_place_of_the_earlier_ones_alone() {
        let document = "a\n<!-- bench x: begin -->\nold\n<!-- bench x: end -->\nb\n<!-- bench y: begin -->\n";
        let expected = "a\n<!-- bench x: begin -->\nnew\n<!-- bench x: end -->\nb\n<!-- bench y: begin -->\n";
        assert_eq!(replaced(document, "x", "new").unwrap(), expected);
    }

    #[test]
    fn a_document_without_both_markers_is_refused() {
        assert!(replaced("<!-- bench x: end -->\n<!-- bench x: begin -->\n", "x", "new").is_err());
    }
}
