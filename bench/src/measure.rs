//! Figures of several engines, and what they say beside one another.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// How often everything is measured: engines take turns, so that a slow moment of the machine meets all of them.
pub const ROUNDS: usize = 5;

/// What is asked of Duet in one row, compared with the best of the peers.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At the most this share of the best peer's figure.
    ShareOfBest(f64),
    /// At the most so much, whatever the peers have.
    AtMost(f64),
}

/// One figure per engine and round; less is better.
#[derive(Default)]
pub struct Figures {
    by_engine: BTreeMap<&'static str, Vec<f64>>,
}

impl Figures {
    pub fn add(&mut self, engine: &'static str, figure: f64) {
        self.by_engine.entry(engine).or_default().push(figure);
    }

    fn median(&self, engine: &str) -> f64 {
        median(self.by_engine[engine].clone())
    }

    /// Duet's figure as a share of the best peer's, round by round.
    fn shares(&self, peers: &[&str]) -> Vec<f64> {
        let best = |round: usize| peers.iter().map(|peer| self.by_engine[peer][round]).fold(f64::INFINITY, f64::min);
        self.by_engine["duet"].iter().enumerate().map(|(round, own)| own / best(round)).collect()
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The table under way.
pub struct Table {
    peers: Vec<&'static str>,
    text: String,
    goals: usize,
    met: usize,
}

impl Table {
    pub fn new(peers: Vec<&'static str>) -> Self {
        let mut text =
            format!("| work | duet | {} | duet / best peer (min to max) | goal | met |\n", peers.join(" | "));
        let _never_fails = writeln!(text, "|---|{}---|---|---|", "---|".repeat(peers.len() + 1));
        Table { peers, text, goals: 0, met: 0 }
    }

    pub fn row(&mut self, work: &str, unit: &str, figures: &Figures, goal: Goal) {
        let shares = figures.shares(&self.peers);
        let (least, most) = shares.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &s| (a.min(s), b.max(s)));
        let share = median(shares);
        let (wanted, is_met) = match goal {
            Goal::ShareOfBest(limit) => (format!("≤ {limit} ×"), share <= limit),
            Goal::AtMost(limit) => (format!("≤ {limit} {unit}"), figures.median("duet") <= limit),
        };
        self.goals += 1;
        self.met += usize::from(is_met);
        let cells: Vec<_> = ["duet"].iter().chain(&self.peers).map(|name| shown(figures.median(name), unit)).collect();
        let _never_fails = writeln!(
            self.text,
            "| {work} | {} | {share:.2} ({least:.2} to {most:.2}) | {wanted} | {} |",
            cells.join(" | "),
            if is_met { "yes" } else { "no" }
        );
    }

    pub fn finish(self) -> String {
        format!("{}\ngoals: {} of {} met", self.text, self.met, self.goals)
    }
}

fn shown(figure: f64, unit: &str) -> String {
    if figure < 10.0 { format!("{figure:.2} {unit}") } else { format!("{figure:.0} {unit}") }
}

/// How long something takes, in milliseconds, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (millis(start.elapsed()), result)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
