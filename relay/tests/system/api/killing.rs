//! A relay that is killed with -9 while it is asked for records with numbers.

use std::collections::BTreeMap;
use std::thread;

use serde_json::{Value, json};

use super::keys::{ask_as, with_invoice};
use super::stopping::records;
use super::{get, send_as, try_asking, until};
use crate::cluster::{Cluster, poll};

const ASKERS: usize = 16;
const ROUNDS: u64 = 4;
const TARGET: u16 = 2;

fn body(name: &str) -> Value {
    json!({"fields": {"name": name}, "number": "next"})
}

/// Asks for a record after the other, every second one under its name as a key, until there is no answer. Gives those that
/// were answered, and the last one.
fn ask_until_it_is_killed(cluster: &Cluster, asker: &str) -> (Vec<(String, Value)>, String) {
    let mut answered = Vec::new();
    for count in 0.. {
        let name = format!("{asker}-{count}");
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend((count % 2 == 0).then_some(("Idempotency-Key", name.as_str())));
        match try_asking(cluster, TARGET, "POST records", &headers, Some(&body(&name).to_string())) {
            Ok(answer) => {
                let added = answer.expect(201);
                answered.push((name, added));
            }
            Err(_) => return (answered, name),
        }
    }
    unreachable!("it has no end")
}

#[test]
fn after_kill_9_every_record_that_was_to_come_with_a_number_has_it_or_does_not_exist() {
    let mut cluster = Cluster::start(3);
    let mut answered: BTreeMap<String, Value> = BTreeMap::new();
    let mut unanswered = Vec::new();
    for round in 1..=ROUNDS {
        let so_far = answered.len() as u64;
        let pid = cluster.pid(TARGET);
        let asked: Vec<_> = thread::scope(|scope| {
            let cluster = &cluster;
            let askers: Vec<_> = (0..ASKERS)
                .map(|asker| scope.spawn(move || ask_until_it_is_killed(cluster, &format!("{round}-{asker}"))))
                .collect();
            until(cluster, 1, "records?limit=1", "the requests are under way", |page| {
                page["total"].as_u64() > Some(so_far + 3 * ASKERS as u64)
            });
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("to kill a child");
            askers.into_iter().map(|asker| asker.join().expect("no panic")).collect()
        });
        cluster.wait_until_ended(TARGET);
        cluster.spawn(TARGET);
        cluster.wait_until_linked();
        for (done, last) in asked {
            answered.extend(done);
            unanswered.push(last);
        }
        let is_whole = |record: &Value| record["number"]["state"] == "final";
        until(&cluster, 1, "records?limit=1", "nothing is half", |_| {
            [1, TARGET].iter().all(|&id| records(&cluster, id).values().all(is_whole))
        });
        for id in 1..=3 {
            until(&cluster, id, "records?limit=1", "all that was answered is there", |_| {
                let all = records(&cluster, id);
                answered.iter().all(|(name, added)| all.get(name).is_some_and(|record| record["id"] == added["id"]))
            });
        }
    }
    // A repetition under the key says what came of it, and does it if nothing did.
    let before = records(&cluster, 1);
    let left = unanswered.iter().filter(|name| before.contains_key(*name)).count();
    println!("{} answered; of {} unanswered {left} are there", answered.len(), unanswered.len());
    let is_under_key =
        |name: &&String| name.rsplit('-').next().is_some_and(|count| count.parse::<u64>().unwrap() % 2 == 0);
    for (at, name) in unanswered.iter().filter(is_under_key).enumerate() {
        let id = [1, 2, 3][at % 3];
        let added = send_as(&cluster, id, "POST records", name, &body(name)).expect(201);
        assert_eq!(added["number"]["state"], "final");
        if let Some(record) = before.get(name) {
            assert_eq!(added["id"], record["id"], "{name} is done once");
        }
    }
    let names: BTreeMap<String, Value> = records(&cluster, 1);
    assert!(names.values().all(|record| record["number"]["state"] == "final"));
}

/// Adds 1 to the amount of an invoice, each time under a new key, until there is no answer. Gives how often that was done,
/// and the last key.
fn add_until_it_is_killed(cluster: &Cluster, record: &str, asker: &str) -> (i64, String) {
    let change = one_more().to_string();
    for done in 0.. {
        let key = format!("{asker}-{done}");
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key.as_str())];
        match try_asking(cluster, TARGET, &format!("PATCH {record}"), &headers, Some(&change)) {
            Ok(answer) => drop(answer.expect(200)),
            Err(_) => return (done, key),
        }
    }
    unreachable!("it has no end")
}

fn one_more() -> Value {
    json!({"fields": {"amount": {"add": 1}}})
}

/// A change takes two entries of the log: one has the key, the next says that the change is made. In between nobody but the
/// relay that is at it knows what comes of it.
#[test]
fn of_a_change_that_a_killed_relay_was_at_the_others_say_that_nobody_knows_and_it_is_made_once() {
    let (mut cluster, record) = with_invoice();
    let line = format!("PATCH {record}");
    let (mut made, mut open, mut unknown) = (0, Vec::new(), 0);
    for round in 1..=ROUNDS {
        let pid = cluster.pid(TARGET);
        let asked: Vec<_> = thread::scope(|scope| {
            let (cluster, record) = (&cluster, record.as_str());
            let askers: Vec<_> = (0..ASKERS)
                .map(|asker| scope.spawn(move || add_until_it_is_killed(cluster, record, &format!("{round}-{asker}"))))
                .collect();
            until(cluster, 1, record, "the requests are under way", |record| {
                record["fields"]["amount"].as_i64() > Some(made + 3 * ASKERS as i64)
            });
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("to kill a child");
            askers.into_iter().map(|asker| asker.join().expect("no panic")).collect()
        });
        cluster.wait_until_ended(TARGET);
        let answers: Vec<_> = thread::scope(|scope| {
            let (cluster, line) = (&cluster, line.as_str());
            let ask = |key: &str| ask_as(cluster, 1, line, key, Some(&one_more()));
            let asked: Vec<_> = asked.iter().map(|(_, key)| scope.spawn(move || ask(key))).collect();
            asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
        });
        for ((done, key), answer) in asked.into_iter().zip(answers) {
            made += done;
            if answer.status == 200 {
                made += 1;
                continue;
            }
            let problem = answer.expect_problem(503, "outcome-unknown");
            assert!(problem["detail"].as_str().expect("words").contains("under the same Idempotency-Key"), "{problem}");
            unknown += 1;
            open.push(key);
        }
        cluster.spawn(TARGET);
        cluster.wait_until_linked();
        cluster.wait_until_voting(TARGET);
        // It is back, and says of each whether it was made; if not, whoever asks again makes it.
        for key in open.drain(..) {
            poll("it is known what came of it", || {
                (ask_as(&cluster, 3, &line, &key, Some(&one_more())).status == 200).then_some(())
            });
            made += 1;
        }
        for id in 1..=3 {
            until(&cluster, id, &record, "each was made once", |record| record["fields"]["amount"] == made);
        }
    }
    assert!(unknown > 0, "no relay was killed between the two entries");
    assert_eq!(get(&cluster, TARGET, &record).expect(200)["fields"]["amount"], made);
}
