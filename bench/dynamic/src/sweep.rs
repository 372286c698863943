//! The thesis's experiment: so many requests at each of three nodes, and the time until all agree.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use relays::NODES;

use crate::client::{Client, Given};
use crate::cluster::Cluster;
use crate::method::Method;

/// How many requests each node gets.
pub const LOADS: [usize; 7] = [5, 20, 40, 100, 250, 500, 1000];
/// How often everything is measured.
pub const ROUNDS: usize = 5;
/// How many requests a node has under way at a time at the most.
const CLIENTS: usize = 16;
/// The threshold of the thesis.
const HIGH_REQUEST: u64 = 50;

/// What was measured with one method under one load, once.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From the first request until all three nodes had everything, in milliseconds.
    pub agreed_ms: f64,
    /// Requests in a second.
    pub rate: f64,
    pub p99_ms: f64,
    /// The share of numbers that were final when they were told.
    pub final_at_once: f64,
    /// How long it took to settle the others afterwards, in milliseconds; 0 if there were none.
    pub settled_ms: f64,
    pub twice: usize,
    /// Records that have no final number in the end.
    pub unnumbered: usize,
}

/// Runs by method and load.
pub struct Sweep(Vec<(Method, usize, Vec<Run>)>);

impl Sweep {
    pub async fn measure(program: &Path, data: &Path) -> Self {
        let cells = LOADS.iter().flat_map(|&load| Method::SWEPT.map(|method| (method, load, Vec::new())));
        let mut sweep = Sweep(cells.collect());
        for round in 0..ROUNDS {
            let mut cluster = Cluster::start(program, data).await;
            eprintln!("round {} of {ROUNDS}", round + 1);
            for (method, load, runs) in &mut sweep.0 {
                runs.push(run(&mut cluster, *method, *load).await);
            }
        }
        sweep
    }

    pub fn runs(&self, method: Method, load: usize) -> &[Run] {
        let cell = self.0.iter().find(|cell| (cell.0, cell.1) == (method, load));
        &cell.expect("it was measured").2
    }

    /// The median of a figure.
    pub fn median(&self, method: Method, load: usize, figure: impl Fn(&Run) -> f64) -> f64 {
        let mut figures: Vec<f64> = self.runs(method, load).iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    }

    pub fn all(&self) -> impl Iterator<Item = &Run> {
        self.0.iter().flat_map(|(.., runs)| runs)
    }
}

async fn run(cluster: &mut Cluster, method: Method, load: usize) -> Run {
    let room = format!("{}-{load}", method.name().replace([' ', '\''], "-"));
    cluster.begin_counts_anew().await;
    method.prepare(cluster.eye(0), &room, HIGH_REQUEST).await;
    cluster.wait_until_agreed(&room, 0, false).await;
    cluster.begin_counts_anew().await;
    let mut clients = Vec::new();
    for node in 0..usize::from(NODES) {
        let left = Arc::new(AtomicUsize::new(load));
        for _ in 0..CLIENTS {
            clients.push((Client::connect(cluster.port(node)).await, Arc::clone(&left)));
        }
    }
    let began = Instant::now();
    let tasks = clients.into_iter().map(|(client, left)| tokio::spawn(ask(client, room.clone(), left)));
    let mut answers: Vec<(Duration, Given)> = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        answers.extend(task.await.expect("no client panics"));
    }
    let answered = began.elapsed();
    let records = (load * usize::from(NODES)) as u64;
    let agreed = cluster.wait_until_agreed(&room, records, method.settles_by_itself()).await - began;
    let going_back = Instant::now();
    let mut settled = Duration::ZERO;
    if !method.settles_by_itself() {
        Method::go_back(cluster.eye(0), &room).await;
        settled = cluster.wait_until_agreed(&room, records, true).await - going_back;
    }
    let numbers = cluster.numbers(&room).await;
    let finals = answers.iter().filter(|(_, given)| *given == Given::Final).count();
    Run {
        agreed_ms: millis(agreed),
        rate: answers.len() as f64 / answered.as_secs_f64(),
        p99_ms: percentile(answers.iter().map(|(latency, _)| millis(*latency)).collect(), 0.99),
        final_at_once: finals as f64 / answers.len() as f64,
        settled_ms: millis(settled),
        twice: numbers.twice,
        unnumbered: numbers.others,
    }
}

/// Asks as long as there is anything left to ask.
async fn ask(mut client: Client, room: String, left: Arc<AtomicUsize>) -> Vec<(Duration, Given)> {
    let mut answers = Vec::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let since = Instant::now();
        let given = client.register(&room, "Somebody").await;
        answers.push((since.elapsed(), given));
    }
    answers
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The figure that the given share keeps to.
pub fn percentile(mut figures: Vec<f64>, share: f64) -> f64 {
    let rank = (figures.len() as f64 * share).ceil() as usize;
    let Some(index) = rank.checked_sub(1) else { return 0.0 };
    *figures.select_nth_unstable_by(index, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        assert_eq!(percentile((1..=100).map(f64::from).collect(), 0.99), 99.0);
        assert_eq!(percentile(vec![7.0], 0.5), 7.0);
        assert_eq!(percentile(Vec::new(), 0.99), 0.0);
    }
}
