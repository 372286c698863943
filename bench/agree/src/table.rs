//! What the figures say beside one another.

use std::fmt::Write;

use crate::figures::{extremes, median};

/// What is asked of Duet in one row.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At least so many times the figure of the best peer.
    AtLeast(f64),
    /// At the most so many milliseconds, whatever the peers have.
    AtMostMs(f64),
}

/// How many goals there are, and how many are met.
#[derive(Default)]
pub struct Goals {
    all: usize,
    met: usize,
}

impl Goals {
    /// Says what was asked for and whether `figures` have it in the median.
    pub fn judge(&mut self, goal: Goal, figures: &[f64]) -> (String, &'static str) {
        let (wanted, is_met) = match goal {
            Goal::AtLeast(limit) => (format!("≥ {limit} ×"), median(figures) >= limit),
            Goal::AtMostMs(limit) => (format!("≤ {limit} ms"), median(figures) <= limit),
        };
        self.all += 1;
        self.met += usize::from(is_met);
        (wanted, if is_met { "yes" } else { "no" })
    }

    pub fn summary(&self) -> String {
        format!("goals: {} of {} met", self.met, self.all)
    }
}

/// Rows in Markdown: an engine beside its peers.
pub struct Table {
    text: String,
}

impl Table {
    /// `best` is what `engine` is compared with, `others` are all that are shown beside it.
    pub fn new(title: &str, engine: &str, others: &[&str], best: &str) -> Self {
        let columns = [&[title, engine], others].concat().join(" | ");
        let rule = "---|".repeat(others.len() + 5);
        Table { text: format!("| {columns} | {engine} / {best} (min to max) | goal | met |\n|{rule}\n") }
    }

    /// Adds a row. `shares` are one per round.
    pub fn row(&mut self, work: &str, cells: &[String], shares: &[f64], goal: Option<Goal>, goals: &mut Goals) {
        let (wanted, met) = goal.map_or_else(Default::default, |goal| goals.judge(goal, shares));
        let (least, most) = extremes(shares);
        let (cells, share) = (cells.join(" | "), median(shares));
        let _never_fails =
            writeln!(self.text, "| {work} | {cells} | {share:.2} ({least:.2} to {most:.2}) | {wanted} | {met} |");
    }

    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_by_the_median() {
        let mut goals = Goals::default();
        assert_eq!(goals.judge(Goal::AtLeast(1.5), &[1.0, 1.5, 9.0]), ("≥ 1.5 ×".to_owned(), "yes"));
        assert_eq!(goals.judge(Goal::AtMostMs(300.0), &[1.0, 301.0, 302.0]), ("≤ 300 ms".to_owned(), "no"));
        assert_eq!(goals.summary(), "goals: 1 of 2 met");
    }
}
