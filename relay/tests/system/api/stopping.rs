//! A relay that is stopped while it is asked for much.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use futures_util::{SinkExt, StreamExt};
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use shared::replica::io::Violation;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Answer, add, get, send, send_as, try_asking, until};
use crate::cluster::{Cluster, PATIENCE};
use crate::legacy::{event_of_socket_io, socket_io_session_at};
use crate::tab::Tab;

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
    Came::of(try_asking(cluster, TARGET, "POST records", &headers, Some(&body)))
}

impl Came {
    fn of(answer: Result<Answer, ureq::Error>) -> Self {
        let Ok(answer) = answer else { return Came::NoAnswer };
        let problem = if answer.status == 503 { answer.json()["type"].clone() } else { Value::Null };
        match (answer.status, problem.as_str()) {
            (200 | 201 | 204, _) => Came::Done,
            (503, Some("urn:duet:problem:stopping")) => Came::NotBegun,
            (503, Some("urn:duet:problem:outcome-unknown")) => Came::Unknown,
            _ => panic!("{answer:?}"),
        }
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

/// Asks for one thing after the other until something is not done. Gives how many were, and what came of the last one.
fn ask_on(ask: impl Fn(u64) -> Came) -> (u64, Came) {
    let mut done = 0;
    loop {
        match ask(done) {
            Came::Done => done += 1,
            other => return (done, other),
        }
    }
}

/// Changes a note.
fn patch(cluster: &Cluster, id: &str, count: u64) -> Came {
    let body = json!({"fields": {"note": count.to_string()}}).to_string();
    let headers = [("Content-Type", "application/json")];
    Came::of(try_asking(cluster, TARGET, &format!("PATCH records/{id}"), &headers, Some(&body)))
}

/// Gives a record a number, and the next time takes it away.
fn number(cluster: &Cluster, id: &str, count: u64) -> Came {
    let (body, headers) = (json!({"number": "next"}).to_string(), [("Content-Type", "application/json")]);
    let path = format!("records/{id}/number");
    Came::of(if count.is_multiple_of(2) {
        try_asking(cluster, TARGET, &format!("PUT {path}"), &headers, Some(&body))
    } else {
        try_asking(cluster, TARGET, &format!("DELETE {path}"), &[], None)
    })
}

/// Adds a name and raises the highest number, as the original's programs do.
fn update(cluster: &Cluster, session: &str, name: &str, number: u64, count: u64) -> Came {
    let event = json!(["update_data", {"name": format!("{name}-{count}"), "number": number + count}]);
    match event_of_socket_io(cluster, TARGET, session, count, &event) {
        None => Came::NoAnswer,
        Some(said) if said["error"].is_null() => Came::Done,
        Some(said) => match said["error"].as_str().expect("words") {
            words if words.contains("nothing was done") => Came::NotBegun,
            words if words.contains("was added, but") => Came::Unknown,
            words => panic!("{words}"),
        },
    }
}

#[test]
fn on_sigterm_changes_numbers_and_updates_of_the_original_are_done_or_not_begun_and_their_answers_say_which() {
    const EACH: usize = 8;
    let mut cluster = Cluster::start(3);
    let ids = |what: &str| -> Vec<String> {
        (0..EACH).map(|asker| add(&cluster, TARGET, &format!("{what}-{asker}"), &Value::Null)).collect()
    };
    let (noted, numbered) = (ids("noted"), ids("numbered"));
    let sessions: Vec<String> = (0..EACH).map(|_| socket_io_session_at(&cluster, TARGET)).collect();
    let before = 2 * EACH as u64;
    let (patched, given, updated): (Vec<_>, Vec<_>, Vec<_>) = thread::scope(|scope| {
        let cluster = &cluster;
        let patched = noted.iter().map(|id| scope.spawn(move || ask_on(|count| patch(cluster, id, count))));
        let given = numbered.iter().map(|id| scope.spawn(move || ask_on(|count| number(cluster, id, count))));
        let updated = sessions.iter().enumerate().map(|(asker, session)| {
            let (name, least) = (format!("updated-{asker}"), 1000 * (asker as u64 + 1));
            scope.spawn(move || ask_on(|count| update(cluster, session, &name, least, count)))
        });
        let (patched, given): (Vec<_>, Vec<_>) = (patched.collect(), given.collect());
        let updated: Vec<_> = updated.collect();
        until(cluster, 1, "records?limit=1", "the requests are under way", |page| {
            page["total"].as_u64() > Some(before + 3 * EACH as u64)
        });
        kill(cluster.pid(TARGET), Signal::SIGTERM).expect("to signal a child");
        let join = |asker: thread::ScopedJoinHandle<'_, _>| asker.join().expect("no panic");
        (
            patched.into_iter().map(join).collect(),
            given.into_iter().map(join).collect(),
            updated.into_iter().map(join).collect(),
        )
    });
    assert_eq!(cluster.wait_until_ended(TARGET).code(), Some(0));
    cluster.spawn(TARGET);
    cluster.wait_until_linked();
    println!("{patched:?}\n{given:?}\n{updated:?}");
    // From now on relay 1 has all that there is.
    super::ask_with(&cluster, 1, "GET /data_transfer", &[], None);

    let note_of = |done: u64| if done == 0 { Value::Null } else { json!((done - 1).to_string()) };
    for (id, &(done, last)) in noted.iter().zip(&patched) {
        let said = |record: &Value| record["fields"]["note"] == note_of(done);
        let unknown = |record: &Value| last == Came::Unknown && record["fields"]["note"] == note_of(done + 1);
        until(&cluster, 1, &format!("records/{id}"), "the note that was last said to be there", |record| {
            said(record) || unknown(record)
        });
    }
    for (id, &(done, last)) in numbered.iter().zip(&given) {
        let has_one = if done % 2 == 1 { json!("final") } else { Value::Null };
        until(&cluster, 1, &format!("records/{id}"), "a number, or none, as was said last", |record| {
            last == Came::Unknown || record["number"]["state"] == has_one
        });
    }
    for (asker, &(done, last)) in updated.iter().enumerate() {
        let name = |count: u64| format!("updated-{asker}-{count}");
        until(&cluster, 1, "records?limit=1", "the names that were said to be there", |_| {
            let all = records(&cluster, 1);
            (0..done).all(|count| all.contains_key(&name(count)))
        });
        let is_there = records(&cluster, 1).contains_key(&name(done));
        assert!(!(is_there && last == Came::NotBegun), "{} was said not to be begun", name(done));
    }
    let highest = updated.iter().enumerate().filter(|(_, (done, _))| *done > 0);
    let raised = highest.map(|(asker, (done, _))| 1000 * (asker as u64 + 1) + done - 1).max().expect("some were done");
    until(&cluster, 1, "nodes", "the highest number that was said to be there", |_| {
        let said = super::ask_with(&cluster, 1, "GET /get_data", &[], None).expect(200);
        said["data"][0]["max_number"].as_u64() >= Some(raised)
    });
}

/// The next packet of a client of the original that begins so, among others such as pings.
async fn packet(client: &mut WebSocketStream<MaybeTlsStream<TcpStream>>, start: &str) -> String {
    let next = async {
        loop {
            let packet = client.next().await.expect("the connection lives").expect("a packet");
            if let Some(text) = packet.to_text().ok().filter(|text| text.starts_with(start)) {
                return text.to_owned();
            }
        }
    };
    timeout(PATIENCE, next).await.expect("a packet in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_stops_between_the_halves_of_an_update_says_which_one_is_done() {
    let mut cluster = Cluster::start(3);
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", cluster.address(TARGET));
    let (mut client, _) = connect_async(url).await.expect("a client of the original");
    packet(&mut client, "0{").await;
    client.send("40".into()).await.expect("the connection lives");
    packet(&mut client, "40{").await;
    let tab = Tab::open(&[cluster.url(TARGET)]).await;
    cluster.freeze(1);
    cluster.freeze(3);
    // What is under way keeps the relay up for a while. Once it says goodbye it begins nothing more.
    let under_way = tokio::task::block_in_place(|| {
        thread::scope(|scope| {
            let cluster = &cluster;
            let raise = json!({"operation": "raise", "number": 9});
            let asked = scope.spawn(move || send(cluster, TARGET, "POST claims", &raise));
            until(cluster, TARGET, "claims", "it is under way", |waiting| waiting["claims"] != json!([]));
            kill(cluster.pid(TARGET), Signal::SIGTERM).expect("to signal a child");
            let event = json!(["update_data", {"name": "Anna", "number": 5}]);
            let said = tokio::runtime::Handle::current().block_on(async {
                tab.until_so("the relay is stopping", || tab.byes().contains(&Violation::Stopping)).await;
                client.send(format!("421{event}").into()).await.expect("the connection lives");
                packet(&mut client, "431[").await
            });
            assert!(said.contains("Anna was added, but the number was not proposed: send the same again"), "{said}");
            asked.join().expect("an answer")
        })
    });
    under_way.expect_problem(503, "outcome-unknown");
    assert_eq!(cluster.wait_until_ended(TARGET).code(), Some(0));
    cluster.thaw(1);
    cluster.thaw(3);
    cluster.spawn(TARGET);
    until(&cluster, 1, "records", "the name is there", |page| page["records"][0]["fields"]["name"] == "Anna");
}

#[test]
fn a_relay_that_must_end_before_the_others_have_decided_says_that_the_outcome_is_unknown() {
    let mut cluster = Cluster::start(3);
    let number = json!({"fields": {"name": "plain"}, "number": "next"});
    let under_key = json!({"fields": {"name": "under a key"}, "number": "next"});
    cluster.freeze(1);
    cluster.freeze(3);
    let answers = thread::scope(|scope| {
        let cluster = &cluster;
        let plain = scope.spawn(|| send(cluster, TARGET, "POST records", &number));
        let keyed = scope.spawn(|| send_as(cluster, TARGET, "POST records", "k", &under_key));
        until(cluster, TARGET, "records", "both are under way", |page| page["total"] == 2);
        kill(cluster.pid(TARGET), Signal::SIGTERM).expect("to signal a child");
        [plain, keyed].map(|asked| asked.join().expect("an answer"))
    });
    for answer in answers {
        let problem = answer.expect_problem(503, "outcome-unknown");
        let words = "it is not known whether this was done: look at another relay before you ask again";
        assert!(problem["detail"].as_str().expect("words").contains(words), "{problem}");
    }
    assert_eq!(cluster.wait_until_ended(TARGET).code(), Some(0));
    cluster.thaw(1);
    cluster.thaw(3);
    cluster.spawn(TARGET);
    cluster.wait_until_linked();
    cluster.wait_until_voting(TARGET);
    let again = send_as(&cluster, 1, "POST records", "k", &under_key).expect(201);
    assert_eq!(again["number"]["state"], "final");
    for id in 1..=3 {
        until(&cluster, id, "records", "nothing is half, and nothing is there twice", |page| {
            let records = page["records"].as_array().expect("records");
            let names: Vec<_> = records.iter().map(|record| &record["fields"]["name"]).collect();
            let is_once = names.iter().filter(|&&name| name == "under a key").count() == 1;
            is_once && names.len() <= 2 && records.iter().all(|record| record["number"]["state"] == "final")
        });
    }
}
