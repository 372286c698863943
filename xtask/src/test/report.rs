//! What became of the steps, as a table.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::step::Step;
use crate::process::in_words;

/// What became of the steps so far.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

struct Row {
    step: Step,
    took: Duration,
    outcome: Result<()>,
}

impl Report {
    /// Runs a step, unless one that it needs has failed, and notes what came of it.
    pub fn add(&mut self, step: Step, execute: impl FnOnce() -> Result<()>) {
        println!("\n== {step}");
        let start = Instant::now();
        let outcome = match self.missing_for(step) {
            Some(needed) => Err(anyhow!("skipped, because {needed} failed")),
            None => execute(),
        };
        let took = start.elapsed();
        match &outcome {
            Ok(()) => println!("== {step}: ok after {}", in_words(took)),
            Err(error) => println!("== {step}: FAILED after {}: {error:#}", in_words(took)),
        }
        self.rows.push(Row { step, took, outcome });
    }

    fn missing_for(&self, step: Step) -> Option<Step> {
        let failed = self.rows.iter().filter(|row| row.outcome.is_err());
        failed.map(|row| row.step).find(|failed| step.needs().contains(failed))
    }

    pub fn failures(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome.is_err()).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<12} {:>8}  result", "step", "seconds")?;
        for Row { step, took, outcome } in &self.rows {
            let seconds = took.as_secs_f64();
            match outcome {
                Ok(()) => writeln!(f, "{step:<12} {seconds:>8.1}  ok")?,
                Err(error) => writeln!(f, "{step:<12} {seconds:>8.1}  FAILED: {error:#}")?,
            }
        }
        Ok(())
    }
}
