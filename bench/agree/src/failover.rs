//! The leader killed with -9.

use std::path::Path;
use std::time::Instant;

use shared::base::id::RelayId;

use crate::figures::{extremes, median};
use crate::nodes::{NODES, Relays, Tab};
use crate::table::{Goal, Goals};

/// How often the leader is killed.
const KILLS: usize = 15;
/// How many operations are decided before each kill.
const BEFORE: usize = 10;
const LIMIT_MS: f64 = 300.0;

/// Kills leaders, and gives what a client at a follower sees of it as a table.
pub async fn measure(data: &Path, relay: &Path, goals: &mut Goals) -> String {
    eprintln!("killing leaders");
    let mut relays = Relays::start(relay, data);
    let mut outages_ms = Vec::new();
    for _ in 0..KILLS {
        outages_ms.push(outage_ms(&mut relays).await);
    }
    let (least, most) = extremes(&outages_ms);
    let (wanted, met) = goals.judge(Goal::AtMostMs(LIMIT_MS), &[most]);
    format!(
        "| leader killed with -9, {KILLS} times | median | least | most | goal for the most | met |\n\
         |---|---|---|---|---|---|\n\
         | until a follower's client has the decision of an operation asked after the kill | {:.0} ms | {least:.0} ms | \
         {most:.0} ms | {wanted} | {met} |\n",
        median(&outages_ms)
    )
}

/// Kills the leader and starts it again. Gives the time from the kill until an operation was decided that was asked after it.
async fn outage_ms(relays: &mut Relays) -> f64 {
    let (mut tab, leader) = tab_at_follower(relays).await;
    let killed_at = Instant::now();
    relays.kill(leader);
    tab.ask().await;
    let outage = killed_at.elapsed();
    assert_ne!(tab.leader(), Some(RelayId(leader)), "the decision is that of another leader");
    relays.spawn(leader);
    relays.wait_until_linked();
    outage.as_secs_f64() * 1e3
}

/// A tab that has been asking at a follower, and the leader. Who leads may have changed since the last kill.
async fn tab_at_follower(relays: &Relays) -> (Tab, u16) {
    for id in (1..=NODES).cycle() {
        let mut tab = Tab::open(&relays.url(id)).await;
        for _ in 0..BEFORE {
            tab.ask().await;
        }
        match tab.leader() {
            Some(RelayId(leader)) if leader != id => return (tab, leader),
            _ => {}
        }
    }
    unreachable!("a cycle does not end")
}
