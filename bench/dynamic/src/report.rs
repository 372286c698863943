//! What was measured, in words, tables and charts.

use std::fs;
use std::path::Path;

use crate::burst::{Burst, Bursts, STEP};
use crate::chart::{Axis, Band, Chart, Line, Scale};
use crate::client::Given;
use crate::method::Method;
use crate::sweep::{LOADS, Run, Sweep};

/// How long the original took until its nodes had the same, by requests per node, in milliseconds.
const ORIGINAL_MS: [(usize, f64); 3] = [(5, 950.0), (20, 2000.0), (40, 2000.0)];
/// What part of that may be taken.
const OF_ORIGINAL: f64 = 0.01;
/// What 99 of 100 requests are to keep to, in milliseconds.
const TARGET_MS: f64 = 100.0;

/// The table of goals.
#[derive(Default)]
struct Goals {
    rows: String,
    all: usize,
    met: usize,
}

impl Goals {
    fn judge(&mut self, goal: &str, seen: &str, is_met: bool) {
        self.all += 1;
        self.met += usize::from(is_met);
        self.rows += &format!("| {goal} | {seen} | {} |\n", if is_met { "yes" } else { "no" });
    }
}

/// The report in Markdown; the charts go into `charts`.
pub fn write(sweep: &Sweep, bursts: &Bursts, charts: &Path) -> String {
    let pictures = [
        ("dynamic-agreed.svg", agreed(sweep)),
        ("dynamic-final.svg", final_at_once(sweep)),
        ("dynamic-burst.svg", burst(bursts)),
    ];
    for (name, chart) in &pictures {
        fs::write(charts.join(name), chart.svg()).unwrap_or_else(|error| panic!("cannot write {name}: {error}"));
    }
    let mut goals = Goals::default();
    judge(&mut goals, sweep, bursts);
    format!(
        "{}\n{}\n| goal | seen | met |\n|---|---|---|\n{}\ngoals: {} of {} met",
        sweep_table(sweep),
        burst_table(bursts),
        goals.rows,
        goals.met,
        goals.all
    )
}

fn sweep_table(sweep: &Sweep) -> String {
    let mut table = "| requests per node | method | until all agree | requests/s | p99 | final at once | settled \
                     afterwards in |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for load in LOADS {
        for method in Method::SWEPT {
            let median = |figure: fn(&Run) -> f64| sweep.median(method, load, figure);
            let settled = match method.settles_by_itself() {
                true => "–".to_owned(),
                false => format!("{:.0} ms", median(|run| run.settled_ms)),
            };
            table += &format!(
                "| {load} | {} | {:.1} ms | {:.0} | {:.1} ms | {:.0} % | {settled} |\n",
                method.name(),
                median(|run| run.agreed_ms),
                median(|run| run.rate),
                median(|run| run.p99_ms),
                median(|run| 100.0 * run.final_at_once),
            );
        }
    }
    table
}

fn burst_table(bursts: &Bursts) -> String {
    let rates = bursts.rates;
    let mut table = format!(
        "Burst: {:.0} requests/s, then {:.0} for ten seconds, then {:.0}; Paxos alone can do {:.0} on this machine.\n\n\
         | in the burst | p99 | final at once | provisional | refused | most unsettled | settled after the burst in | \
         conflicts |\n|---|---|---|---|---|---|---|---|\n",
        rates.base, rates.burst, rates.base, rates.paxos
    );
    for burst in bursts.all() {
        let share = |given| 100.0 * burst.share(given);
        table += &format!(
            "| {} | {:.0} ms | {:.1} % | {:.1} % | {:.1} % | {} | {:.1} s | {} |\n",
            burst.method.name(),
            burst.p99_of_burst_ms(),
            share(Given::Final),
            share(Given::Provisional),
            share(Given::None),
            burst.most_unsettled(),
            burst.settled_after(),
            burst.numbers.conflicts
        );
    }
    table
}

fn judge(goals: &mut Goals, sweep: &Sweep, bursts: &Bursts) {
    for (load, original) in ORIGINAL_MS {
        let (seen, limit) = (sweep.median(Method::Levels, load, |run| run.agreed_ms), original * OF_ORIGINAL);
        let goal =
            format!("{load} requests per node, the levels: all agree in 1/100 of the original's time ({limit} ms)");
        goals.judge(&goal, &format!("{seen:.1} ms"), seen <= limit);
    }
    let in_bursts = |count: fn(&Burst) -> usize| bursts.all().into_iter().map(count).sum::<usize>();
    let twice = sweep.all().map(|run| run.twice).sum::<usize>() + in_bursts(|burst| burst.numbers.twice);
    goals.judge("no final number is two records'", &format!("{twice} are"), twice == 0);
    let left = sweep.all().map(|run| run.unnumbered).sum::<usize>() + in_bursts(|burst| burst.numbers.others);
    goals.judge("every record has a final number in the end", &format!("{left} have none"), left == 0);
    for burst in bursts.all() {
        let (p99, is_paxos) = (burst.p99_of_burst_ms(), burst.method == Method::PaxosOnly);
        let wanted = if is_paxos { "not below" } else { "below" };
        let goal = format!("in the burst, {}: p99 {wanted} {TARGET_MS} ms", burst.method.name());
        goals.judge(&goal, &format!("{p99:.0} ms"), (p99 < TARGET_MS) != is_paxos);
    }
    for burst in [&bursts.levels, &bursts.without_leases] {
        let switches = burst.modes.last().map_or(0, |mode| mode.epoch);
        let goal = format!("{} goes there and comes back by itself", burst.method.name());
        goals.judge(&goal, &format!("{switches} switches"), burst.went_there_and_back());
    }
}

fn agreed(sweep: &Sweep) -> Chart {
    let y = Axis { label: "ms", scale: Scale::Log, least: 1.0, most: 10_000.0 };
    by_load("Until all three nodes agree", y, sweep, |run| run.agreed_ms)
}

fn final_at_once(sweep: &Sweep) -> Chart {
    let y = Axis { label: "%", scale: Scale::Linear, least: 0.0, most: 100.0 };
    by_load("Numbers that were final when they were told", y, sweep, |run| 100.0 * run.final_at_once)
}

/// The median of a figure, for each method, over the load.
fn by_load(title: &str, y: Axis, sweep: &Sweep, figure: fn(&Run) -> f64) -> Chart {
    let lines = Method::SWEPT.map(|method| Line {
        name: method.name().to_owned(),
        points: LOADS.map(|load| (load as f64, sweep.median(method, load, figure))).into(),
    });
    Chart {
        title: title.to_owned(),
        x: Axis { label: "requests per node", scale: Scale::Log, least: 5.0, most: 1000.0 },
        y,
        bands: Vec::new(),
        lines: lines.into(),
    }
}

/// The p99 of each step, with the levels behind it.
fn burst(bursts: &Bursts) -> Chart {
    let step = STEP.as_secs_f64();
    let line = |burst: &Burst| {
        let steps = (0..(burst.span() / step) as usize).map(|at| at as f64 * step);
        Line {
            name: burst.method.name().to_owned(),
            points: steps.map(|from| (from, burst.p99_ms(from, from + step))).collect(),
        }
    };
    Chart {
        title: "A burst from second 5 to 15: p99, and the levels".to_owned(),
        x: Axis { label: "s", scale: Scale::Linear, least: 0.0, most: bursts.levels.span() },
        y: Axis { label: "ms", scale: Scale::Log, least: 1.0, most: 100_000.0 },
        bands: bands(&bursts.levels),
        lines: vec![line(&bursts.levels), line(&bursts.paxos)],
    }
}

fn bands(burst: &Burst) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for mode in &burst.modes {
        if let Some(band) = bands.last_mut() {
            band.until = mode.at;
        }
        if bands.last().is_none_or(|band| band.name != mode.level) {
            bands.push(Band { from: mode.at, until: mode.at, name: mode.level.clone() });
        }
    }
    bands
}
