//! What came of an import.

use super::csv::guarded_cell;
use crate::tr;

/// How many refused lines are kept with their reasons; of the others the count.
const MAX_REFUSED: usize = 50_000;

/// A line that is not in the table as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    /// Counts from one.
    pub line: usize,
    /// What is wrong with it and what to do, as sentences.
    pub why: String,
}

/// What came of the lines so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines whose records were added to this tab.
    pub added: usize,
    /// Those among them whose records outlive the tab.
    pub kept: usize,
    /// Numbers that were asked for and are decided, given by this tab for now, and not decided yet.
    pub settled: usize,
    pub provisional: usize,
    pub waiting: usize,
    pub refused: Vec<RefusedLine>,
    /// Refused lines that are not in the list.
    pub more_refused: usize,
}

impl Report {
    pub(super) fn refuse(&mut self, line: usize, why: String) {
        if self.refused.len() < MAX_REFUSED {
            self.refused.push(RefusedLine { line, why });
        } else {
            self.more_refused += 1;
        }
    }

    /// Lines whose records would be gone with this tab.
    #[must_use]
    pub fn unkept(&self) -> usize {
        self.added - self.kept
    }

    #[must_use]
    pub fn refused_count(&self) -> usize {
        self.refused.len() + self.more_refused
    }

    /// The refused lines as a table for a spreadsheet.
    #[must_use]
    pub fn as_csv(&self) -> String {
        let mut csv = format!("{},{}\r\n", guarded_cell(&tr!("line")), guarded_cell(&tr!("why, and what to do")));
        for RefusedLine { line, why } in &self.refused {
            csv.push_str(&line.to_string());
            csv.push(',');
            csv.push_str(&guarded_cell(why));
            csv.push_str("\r\n");
        }
        csv
    }
}
