//! What the figures say beside one another.

use std::fmt::Write;

use crate::engines::{Automerge, Duet, Engine, Loro, Yrs};
use crate::measure::{Figures, median};

const PEERS: [&str; 3] = [Yrs::NAME, Loro::NAME, Automerge::NAME];

/// What is asked of Duet in one row, compared with the best of the peers.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At the most this share of the best peer's figure.
    ShareOfBest(f64),
    /// At the most so much, whatever the peers have.
    AtMost(f64),
}

/// The rows so far, in Markdown.
#[derive(Default)]
pub struct Table {
    rows: String,
    goals: usize,
    met: usize,
}

impl Table {
    pub fn row(&mut self, work: &str, unit: &str, figures: &Figures, goal: Goal) {
        let shares = figures.shares(Duet::NAME, &PEERS);
        let (least, most) = shares.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &s| (a.min(s), b.max(s)));
        let share = median(shares);
        let (wanted, is_met) = match goal {
            Goal::ShareOfBest(limit) => (format!("≤ {limit} ×"), share <= limit),
            Goal::AtMost(limit) => (format!("≤ {limit} {unit}"), figures.median(Duet::NAME) <= limit),
        };
        self.goals += 1;
        self.met += usize::from(is_met);
        let engines = [Duet::NAME].into_iter().chain(PEERS);
        let cells: Vec<_> = engines.map(|engine| shown(figures.median(engine), unit)).collect();
        let _never_fails = writeln!(
            self.rows,
            "| {work} | {} | {share:.2} ({least:.2} to {most:.2}) | {wanted} | {} |",
            cells.join(" | "),
            if is_met { "yes" } else { "no" }
        );
    }

    /// The whole table, notes below it, and how many goals are met.
    pub fn finish(self, notes: &str) -> String {
        let Table { rows, goals, met } = self;
        let engines = format!("{} | {}", Duet::NAME, PEERS.join(" | "));
        let rule = "---|".repeat(PEERS.len() + 5);
        format!(
            "| work | {engines} | duet / best peer (min to max) | goal | met |\n|{rule}\n{rows}\n\
             {notes}\n\ngoals: {met} of {goals} met"
        )
    }
}

fn shown(figure: f64, unit: &str) -> String {
    if figure < 10.0 { format!("{figure:.2} {unit}") } else { format!("{figure:.0} {unit}") }
}
