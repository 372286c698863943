//! Figures of several engines, and how they are compared.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often everything is measured.
pub const ROUNDS: usize = 5;

/// Which of two figures is the better one.
#[derive(Clone, Copy)]
pub enum Better {
    More,
    Less,
}

/// One figure per engine and round.
#[derive(Default)]
pub struct Figures {
    by_engine: BTreeMap<&'static str, Vec<f64>>,
}

impl Figures {
    pub fn add(&mut self, engine: &'static str, figure: f64) {
        self.by_engine.entry(engine).or_default().push(figure);
    }

    pub fn median(&self, engine: &str) -> f64 {
        median(&self.by_engine[engine])
    }

    /// An engine's figure as a multiple of the best of the others, round by round.
    pub fn shares(&self, engine: &str, others: &[&str], better: Better) -> Vec<f64> {
        let best = |round: usize| {
            let figures = others.iter().map(|&other| self.by_engine[other][round]);
            match better {
                Better::More => figures.fold(f64::NEG_INFINITY, f64::max),
                Better::Less => figures.fold(f64::INFINITY, f64::min),
            }
        };
        self.by_engine[engine].iter().enumerate().map(|(round, own)| own / best(round)).collect()
    }
}

pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The least and the most of some figures.
pub fn extremes(figures: &[f64]) -> (f64, f64) {
    figures.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &f| (least.min(f), most.max(f)))
}

/// How long operations took that ended in a window of time.
pub struct Sample {
    begin: Instant,
    window: Duration,
    latencies: Vec<Duration>,
}

impl Sample {
    pub fn after(begin: Instant, window: Duration) -> Self {
        Sample { begin, window, latencies: Vec::new() }
    }

    pub fn begin(&self) -> Instant {
        self.begin
    }

    pub fn end(&self) -> Instant {
        self.begin + self.window
    }

    /// Counts an operation, if it ended in the window.
    pub fn add(&mut self, since: Instant, until: Instant) {
        if (self.begin..self.end()).contains(&until) {
            self.latencies.push(until - since);
        }
    }

    /// Counts what another sample of the same window has counted.
    pub fn join(&mut self, other: Sample) {
        self.latencies.extend(other.latencies);
    }

    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.window.as_secs_f64()
    }

    /// How long the given share of operations took at the most, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let mut latencies = self.latencies.clone();
        let rank = (latencies.len() as f64 * share).ceil() as usize;
        let Some(index) = rank.checked_sub(1) else { return f64::NAN };
        latencies.select_nth_unstable(index).1.as_secs_f64() * 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_that_of_the_best_peer_of_its_round() {
        let mut figures = Figures::default();
        for (engine, rounds) in [("own", [6.0, 6.0]), ("a", [3.0, 1.0]), ("b", [2.0, 4.0])] {
            rounds.into_iter().for_each(|figure| figures.add(engine, figure));
        }
        assert_eq!(figures.shares("own", &["a", "b"], Better::More), [2.0, 1.5]);
        assert_eq!(figures.shares("own", &["a", "b"], Better::Less), [3.0, 6.0]);
    }

    #[test]
    fn only_what_ended_in_the_window_is_counted() {
        let begin = Instant::now() + Duration::from_secs(1);
        let mut sample = Sample::after(begin, Duration::from_secs(1));
        let after = |ms| begin + Duration::from_millis(ms);
        sample.add(begin - Duration::from_millis(9), begin - Duration::from_millis(1));
        sample.add(after(0), after(1000));
        for ms in 1..=100 {
            sample.add(after(0), after(ms));
        }
        assert_eq!(sample.per_second(), 100.0);
        assert_eq!(sample.percentile_ms(0.5), 50.0);
        assert_eq!(sample.percentile_ms(0.99), 99.0);
    }
}
