//! Three voters in one thread, with storage in memory.

mod duet;
mod omnipaxos;
mod openraft;
mod voters;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::figures::{Better, Figures, ROUNDS, Sample};
use crate::table::{Goal, Goals, Table};
use duet::Duet;
use omnipaxos::Omnipaxos;
use voters::PaxosAlone;

/// How many commands are in flight.
const IN_FLIGHT: [usize; 3] = [1, 16, 256];
const WARM_UP: Duration = Duration::from_millis(200);
const MEASURED: Duration = Duration::from_millis(800);
/// How often voters look at their timers.
const TICK: Duration = Duration::from_millis(10);

const PEERS: [&str; 2] = [Omnipaxos::NAME, openraft::NAME];
/// In the order of the columns.
const ENGINES: [&str; 4] = [PaxosAlone::NAME, Duet::NAME, Omnipaxos::NAME, openraft::NAME];

/// Three voters that a loop steps.
trait Voters {
    const NAME: &'static str;

    /// Three voters, one of which leads, for so many commands in flight.
    fn elect(in_flight: usize) -> Self;

    /// Gives the leader a command.
    fn propose(&mut self);

    /// Delivers messages, and what follows from them, until none is under way. Gives the number of commands that the
    /// leader's proposer has seen decided.
    fn deliver(&mut self) -> usize;

    /// Lets timers fire.
    fn tick(&mut self, since_start: Duration);
}

/// The figures at one number of commands in flight.
struct Point {
    in_flight: usize,
    rates: Figures,
    p99s: Figures,
}

impl Point {
    fn add(&mut self, engine: &'static str, sample: &Sample) {
        self.rates.add(engine, sample.per_second());
        self.p99s.add(engine, sample.percentile_ms(0.99) * 1e3);
    }

    fn add_to(&self, table: &mut Table, goals: &mut Goals) {
        let cells = |figures: &Figures, show: fn(f64) -> String| ENGINES.map(|engine| show(figures.median(engine)));
        let in_flight = self.in_flight;
        let shares = self.rates.shares(PaxosAlone::NAME, &PEERS, Better::More);
        let rates = cells(&self.rates, |rate| format!("{rate:.0}"));
        table.row(&format!("{in_flight} in flight: decided/s"), &rates, &shares, Some(Goal::AtLeast(1.5)), goals);
        let shares = self.p99s.shares(PaxosAlone::NAME, &PEERS, Better::Less);
        let p99s = cells(&self.p99s, |us| format!("{us:.1} µs"));
        table.row(&format!("{in_flight} in flight: p99"), &p99s, &shares, None, goals);
    }
}

/// Measures all engines, and gives the table. They take turns, so that a slow moment of the machine meets all of them.
pub fn measure(goals: &mut Goals) -> String {
    let mut points =
        IN_FLIGHT.map(|in_flight| Point { in_flight, rates: Figures::default(), p99s: Figures::default() });
    for round in 1..=ROUNDS {
        eprintln!("in one process: round {round} of {ROUNDS}");
        for point in &mut points {
            point.add(PaxosAlone::NAME, &drive::<PaxosAlone>(point.in_flight));
            point.add(Duet::NAME, &drive::<Duet>(point.in_flight));
            point.add(Omnipaxos::NAME, &drive::<Omnipaxos>(point.in_flight));
            point.add(openraft::NAME, &openraft::drive(point.in_flight));
        }
    }
    let mut table = Table::new("in one process, in memory", PaxosAlone::NAME, &ENGINES[1..], "better peer");
    points.iter().for_each(|point| point.add_to(&mut table, goals));
    table.finish()
}

/// Keeps so many commands in flight. They are decided in the order in which they are proposed.
fn drive<V: Voters>(in_flight: usize) -> Sample {
    let mut voters = V::elect(in_flight);
    let mut proposed_at = VecDeque::with_capacity(in_flight);
    let start = Instant::now();
    let mut sample = Sample::after(start + WARM_UP, MEASURED);
    let mut now = start;
    let mut next_tick = start + TICK;
    while now < sample.end() {
        while proposed_at.len() < in_flight {
            proposed_at.push_back(Instant::now());
            voters.propose();
        }
        let decided = voters.deliver();
        now = Instant::now();
        proposed_at.drain(..decided).for_each(|since| sample.add(since, now));
        if now >= next_tick {
            next_tick = now + TICK;
            voters.tick(now - start);
        }
    }
    sample
}
