//! Relays killed with -9 in mid-traffic.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use shared::base::dot::DotSet;
use shared::base::id::RecordId;
use shared::ledger::{Granted, Operation, Outcome};
use shared::replica::View;
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::tab::Tab;

/// A person added, and what was decided about its number.
type Decided = (RecordId, Outcome);

/// People being added, each asking for a number, until it is stopped.
struct Traffic {
    tab: Arc<Tab>,
    decided: Arc<Mutex<Vec<Decided>>>,
    task: JoinHandle<()>,
}

impl Traffic {
    fn start(tab: Tab) -> Self {
        let tab = Arc::new(tab);
        let decided = Arc::default();
        let task = tokio::spawn(Self::run(Arc::clone(&tab), Arc::clone(&decided)));
        Traffic { tab, decided, task }
    }

    async fn run(tab: Arc<Tab>, decided: Arc<Mutex<Vec<Decided>>>) {
        for count in 0.. {
            let record = tab.add(&format!("person {count}")).await;
            let outcome = tab.ask(Operation::Allocate { record }).await;
            decided.lock().unwrap().push((record, outcome));
        }
    }

    fn decided(&self) -> Vec<Decided> {
        self.decided.lock().unwrap().clone()
    }

    /// Waits until so many more operations have been decided.
    async fn more(&self, count: usize) {
        let goal = self.decided().len() + count;
        let what = format!("{count} more numbers are decided");
        self.tab.until_so(&what, || self.decided().len() >= goal).await;
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.task.abort();
        self.tab.disconnect();
    }
}

/// The relay that leads, as a tab has been told.
async fn leader(tab: &Tab) -> u16 {
    let leader = |view: View<'_>| view.status().and_then(|status| status.leader);
    tab.until("somebody leads", |view| leader(view).is_some()).await;
    tab.view(leader).expect("somebody leads").voter.0
}

async fn sees_all(tab: &Tab, acknowledged: &DotSet, decided: &[Decided]) {
    tab.until("every acknowledged edit", |view| acknowledged.is_subset(view.document().context())).await;
    let given = |view: View<'_>| {
        decided.iter().all(|&(record, outcome)| match outcome {
            Ok(Granted::Final(numbered)) => view.ledger().number_of(record) == Some(numbered),
            other => panic!("every allocation is granted: {other:?}"),
        })
    };
    tab.until("every decided number", given).await;
    for (record, _) in decided {
        assert!(tab.view(|view| view.record(*record).is_some()), "{record} is missing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_killed_the_tabs_go_on_and_it_catches_up_when_it_is_back() {
    let mut cluster = Cluster::start(3);
    let urls: Vec<String> = (1..=3).map(|id| cluster.url(id)).collect();
    let first = Tab::open(&urls).await;
    let killed = leader(&first).await;
    let followers: Vec<u16> = (1..=3).filter(|&id| id != killed).collect();
    let steady = Traffic::start(Tab::open(&followers.iter().map(|&id| cluster.url(id)).collect::<Vec<_>>()).await);
    // This one is at the leader, and has to move.
    let moving = Traffic::start(Tab::open(&[cluster.url(killed), cluster.url(followers[0])]).await);
    steady.more(5).await;
    moving.more(5).await;

    cluster.kill(killed);
    let since = Instant::now();
    steady.more(2).await;
    println!("from kill -9 of the leader to the second decision after it: {:?}", since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(5), "a new leader took {:?}", since.elapsed());
    moving.more(5).await;
    assert_eq!(steady.tab.losses(), 0);
    assert_eq!(moving.tab.losses(), 1);

    cluster.spawn(killed);
    cluster.wait_until_linked();
    let (decided, acknowledged) = (moving.decided(), moving.tab.acknowledged());
    let late = Tab::open(&[cluster.url(killed)]).await;
    sees_all(&late, &acknowledged, &decided).await;
    sees_all(&late, &steady.tab.acknowledged(), &steady.decided()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_hangs_another_one_leads_and_it_follows_when_it_wakes() {
    let cluster = Cluster::start(3);
    let hanging = leader(&Tab::open(&[cluster.url(1)]).await).await;
    let others: Vec<String> = (1..=3).filter(|&id| id != hanging).map(|id| cluster.url(id)).collect();
    let traffic = Traffic::start(Tab::open(&others).await);
    traffic.more(5).await;

    cluster.freeze(hanging);
    traffic.more(5).await;
    let new_leader = leader(&traffic.tab).await;
    assert_ne!(new_leader, hanging);

    cluster.thaw(hanging);
    cluster.wait_until_linked();
    traffic.more(5).await;
    let (decided, acknowledged) = (traffic.decided(), traffic.tab.acknowledged());
    let late = Tab::open(&[cluster.url(hanging)]).await;
    sees_all(&late, &acknowledged, &decided).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_relays_are_killed_nothing_that_was_acknowledged_is_missing_afterwards() {
    let mut cluster = Cluster::start(3);
    for _round in 0..2 {
        let mut traffic = Vec::new();
        for id in 1..=3 {
            traffic.push(Traffic::start(Tab::open(&[cluster.url(id)]).await));
        }
        for one in &traffic {
            one.more(10).await;
        }
        for id in 1..=3 {
            cluster.kill(id);
        }
        let promised: Vec<_> = traffic.iter().map(|one| (one.tab.acknowledged(), one.decided())).collect();
        // Without them, or they would bring back what the relays have lost.
        drop(traffic);
        for id in 1..=3 {
            cluster.spawn(id);
        }
        cluster.wait_until_linked();
        for id in 1..=3 {
            let fresh = Tab::open(&[cluster.url(id)]).await;
            for (acknowledged, decided) in &promised {
                sees_all(&fresh, acknowledged, decided).await;
            }
        }
    }
}
