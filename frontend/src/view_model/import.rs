//! An import under way, in words.

use crate::import::{RefusedLine, Report, Run};
use crate::{tr, trn};

/// How many refused lines are shown; the report has all.
const SHOWN: usize = 50;

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
    /// The first of the refused lines.
    pub refused: Vec<RefusedLine>,
    /// How many more there are.
    pub more: usize,
}

impl ImportView {
    #[must_use]
    pub fn of(run: &Run, cancelled: bool, ended: bool) -> Self {
        let report = run.report();
        let refused: Vec<_> = report.refused.iter().take(SHOWN).cloned().collect();
        ImportView {
            percent: (run.progress() * 100.0) as u32,
            reading: !run.is_read(),
            ended,
            headline: headline(run, cancelled),
            details: details(report),
            more: report.refused_count() - refused.len(),
            refused,
        }
    }
}

fn headline(run: &Run, cancelled: bool) -> String {
    let file = run.name();
    if cancelled {
        tr!("The import of {file} was stopped: what is in stays in.", file = file)
    } else if run.is_read() && run.report().unkept() == 0 {
        tr!("{file} is imported.", file = file)
    } else {
        tr!("Importing {file} …", file = file)
    }
}

fn details(report: &Report) -> Vec<String> {
    let mut details = vec![trn!(report.kept as u64, "{count} line is in.", "{count} lines are in.")];
    if report.unkept() > 0 {
        details.push(trn!(report.unkept() as u64, "{count} line is being saved.", "{count} lines are being saved."));
    }
    if report.settled > 0 {
        details.push(trn!(report.settled as u64, "{count} number is final.", "{count} numbers are final."));
    }
    if report.provisional > 0 {
        details.push(trn!(
            report.provisional as u64,
            "{count} number is provisional until the relays have settled it.",
            "{count} numbers are provisional until the relays have settled them."
        ));
    }
    if report.waiting > 0 {
        details.push(trn!(
            report.waiting as u64,
            "The relays have yet to decide {count} number.",
            "The relays have yet to decide {count} numbers."
        ));
    }
    if report.refused_count() > 0 {
        details.push(trn!(
            report.refused_count() as u64,
            "{count} line has a problem: see below what to do.",
            "{count} lines have problems: see below what to do."
        ));
    }
    details
}
