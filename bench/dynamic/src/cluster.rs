//! Three relays, looked at from outside.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use hyper::Method;
use relays::{NODES, Relays};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::Client;

/// How often it is looked whether the relays agree.
const PULSE: Duration = Duration::from_millis(1);
/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Cluster {
    relays: Relays,
    /// One connection to each, for looking.
    eyes: Vec<Client>,
}

/// What a relay has of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub records: u64,
    pub applied: u64,
    pub unsettled: u64,
}

/// Every number in a room.
pub struct Numbers {
    pub finals: usize,
    pub others: usize,
    /// How many final numbers are two records'.
    pub twice: usize,
    pub conflicts: usize,
}

impl Cluster {
    pub async fn start(program: &Path, data: &Path) -> Self {
        let relays = Relays::start(program, data);
        let mut eyes = Vec::new();
        for id in 1..=NODES {
            eyes.push(Client::connect(relays.port(id)).await);
        }
        Cluster { relays, eyes }
    }

    /// Has each relay count the requests that come to it from here on: the thesis's rule goes by those of all rooms.
    pub async fn begin_counts_anew(&mut self) {
        for eye in &mut self.eyes {
            eye.change(Method::POST, "/switch_to_crdt_only", json!({"use_crdt_only": false})).await;
        }
    }

    pub fn port(&self, node: usize) -> u16 {
        self.relays.port(node as u16 + 1)
    }

    pub fn eye(&mut self, node: usize) -> &mut Client {
        &mut self.eyes[node]
    }

    async fn see(&mut self, node: usize, room: &str) -> Seen {
        let records = self.eyes[node].get(&format!("{room}/records?limit=1")).await;
        let mode = self.eyes[node].get(&format!("{room}/mode")).await;
        // A relay that has not heard of the room yet has nothing of it.
        Seen {
            records: records.body["total"].as_u64().unwrap_or_default(),
            applied: mode.applied.unwrap_or_default(),
            unsettled: mode.body["unsettled"].as_u64().unwrap_or_default(),
        }
    }

    /// Waits until all have the same records of a room, at least so many, and the same log, and nothing that is unsettled,
    /// if that is wanted. Gives when.
    pub async fn wait_until_agreed(&mut self, room: &str, records: u64, is_settled: bool) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut seen = Vec::new();
            for node in 0..self.eyes.len() {
                seen.push(self.see(node, room).await);
            }
            let now = Instant::now();
            let is_same = seen.iter().all(|other| *other == seen[0]);
            if is_same && seen[0].records >= records && (!is_settled || seen[0].unsettled == 0) {
                return now;
            }
            assert!(now < deadline, "the relays do not come to agree: {seen:?}, {records} were added");
            sleep(PULSE).await;
        }
    }

    /// Looks at all numbers of a room, as one relay shows them.
    pub async fn numbers(&mut self, room: &str) -> Numbers {
        let mut numbers = Numbers { finals: 0, others: 0, twice: 0, conflicts: 0 };
        let mut finals = BTreeSet::new();
        for record in self.pages(room, "records").await {
            match record["number"]["value"].as_u64() {
                Some(number) => {
                    numbers.finals += 1;
                    numbers.twice += usize::from(!finals.insert(number));
                }
                None => numbers.others += 1,
            }
        }
        numbers.conflicts = self.pages(room, "conflicts").await.len();
        numbers
    }

    /// All that a resource has, page by page.
    async fn pages(&mut self, room: &str, resource: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let mut page = self.eyes[0].get(&format!("{room}/{resource}?limit=1000{after}")).await.body;
            let Value::Array(elements) = page[resource].take() else { panic!("{resource} are a list") };
            all.extend(elements);
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }
}
