//! An import under way, or ended, in words.

use client::import::{Left, Report, Run};
use client::web::ImportState;

use std::iter;

use super::import_error::line_error;
use crate::{tr, trn};

/// How many problems are shown; the report has all.
const SHOWN: usize = 50;

/// A line that is not in the table as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemItem {
    /// Counts from one.
    pub line: usize,
    /// The problem and the next step, as sentences.
    pub why: String,
}

/// How an import stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportView {
    /// How much of the file is read.
    pub percent: u32,
    /// Whether lines are still being read.
    pub reading: bool,
    /// Whether nothing more happens.
    pub ended: bool,
    pub headline: String,
    /// What became of the lines, each a sentence.
    pub details: Vec<String>,
    /// The first of the problems.
    pub problems: Vec<ProblemItem>,
    /// How many more there are.
    pub more: usize,
}

impl ImportView {
    #[must_use]
    pub fn of(state: ImportState<'_>) -> Self {
        match state {
            ImportState::Begun { run, cancelled, ended } => Self::of_run(run, cancelled, ended),
            ImportState::Left { left: Left { file, ended }, report } => Self::of_closed_tab(file, report, *ended),
        }
    }

    /// An import of this tab.
    #[must_use]
    pub fn of_run(run: &Run, cancelled: bool, ended: bool) -> Self {
        let (report, file) = (run.report(), run.name());
        let headline = if cancelled {
            stopped(file, report)
        } else if run.is_read() && report.unkept() == 0 {
            imported(file)
        } else {
            tr!("Importing {file} …", file = file)
        };
        let saving = trn!(report.unkept() as u64, "{count} line is being saved.", "{count} lines are being saved.");
        ImportView {
            percent: (run.progress() * 100.0) as u32,
            reading: !run.is_read(),
            ..Self::of_report(report, ended, headline, saving)
        }
    }

    /// An import whose tab was closed, when its report was saved last.
    #[must_use]
    pub fn of_closed_tab(file: &str, report: &Report, ended: bool) -> Self {
        let headline = match ended {
            true => imported(file),
            false => tr!(
                "The import of {file} ended with its tab, after line {line}: what is in stays in.",
                file = file,
                line = report.last_line
            ),
        };
        let saving = trn!(
            report.unkept() as u64,
            "{count} line was being saved: look whether it is in.",
            "{count} lines were being saved: look whether they are in."
        );
        Self::of_report(report, true, headline, saving)
    }

    fn of_report(report: &Report, ended: bool, headline: String, saving: String) -> Self {
        let problems: Vec<_> = report
            .problems
            .iter()
            .take(SHOWN)
            .map(|problem| ProblemItem { line: problem.line, why: line_error(&problem.why) })
            .collect();
        ImportView {
            percent: 100,
            reading: false,
            ended,
            headline,
            details: details(report, saving),
            more: report.problem_count() - problems.len().min(report.problem_count()),
            problems,
        }
    }
}

fn imported(file: &str) -> String {
    tr!("{file} is imported.", file = file)
}

fn stopped(file: &str, report: &Report) -> String {
    tr!(
        "The import of {file} was stopped after line {line}: what is in stays in.",
        file = file,
        line = report.last_line
    )
}

fn details(report: &Report, saving: String) -> Vec<String> {
    let some = |count: usize, words: fn(u64) -> String| (count > 0).then(|| words(count as u64));
    let counts = [
        (report.unkept() > 0).then_some(saving),
        some(report.unnumbered, |count| {
            trn!(
                count,
                "{count} line of those has no number: see below why.",
                "{count} lines of those have no number: see below why."
            )
        }),
        some(report.refused, |count| {
            trn!(
                count,
                "{count} line is not in: see below why, and what to do.",
                "{count} lines are not in: see below why, and what to do."
            )
        }),
        some(report.blank, |count| trn!(count, "{count} line is blank.", "{count} lines are blank.")),
        some(report.settled, |count| trn!(count, "{count} number is final.", "{count} numbers are final.")),
        some(report.provisional, |count| {
            trn!(
                count,
                "{count} number is provisional until the relays have settled it.",
                "{count} numbers are provisional until the relays have settled them."
            )
        }),
        some(report.waiting, |count| {
            trn!(
                count,
                "The relays have yet to decide {count} number.",
                "The relays have yet to decide {count} numbers."
            )
        }),
        (!report.left_out.is_empty()).then(|| {
            let columns: Vec<_> = report.left_out.iter().map(String::as_str).collect();
            left_out(&columns)
        }),
    ];
    let kept = trn!(report.kept as u64, "{count} line is in.", "{count} lines are in.");
    iter::once(kept).chain(counts.into_iter().flatten()).collect()
}

/// Which columns or keys of a file nothing becomes of.
#[must_use]
pub fn left_out(columns: &[&str]) -> String {
    tr!("Left out, since no field is called so: {columns}.", columns = columns.join(", "))
}
