//! Three nodes on loopback that answer when a majority has written to the disk: relays of Duet beside etcd.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::disk::{appends_per_second, flushes};
use crate::figures::{Better, Figures, ROUNDS, Sample, extremes, median};
use crate::nodes::{Etcd, EtcdClient, NODES, Relays, Tab};
use crate::table::{Goal, Goals, Table};

/// How many clients there are, each with one operation outstanding, and what is asked of the rate.
const CLIENTS: [(usize, Option<Goal>); 3] =
    [(1, Some(Goal::AtLeast(1.0))), (16, None), (256, Some(Goal::AtLeast(2.0)))];
/// How often every client asks before the clock runs: a tab first hears of all others that have come.
const WARM_UP_ASKS: usize = 3;
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(2);
/// What etcd keeps for each client.
const VALUE: [u8; 64] = [7; 64];

const DUET: &str = "duet";
const ETCD: &str = "etcd";

/// Something that is asked again and again.
trait Client {
    /// Gives a command, and waits until it is acknowledged.
    async fn ask(&mut self);
}

impl Client for Tab {
    async fn ask(&mut self) {
        self.ask().await;
    }
}

/// A client that keeps changing one key.
struct Writer {
    etcd: EtcdClient,
    key: String,
}

impl Client for Writer {
    async fn ask(&mut self) {
        self.etcd.put(self.key.as_bytes(), &VALUE).await;
    }
}

/// The figures with one number of clients.
struct Point {
    clients: usize,
    goal: Option<Goal>,
    rates: Figures,
    p50s: Figures,
    p99s: Figures,
    per_flush: Figures,
    /// By the nodes' own count.
    per_fsync: Figures,
}

impl Point {
    fn new((clients, goal): (usize, Option<Goal>)) -> Self {
        let [rates, p50s, p99s, per_flush, per_fsync] = Default::default();
        Point { clients, goal, rates, p50s, p99s, per_flush, per_fsync }
    }

    /// The first client is at the leader, and all are spread evenly.
    async fn measure_relays(&mut self, data: &Path, program: &Path) {
        let relays = Relays::start(program, data);
        let leader = Tab::open(&relays.url(1)).await.leader().expect("a tab is told who leads").0;
        let followers = (1..=NODES).filter(|&id| id != leader);
        let urls: Vec<_> = [leader].into_iter().chain(followers).map(|id| relays.url(id)).collect();
        let mut tabs = Vec::new();
        for url in urls.iter().cycle().take(self.clients) {
            tabs.push(Tab::open(url).await);
        }
        warm_up(&mut tabs).await;
        let before = relays.fsyncs();
        let load = load(tabs).await;
        self.add(DUET, &load, relays.fsyncs() - before);
    }

    /// The same with etcd.
    async fn measure_etcd(&mut self, data: &Path, program: &Path) {
        let etcd = Etcd::start(program, data);
        let endpoints = etcd.endpoints().await;
        let mut clients = Vec::new();
        for (index, endpoint) in endpoints.iter().cycle().take(self.clients).enumerate() {
            clients.push(Writer { etcd: EtcdClient::connect(endpoint).await, key: format!("key-{index}") });
        }
        warm_up(&mut clients).await;
        let before = etcd.fsyncs();
        let load = load(clients).await;
        self.add(ETCD, &load, etcd.fsyncs() - before);
    }

    /// `fsyncs` are those of one node.
    fn add(&mut self, engine: &'static str, load: &Load, fsyncs: f64) {
        self.rates.add(engine, load.sample.per_second());
        self.p50s.add(engine, load.sample.percentile_ms(0.5));
        self.p99s.add(engine, load.sample.percentile_ms(0.99));
        self.per_flush.add(engine, load.operations as f64 / load.flushes as f64);
        self.per_fsync.add(engine, load.operations as f64 / fsyncs);
    }

    fn add_to(&self, table: &mut Table, goals: &mut Goals) {
        let mut row = |what: &str, figures: &Figures, unit: &str, better, goal| {
            let cells = [DUET, ETCD].map(|engine| shown(figures.median(engine), unit));
            let work = format!("{}: {what}", clients(self.clients));
            table.row(&work, &cells, &figures.shares(DUET, &[ETCD], better), goal, goals);
        };
        row("acknowledged/s", &self.rates, "", Better::More, self.goal);
        row("p50", &self.p50s, " ms", Better::Less, None);
        row("p99", &self.p99s, " ms", Better::Less, None);
        row("operations per fsync of one node", &self.per_fsync, "", Better::More, None);
        row("operations per flush of the disk, all nodes together", &self.per_flush, "", Better::More, None);
    }
}

fn clients(count: usize) -> String {
    if count == 1 { "1 client".to_owned() } else { format!("{count} clients") }
}

fn shown(figure: f64, unit: &str) -> String {
    if figure < 100.0 { format!("{figure:.2}{unit}") } else { format!("{figure:.0}{unit}") }
}

/// What was seen while clients kept asking.
struct Load {
    sample: Sample,
    /// Everything acknowledged from the first question on, and the flushes of the disk meanwhile.
    operations: usize,
    flushes: u64,
}

/// Measures both, and gives the table. They take turns, each with fresh nodes, whose data is in `data`.
pub async fn measure(data: &Path, relay: &Path, etcd: &Path, goals: &mut Goals) -> String {
    let mut points = CLIENTS.map(Point::new);
    let mut appends = Vec::new();
    for round in 1..=ROUNDS {
        eprintln!("durably: round {round} of {ROUNDS}");
        appends.push(appends_per_second(data));
        for point in &mut points {
            point.measure_relays(data, relay).await;
            point.measure_etcd(data, etcd).await;
        }
    }
    let mut table = Table::new("three nodes on loopback, durably", DUET, &[ETCD], ETCD);
    points.iter().for_each(|point| point.add_to(&mut table, goals));
    let (least, most) = extremes(&appends);
    format!(
        "{}\n\
         - The disk itself: {:.0} appends/s of 4 KiB by one process, with fdatasync after each ({least:.0} to {most:.0}, \
         once in every round).\n",
        table.finish(),
        median(&appends)
    )
}

/// Lets every client ask some times.
async fn warm_up(clients: &mut [impl Client]) {
    let ask = async |client: &mut _| {
        for _ in 0..WARM_UP_ASKS {
            Client::ask(client).await;
        }
    };
    join_all(clients.iter_mut().map(ask)).await;
}

/// Lets every client ask again and again.
async fn load(mut clients: Vec<impl Client>) -> Load {
    let flushes_before = flushes();
    let mut sample = Sample::after(Instant::now() + WARM_UP, MEASURED);
    let (begin, end) = (sample.begin(), sample.end());
    let all = join_all(clients.iter_mut().map(|client| keep_asking(client, begin, end))).await;
    let flushes = flushes() - flushes_before;
    let mut operations = 0;
    for (count, of_one) in all {
        operations += count;
        sample.join(of_one);
    }
    Load { sample, operations, flushes }
}

/// Gives the number of questions, and how long they took that ended in time.
async fn keep_asking(client: &mut impl Client, begin: Instant, end: Instant) -> (usize, Sample) {
    let mut sample = Sample::after(begin, end - begin);
    let mut count = 0;
    let mut since = Instant::now();
    while since < end {
        client.ask().await;
        let now = Instant::now();
        sample.add(since, now);
        since = now;
        count += 1;
    }
    (count, sample)
}
