//! How fast the page is with ten thousand people, in real Chromium and at real relays; prints a table. `cargo xtask bench
//! page` runs it and sets the environment.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::browser::{Browser, Window};
use e2e::relays::Relays;
use e2e::tab::Tab;
use e2e::writer::Writer;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

const PEOPLE: usize = 10_000;
const LOADS: usize = 5;
/// How often somebody else edits.
const UPDATES_PER_SECOND: u32 = 60;
/// For how long frames are counted.
const WATCHED: Duration = Duration::from_secs(15);
const TYPED: &str = "the quick brown fox jumps over the lazy dog and back again ";
/// A frame that takes longer is seen to stutter, in milliseconds.
const STUTTER: f64 = 50.0;

/// Since when the page is being opened, in milliseconds: until all are counted and the first are painted, and the longest
/// time that the page was busy without a break.
const WAIT_FOR_ALL: &str = r#"
    const [count, done] = arguments;
    let longest = 0;
    new PerformanceObserver(list => list.getEntries().forEach(task => longest = Math.max(longest, task.duration)))
        .observe({ type: "longtask", buffered: true });
    const look = () => {
        const text = document.querySelector("h1 + p")?.innerText.replace(/[^0-9]/g, "") ?? "";
        if (text.includes(count) && document.querySelectorAll("[data-record]").length > 10) {
            const at = performance.now();
            requestAnimationFrame(() => setTimeout(() => done({ at, painted: performance.now(), longest }), 100));
        } else requestAnimationFrame(look);
    };
    look();
"#;

/// Notes, for each key pressed, how long it takes until the next frame is painted; and how long each frame takes.
const WATCH: &str = r#"
    window.seen = { keys: [], frames: [], longest: 0 };
    const after_paint = then => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = then;
        channel.port2.postMessage(0);
    });
    addEventListener("keydown", event => after_paint(() => seen.keys.push(performance.now() - event.timeStamp)), true);
    let last = performance.now();
    const frame = now => { seen.frames.push(now - last); last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(now => { last = now; requestAnimationFrame(frame); });
    new PerformanceObserver(list => list.getEntries().forEach(task => seen.longest = Math.max(seen.longest, task.duration)))
        .observe({ type: "longtask" });
"#;

#[derive(Deserialize)]
struct Load {
    at: f64,
    longest: f64,
}

#[derive(Deserialize)]
struct Seen {
    keys: Vec<f64>,
    frames: Vec<f64>,
    longest: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let relays = Relays::start().await?;
    let mut writer = Writer::new().await?;
    writer.add_people(PEOPLE).await?;
    writer.connect(&relays.url(0)).await?;
    let mut browser = Browser::start().await?;
    let mut loads = Vec::new();
    for _ in 0..LOADS {
        let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
        loads.push(tab.measure::<Load>(WAIT_FOR_ALL, &[PEOPLE.to_string()]).await?);
        tab.close().await?;
    }
    let tab = browser.open(&relays.url(0), Window::DESKTOP).await?;
    tab.measure::<Load>(WAIT_FOR_ALL, &[PEOPLE.to_string()]).await?;
    let idle = at_work(&tab, None, &["form[aria-label='New person'] input[aria-label=Name]"]).await?;
    let busy = at_work(&tab, Some(&writer), &["form[aria-label='New person'] input[aria-label=Name]"]).await?;
    print(&loads, &idle, &busy);
    tab.close().await
}

/// Types, while somebody else edits if there is a `writer`.
async fn at_work(tab: &Tab, writer: Option<&Writer>, fields: &[&str]) -> Result<Seen> {
    tab.run(WATCH).await?;
    let typing = async {
        let until = Instant::now() + WATCHED;
        while Instant::now() < until {
            for field in fields {
                for letter in TYPED.split_inclusive(' ') {
                    tab.type_into(field, letter).await?;
                }
            }
        }
        Ok(())
    };
    match writer {
        None => typing.await?,
        Some(writer) => {
            let (typed, edited) = tokio::join!(typing, edit(writer));
            typed.and(edited)?;
        }
    }
    let seen: Seen = tab.look("return seen").await?;
    ensure!(!seen.keys.is_empty() && !seen.frames.is_empty(), "nothing was seen");
    Ok(seen)
}

/// Every second edit is of somebody among the first in the table.
async fn edit(writer: &Writer) -> Result<()> {
    let edits = WATCHED.as_secs() as usize * UPDATES_PER_SECOND as usize;
    let mut next = Instant::now();
    for edit in 0..edits {
        let person = if edit % 2 == 0 { edit / 2 % 20 * 90 } else { edit * 7919 % PEOPLE };
        writer.write_note(person, &format!("note {edit}")).await?;
        next += Duration::from_secs(1) / UPDATES_PER_SECOND;
        sleep_until(next).await;
    }
    Ok(())
}

fn print(loads: &[Load], idle: &Seen, busy: &Seen) {
    println!("| with 10,000 people | p50 | p99 | longest | goal |\n|---|---|---|---|---|");
    let times: Vec<f64> = loads.iter().map(|load| load.at).collect();
    let tasks: Vec<f64> = loads.iter().map(|load| load.longest).collect();
    row("a first visit: from the address until all are there and can be used", &times, "≤ 1000 ms");
    row("its longest task", &tasks, "");
    row("a key in the form, until it is painted", &idle.keys, "");
    row("the same, while others make 60 updates/s", &busy.keys, "≤ 50 ms");
    row("a frame, nothing going on but the typing", &idle.frames, "");
    row("a frame, while others make 60 updates/s", &busy.frames, "≤ 50 ms");
    let late = busy.frames.iter().filter(|frame| **frame > STUTTER).count();
    println!(
        "\n{late} of {} frames took longer than {STUTTER} ms while others made 60 updates/s; the longest task took {:.0} ms.",
        busy.frames.len(),
        busy.longest
    );
}

fn row(what: &str, times: &[f64], goal: &str) {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!("| {what} | {:.0} ms | {:.0} ms | {:.0} ms | {goal} |", at(0.5), at(0.99), at(1.0));
}
