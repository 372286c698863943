//! Figures of several engines, and how they are obtained.

use std::collections::BTreeMap;

use web_time::Instant;

/// How often everything is measured.
pub const ROUNDS: usize = 5;

/// One figure per engine and round; less is better.
#[derive(Default)]
pub struct Figures {
    by_engine: BTreeMap<String, Vec<f64>>,
}

impl Figures {
    pub fn add(&mut self, engine: &str, figure: f64) {
        self.by_engine.entry(engine.to_owned()).or_default().push(figure);
    }

    pub fn median(&self, engine: &str) -> f64 {
        median(self.by_engine[engine].clone())
    }

    /// An engine's figure as a share of the best of the others, round by round.
    pub fn shares(&self, engine: &str, others: &[&str]) -> Vec<f64> {
        let best =
            |round: usize| others.iter().map(|&other| self.by_engine[other][round]).fold(f64::INFINITY, f64::min);
        self.by_engine[engine].iter().enumerate().map(|(round, own)| own / best(round)).collect()
    }

    /// The figures as lines of `name engine figure`.
    pub fn to_lines(&self, name: &str) -> String {
        let figures = self.by_engine.iter().flat_map(|(engine, figures)| figures.iter().map(move |f| (engine, f)));
        figures.map(|(engine, figure)| format!("{name} {engine} {figure}\n")).collect()
    }

    /// Those figures under `name` among lines of [`to_lines`](Self::to_lines).
    pub fn from_lines(name: &str, lines: &str) -> Self {
        let mut figures = Figures::default();
        for line in lines.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let [of, engine, figure] = words[..] else { panic!("not a line of figures: {line}") };
            if of == name {
                figures.add(engine, figure.parse().expect("a figure"));
            }
        }
        figures
    }
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// How long something takes, in milliseconds, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e3, result)
}
