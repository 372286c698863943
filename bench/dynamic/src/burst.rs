//! A burst: for ten seconds twenty times as many requests as before.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use relays::NODES;
use tokio::sync::Mutex;
use tokio::time::{sleep, sleep_until};

use crate::client::{Client, Given};
use crate::cluster::{Cluster, Numbers};
use crate::method::Method;
use crate::sweep::{millis, percentile};

/// By how much more is asked in the burst.
const FACTOR: f64 = 20.0;
const BEFORE: Duration = Duration::from_secs(5);
const BURST: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(35);
/// How much more is asked in the burst than Paxos alone can do.
const BEYOND_PAXOS: f64 = 1.05;
/// How much more than before may be asked in a window.
const THRESHOLD: f64 = 3.0;
/// How many connections each node has.
const CONNECTIONS: usize = 128;
/// For how long it is measured what Paxos alone can do.
const CALIBRATION: Duration = Duration::from_secs(3);
/// As many unsettled numbers are just on their way.
const FEW: u64 = 100;
/// How often the mode is looked at, and how long a step of the charts is.
pub const STEP: Duration = Duration::from_millis(250);

/// What a burst has led to under one method.
pub struct Burst {
    pub method: Method,
    /// When each request was due, from the beginning, how long its answer took from then, and what it was; in seconds and
    /// milliseconds.
    pub answers: Vec<(f64, f64, Given)>,
    /// What was seen of the mode, from the beginning on.
    pub modes: Vec<ModeSeen>,
    pub numbers: Numbers,
}

/// All bursts, and what was asked in them.
pub struct Bursts {
    pub rates: Rates,
    pub paxos: Burst,
    pub levels: Burst,
    pub without_leases: Burst,
}

impl Bursts {
    pub fn all(&self) -> [&Burst; 3] {
        [&self.paxos, &self.levels, &self.without_leases]
    }
}

/// The mode at a time.
pub struct ModeSeen {
    /// In seconds from the beginning.
    pub at: f64,
    pub level: String,
    pub epoch: u64,
    pub unsettled: u64,
}

/// How many requests there are in a second, before and in the burst.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub paxos: f64,
    pub base: f64,
    pub burst: f64,
}

impl Burst {
    /// The 99th percentile of requests due between two times.
    pub fn p99_ms(&self, from: f64, until: f64) -> f64 {
        let within = self.answers.iter().filter(|(due, ..)| (from..until).contains(due));
        percentile(within.map(|(_, latency, _)| *latency).collect(), 0.99)
    }

    /// The 99th percentile of requests due in the burst.
    pub fn p99_of_burst_ms(&self) -> f64 {
        self.p99_ms(BEFORE.as_secs_f64(), (BEFORE + BURST).as_secs_f64())
    }

    /// Of the requests due in the burst, the share that was answered in a way.
    pub fn share(&self, given: Given) -> f64 {
        let (from, until) = (BEFORE.as_secs_f64(), (BEFORE + BURST).as_secs_f64());
        let within: Vec<_> = self.answers.iter().filter(|(due, ..)| (from..until).contains(due)).collect();
        within.iter().filter(|(.., answer)| *answer == given).count() as f64 / within.len() as f64
    }

    /// Whether the level was left and came back to where it began.
    pub fn went_there_and_back(&self) -> bool {
        let went = self.modes.iter().any(|mode| mode.level != "batching");
        went && self.modes.last().is_some_and(|mode| mode.level == "batching")
    }

    /// The most that was unsettled at a time.
    pub fn most_unsettled(&self) -> u64 {
        self.modes.iter().map(|mode| mode.unsettled).max().unwrap_or(0)
    }

    /// How long after the burst what it had left unsettled was settled, but for what still came in, in seconds.
    pub fn settled_after(&self) -> f64 {
        let end = (BEFORE + BURST).as_secs_f64();
        let backlog = self.modes.iter().rfind(|mode| mode.at > end && mode.unsettled > FEW);
        backlog.map_or(0.0, |mode| mode.at - end + STEP.as_secs_f64())
    }

    pub fn span(&self) -> f64 {
        (BEFORE + BURST + AFTER).as_secs_f64()
    }
}

/// What Paxos alone can do, and what is asked by it.
pub async fn calibrate(program: &Path, data: &Path) -> Rates {
    let mut cluster = Cluster::start(program, data).await;
    let room = "calibration";
    Method::PaxosOnly.prepare(cluster.eye(0), room, 1).await;
    cluster.wait_until_agreed(room, 0, false).await;
    let end = Instant::now() + CALIBRATION;
    let mut tasks = Vec::new();
    for node in 0..usize::from(NODES) {
        for _ in 0..CONNECTIONS / 2 {
            let mut client = Client::connect(cluster.port(node)).await;
            tasks.push(tokio::spawn(async move {
                let mut done = 0_u32;
                while Instant::now() < end {
                    client.register(room, "Somebody").await;
                    done += 1;
                }
                done
            }));
        }
    }
    let mut done = 0;
    for task in tasks {
        done += task.await.expect("no client panics");
    }
    let paxos = f64::from(done) / CALIBRATION.as_secs_f64();
    let burst = paxos * BEYOND_PAXOS;
    Rates { paxos, base: burst / FACTOR, burst }
}

pub async fn measure(program: &Path, data: &Path, method: Method, rates: Rates) -> Burst {
    let mut cluster = Cluster::start(program, data).await;
    let room = "burst";
    method.prepare(cluster.eye(0), room, (rates.base * THRESHOLD) as u64).await;
    cluster.wait_until_agreed(room, 0, false).await;
    let mut pools = Vec::new();
    for node in 0..usize::from(NODES) {
        let mut pool = Vec::new();
        for _ in 0..CONNECTIONS {
            pool.push(Arc::new(Mutex::new(Client::connect(cluster.port(node)).await)));
        }
        pools.push(pool);
    }
    let began = Instant::now();
    let watch = tokio::spawn(watch_mode(Client::connect(cluster.port(0)).await, room, began));
    let answers = drive(&pools, room, began, rates).await;
    let records = answers.iter().filter(|(.., given)| *given != Given::None).count() as u64;
    cluster.wait_until_agreed(room, records, true).await;
    let modes = watch.await.expect("the mode can be looked at");
    let numbers = cluster.numbers(room).await;
    Burst { method, answers, modes, numbers }
}

/// Makes requests when they are due, whether or not earlier ones were answered.
async fn drive(
    pools: &[Vec<Arc<Mutex<Client>>>],
    room: &'static str,
    began: Instant,
    rates: Rates,
) -> Vec<(f64, f64, Given)> {
    let mut tasks = Vec::new();
    let mut due = Duration::ZERO;
    for count in 0.. {
        let in_burst = (BEFORE..BEFORE + BURST).contains(&due);
        due += Duration::from_secs_f64(1.0 / if in_burst { rates.burst } else { rates.base });
        if due > BEFORE + BURST + AFTER {
            break;
        }
        let pool = &pools[count % pools.len()];
        let client = Arc::clone(&pool[count / pools.len() % pool.len()]);
        sleep_until((began + due).into()).await;
        tasks.push(tokio::spawn(async move {
            // Behind the request before it on the same connection; the clock runs.
            let given = client.lock().await.register(room, "Somebody").await;
            let latency = Instant::now() - (began + due);
            (due.as_secs_f64(), millis(latency), given)
        }));
    }
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.expect("no client panics"));
    }
    answers
}

async fn watch_mode(mut client: Client, room: &'static str, began: Instant) -> Vec<ModeSeen> {
    let mut modes = Vec::new();
    while began.elapsed() < BEFORE + BURST + AFTER {
        let mode = client.get(&format!("{room}/mode")).await.body;
        modes.push(ModeSeen {
            at: began.elapsed().as_secs_f64(),
            level: mode["level"].as_str().expect("a level").to_owned(),
            epoch: mode["epoch"].as_u64().expect("an epoch"),
            unsettled: mode["unsettled"].as_u64().expect("a count"),
        });
        sleep(STEP).await;
    }
    modes
}
