//! How a tab comes to a hundred thousand people on a slow machine, from a relay and out of its own database, in real Chromium
//! and at real relays; prints a table. `cargo xtask bench page` runs it and sets the environment.

use anyhow::{Context, Result};
use e2e::browser::{Browser, Window};
use e2e::many::{Noted, State};
use e2e::relays::Relays;
use e2e::tab::Tab;
use e2e::wait_for;
use e2e::writer::Writer;

const PEOPLE: usize = 100_000;
/// As the page says it.
const ALL: &str = "100,000 people";
const LOADS: usize = 5;
/// How many times slower the processor is than this machine's.
const SLOWER: f64 = 4.0;

/// One load of the page. Times in milliseconds since it is being opened.
struct Load {
    first: f64,
    all: f64,
    longest: f64,
    /// How many states with rows the page showed before all were there.
    progress: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(PEOPLE).await?;
    writer.connect(&relays.url(0)).await?;
    let mut browser = Browser::start().await?;
    let (mut visits, mut reloads) = (Vec::new(), Vec::new());
    for _ in 0..LOADS {
        let tab = browser.open_any("about:blank", Window::DESKTOP).await?;
        tab.note_states().await?;
        tab.slow_down(SLOWER).await?;
        tab.run(&format!("location.href = {:?}", relays.url(0))).await?;
        visits.push(loaded(&tab).await?);
        tab.slow_down(1.0).await?;
        tab.wait_until_kept(PEOPLE).await?;
        tab.slow_down(SLOWER).await?;
        tab.reload().await?;
        reloads.push(loaded(&tab).await?);
        tab.close().await?;
    }
    println!("| with 100,000 people, the processor slowed {SLOWER} times | p50 | longest | goal |\n|---|---|---|---|");
    print("a first visit", &visits);
    print("loaded anew", &reloads);
    Ok(())
}

async fn loaded(tab: &Tab) -> Result<Load> {
    let noted = wait_for(ALL, || async {
        // Between two pages there is nothing.
        let Ok(noted) = tab.noted().await else { return Ok(Err("no page yet".to_owned())) };
        let is_over = noted.states.iter().any(is_whole);
        Ok(if is_over { Ok(noted) } else { Err(format!("{:?}", noted.states.last())) })
    })
    .await?;
    load_of(&noted)
}

fn is_whole(state: &State) -> bool {
    state.count.contains(ALL) && state.rows > 10 && !state.status.contains("loading")
}

fn load_of(Noted { states, tasks }: &Noted) -> Result<Load> {
    let with_rows = |state: &&State| state.rows > 10;
    let first = states.iter().find(with_rows).context("no rows")?.at;
    let all = states.iter().find(|state| is_whole(state)).context("not all")?.at;
    let progress = states.iter().filter(with_rows).filter(|state| state.at < all).count();
    Ok(Load { first, all, longest: tasks.iter().copied().fold(0.0, f64::max), progress })
}

fn print(what: &str, loads: &[Load]) {
    row(&format!("{what}: until the first rows are there"), loads, |load| load.first, "≤ 2000 ms");
    row(&format!("{what}: until all are there"), loads, |load| load.all, "");
    row(&format!("{what}: its longest task"), loads, |load| load.longest, "≤ 200 ms");
    let least = loads.iter().map(|load| load.progress).min().unwrap_or_default();
    println!("| {what}: states with rows that the page showed before all were there | | {least} at the least | |");
}

fn row(what: &str, loads: &[Load], time: impl Fn(&Load) -> f64, goal: &str) {
    let mut times: Vec<f64> = loads.iter().map(time).collect();
    times.sort_by(f64::total_cmp);
    println!("| {what} | {:.0} ms | {:.0} ms | {goal} |", times[times.len() / 2], times[times.len() - 1]);
}
