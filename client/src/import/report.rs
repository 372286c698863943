//! What came of an import.

use shared::base::sorted::SortedSet;
use shared::schema::text::{guarded_cell, unguarded};

use super::csv::CsvReader;
use super::error::LineError;
use super::source::TOLD;

/// How many problems are kept with their reasons; of the others the count.
const MAX_PROBLEMS: usize = 50_000;
/// How many of them outlive the tab.
const MAX_SAVED: usize = 1000;

/// A line that is not in the table as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counts from one.
    pub line: usize,
    /// What is wrong with it.
    pub why: LineError,
}

/// How many lines were read so far, and with which results. Each line is added, refused or blank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines whose records were added to this tab.
    pub added: usize,
    /// Those among them whose records outlive the tab.
    pub kept: usize,
    /// Lines that are not in.
    pub refused: usize,
    /// Lines that hold nothing.
    pub blank: usize,
    /// Lines that are in, but without the number that they asked for.
    pub unnumbered: usize,
    /// Numbers that were asked for and are final.
    pub settled: usize,
    /// Numbers that this replica has given for now.
    pub provisional: usize,
    /// Numbers that are not decided, or not visible yet.
    pub waiting: usize,
    /// The last line that was read.
    pub last_line: usize,
    /// The lines that are refused or have no number, as far as they are kept.
    pub problems: Vec<Problem>,
    /// Names of columns and keys that are no field, as far as they are told.
    pub left_out: SortedSet<String>,
}

/// An import that a closed tab has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The name of the file.
    pub file: String,
    /// Whether it came to its end.
    pub ended: bool,
}

impl Report {
    pub(super) fn refuse(&mut self, line: usize, why: LineError) {
        self.refused += 1;
        self.note(line, why);
    }

    pub(super) fn leave_without_number(&mut self, line: usize, why: LineError) {
        self.unnumbered += 1;
        self.note(line, why);
    }

    pub(super) fn leave_out(&mut self, name: &str) {
        if self.left_out.len() < TOLD && !self.left_out.contains(name) {
            self.left_out.insert(name.to_owned());
        }
    }

    fn note(&mut self, line: usize, why: LineError) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { line, why });
        }
    }

    /// Lines whose records would be gone with this tab.
    #[must_use]
    pub fn unkept(&self) -> usize {
        self.added - self.kept
    }

    /// How many lines have problems.
    #[must_use]
    pub fn problem_count(&self) -> usize {
        self.refused + self.unnumbered
    }

    /// What is to outlive the tab of an import, for [`recalled`](Self::recalled): a table whose first row has the
    /// counts. `ended` says whether the file is imported to its end, and `words` how the host tells of a problem.
    #[must_use]
    pub fn saved(&self, file: &str, ended: bool, words: impl Fn(&LineError) -> String) -> String {
        let counts = [self.added, self.kept, self.refused, self.blank, self.unnumbered, self.last_line, ended.into()];
        let mut cells = vec![file.to_owned()];
        cells.extend(counts.iter().map(usize::to_string));
        cells.extend(self.left_out.iter().cloned());
        let mut saved = csv_row(&cells);
        for Problem { line, why } in self.problems.iter().take(MAX_SAVED) {
            saved.push_str(&csv_row(&[line.to_string(), words(why)]));
        }
        saved
    }

    /// What was [`saved`](Self::saved). Nothing is told of its numbers: the table shows them.
    #[must_use]
    pub fn recalled(saved: &str) -> Option<(Left, Report)> {
        let mut rows = CsvReader::new(saved.into()).map_while(|row| row.cells.ok());
        let first = rows.next()?;
        let mut cells = first.iter().map(|cell| unguarded(cell));
        let file = cells.next()?.to_owned();
        let mut count = || cells.next()?.parse::<usize>().ok();
        let mut report = Report {
            added: count()?,
            kept: count()?,
            refused: count()?,
            blank: count()?,
            unnumbered: count()?,
            last_line: count()?,
            ..Report::default()
        };
        let ended = count()? > 0;
        report.left_out = cells.map(str::to_owned).collect();
        let problem = |row: Vec<String>| {
            let why = LineError::Told(unguarded(row.get(1)?).to_owned());
            Some(Problem { line: row[0].parse().ok()?, why })
        };
        report.problems = rows.filter_map(problem).collect();
        (report.kept <= report.added).then_some((Left { file, ended }, report))
    }
}

/// Writes a row of CSV, with its line break.
#[must_use]
pub fn csv_row(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| guarded_cell(cell)).collect();
    format!("{}\r\n", cells.join(","))
}
