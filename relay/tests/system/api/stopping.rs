//! A relay that is stopped while it is asked for much.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use super::{get, send, try_asking, until};
use crate::cluster::Cluster;

const ASKERS: usize = 24;
const TARGET: u16 = 2;

/// The outcome of a request for a record with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    Done,
    NotBegun,
    /// By the word of the relay.
    Unknown,
    /// The connection was refused, or ended without an answer.
    NoAnswer,
}

fn ask(cluster: &Cluster, name: &str) -> Came {
    let body = json!({"fields": {"name": name}, "number": "next"}).to_string();
    let headers = [("Content-Type", "application/json")];
    let Ok(answer) = try_asking(cluster, TARGET, "POST records", &headers, Some(&body)) else { return Came::NoAnswer };
    match (answer.status, answer.json()["type"].as_str()) {
        (201, _) => Came::Done,
        (503, Some("urn:duet:problem:stopping")) => Came::NotBegun,
        (503, Some("urn:duet:problem:outcome-unknown")) => Came::Unknown,
        _ => panic!("{answer:?}"),
    }
}

/// Every record of a room, by its name.
pub fn records(cluster: &Cluster, id: u16) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut path = "records?limit=100".to_owned();
    loop {
        let page = get(cluster, id, &path).expect(200);
        for record in page["records"].as_array().expect("records") {
            all.insert(record["fields"]["name"].as_str().expect("a name").to_owned(), record.clone());
        }
        let Some(next) = page["next"].as_str() else { return all };
        path = format!("records?limit=100&after={next}");
    }
}

#[test]
fn on_sigterm_a_request_is_done_whole_or_not_begun_and_its_answer_says_which() {
    let mut cluster = Cluster::start(3);
    send(&cluster, TARGET, "POST records", &json!({"fields": {"name": "first"}, "number": "next"})).expect(201);
    let ends = AtomicBool::new(false);
    let came: BTreeMap<String, Came> = thread::scope(|scope| {
        let (cluster, ends) = (&cluster, &ends);
        let askers: Vec<_> = (0..ASKERS)
            .map(|asker| {
                scope.spawn(move || {
                    let mut came = Vec::new();
                    for count in 0.. {
                        let name = format!("{asker}-{count}");
                        let outcome = ask(cluster, &name);
                        came.push((name, outcome));
                        if outcome != Came::Done || ends.load(Ordering::Relaxed) {
                            return came;
                        }
                    }
                    unreachable!("it has no end")
                })
            })
            .collect();
        until(cluster, 1, "records?limit=1", "the requests are under way", |page| {
            page["total"].as_u64() > Some(3 * ASKERS as u64)
        });
        kill(cluster.pid(TARGET), Signal::SIGTERM).expect("to signal a child");
        let came = askers.into_iter().flat_map(|asker| asker.join().expect("no panic")).collect();
        ends.store(true, Ordering::Relaxed);
        came
    });
    let status = cluster.wait_until_ended(TARGET);
    assert_eq!(status.code(), Some(0));
    cluster.spawn(TARGET);
    cluster.wait_until_linked();

    let count = |of: Came| came.values().filter(|&&outcome| outcome == of).count();
    println!("{:?}", [Came::Done, Came::NotBegun, Came::Unknown, Came::NoAnswer].map(|of| (of, count(of))));
    let is_there = |name: &str, all: &BTreeMap<String, Value>| all.contains_key(name);
    let all = {
        let done = || came.iter().filter(|(_, outcome)| **outcome == Came::Done).map(|(name, _)| name);
        until(&cluster, 1, "records?limit=1", "all that was done is at another relay", |_| {
            let all = records(&cluster, 1);
            done().all(|name| is_there(name, &all))
        });
        records(&cluster, 1)
    };
    for (name, outcome) in &came {
        match outcome {
            Came::Done => assert_eq!(all[name]["number"]["state"], "final", "{name}"),
            Came::NotBegun => assert!(!is_there(name, &all), "{name} was said not to be begun"),
            Came::NoAnswer => assert!(!is_there(name, &all), "{name} was done, and nobody was told"),
            Came::Unknown => {}
        }
    }
    for (name, record) in &all {
        assert_eq!(record["number"]["state"], "final", "{name} is there without a number");
    }
    assert_eq!(count(Came::Unknown), 0, "with a majority at hand everything that was begun is finished in time");
}
