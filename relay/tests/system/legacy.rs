//! The original's routes, as its clients use them.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::io::Command;
use shared::ledger::{Load, Reason, Rung, Wish};

use crate::cluster::{Cluster, poll};
use crate::tab::Tab;

const ALL: [u16; 3] = [1, 2, 3];
/// Between the packets of Engine.IO in one answer.
const END_OF_PACKET: &str = "\u{1e}";
const JSON: &str = "Content-Type: application/json\r\n";

/// An answer: its status, its head and what it says.
struct Answer {
    status: u16,
    head: String,
    said: Value,
}

impl Answer {
    /// Every answer of these routes is JSON.
    fn new((head, body): (String, String)) -> Self {
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let said = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {head}\n{body}"));
        Answer { status, head, said }
    }

    /// What a request that is done is answered with.
    fn done(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.said);
        self.said
    }

    /// Why a request is refused with this status.
    fn refused(self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.said);
        let reason = self.said["error"].as_str().unwrap_or_else(|| panic!("no reason: {}", self.said));
        if status == 503 {
            assert!(self.head.contains("retry-after: "), "{}", self.head);
        }
        reason.to_owned()
    }
}

fn get(cluster: &Cluster, id: u16, path: &str) -> Answer {
    Answer::new(cluster.get(id, path).expect("an answer"))
}

fn post(cluster: &Cluster, id: u16, path: &str, body: &Value) -> Answer {
    post_raw(cluster, id, path, JSON, &body.to_string())
}

fn post_raw(cluster: &Cluster, id: u16, path: &str, headers: &str, body: &str) -> Answer {
    Answer::new(cluster.post(id, path, headers, body).expect("an answer"))
}

fn add(cluster: &Cluster, id: u16, person: &Value) -> Value {
    post(cluster, id, "/add_name", person).done()
}

/// Waits until all relays answer `path` with this.
fn until_all_answer(cluster: &Cluster, path: &str, expected: &Value) {
    for id in ALL {
        poll(&format!("relay {id} answers {path} with {expected}"), || {
            let answer = get(cluster, id, path).done();
            (answer == *expected).then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_added_at_any_relay_are_the_same_at_all_three() {
    let cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    tab.add("Dora").await;
    let anna = add(&cluster, 1, &json!({"name": "Anna"}));
    assert_eq!(anna, json!({"name": "Anna", "number": 1, "state": "final"}));
    let bela = add(&cluster, 2, &json!({"name": "Béla", "number": 7}));
    assert_eq!(bela, json!({"name": "Béla", "number": 7, "state": "final"}));
    let namesake = add(&cluster, 3, &json!({"name": "Anna", "number": null}));
    assert_eq!(namesake, json!({"name": "Anna", "number": 8, "state": "final"}));
    let data = json!({"data": [
        {"name": "Anna", "max_number": 1},
        {"name": "Anna", "max_number": 8},
        {"name": "Béla", "max_number": 7},
        {"name": "Dora", "max_number": null},
    ]});
    until_all_answer(&cluster, "/get_data", &data);
    let transfer = json!({"room": "people", "highest_number": 8, "data": [
        {"name": "Anna", "number": 1, "state": "final"},
        {"name": "Anna", "number": 8, "state": "final"},
        {"name": "Béla", "number": 7, "state": "final"},
        {"name": "Dora", "number": null, "state": "none"},
    ]});
    until_all_answer(&cluster, "/data_transfer", &transfer);
    let reason = get(&cluster, 2, "/get_data?room=elsewhere").refused(404);
    assert!(reason.contains("add a record to it to create it"), "{reason}");
    post(&cluster, 2, "/add_name?room=elsewhere", &json!({"name": "Anna"})).done();
    let rows = json!({"data": [{"name": "Anna", "max_number": 1}]});
    assert_eq!(get(&cluster, 2, "/get_data?room=elsewhere").done(), rows);
    tab.until("what the routes added", |view| view.ledger().count() == 3 && view.records().count() == 4).await;
}

#[test]
fn of_two_who_want_one_number_one_gets_it_and_the_other_is_not_added() {
    let cluster = Cluster::start(3);
    let ask = |id: u16, name: &str| post(&cluster, id, "/add_name", &json!({"name": name, "number": 42}));
    let outcomes = thread::scope(|scope| {
        let asked = [(1, "Anna"), (2, "Béla")].map(|(id, name)| scope.spawn(move || (name, ask(id, name))));
        asked.map(|asked| asked.join().expect("an answer"))
    });
    let (got, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, answer)| answer.status == 200);
    let [(winner, _)] = &got[..] else { panic!("one gets it, not {}", got.len()) };
    for (_, answer) in lost {
        assert!(answer.refused(409).starts_with("number 42 belongs to another record already"));
    }
    until_all_answer(&cluster, "/get_data", &json!({"data": [{"name": winner, "max_number": 42}]}));
    let late = ask(3, "Cili").refused(409);
    assert!(late.starts_with("number 42 belongs to another record already"), "{late}");
    until_all_answer(&cluster, "/get_data", &json!({"data": [{"name": winner, "max_number": 42}]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_a_number_that_the_log_refuses_is_not_added() {
    let cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    tab.command(Command::Lease { count: 10 }).await.expect("a lease");
    let reason = post(&cluster, 2, "/add_name", &json!({"name": "Anna", "number": 5})).refused(409);
    assert!(reason.contains("number 5 is leased"), "{reason}");
    until_all_answer(&cluster, "/get_data", &json!({"data": []}));
    assert_eq!(add(&cluster, 2, &json!({"name": "Anna"}))["number"], json!(11));
}

#[test]
fn prepare_reports_and_moves_nothing_and_accept_proposes_through_the_log() {
    let cluster = Cluster::start(3);
    add(&cluster, 1, &json!({"name": "Anna", "number": 5}));
    let prepare = |number: u64| post(&cluster, 1, "/prepare", &json!({"proposal_number": number})).done();
    let before = prepare(1_000_000);
    assert_eq!((&before["promised"], &before["accepted_value"]), (&json!(true), &json!(5)));
    assert!(before["accepted_proposal"].is_u64(), "{before}");
    assert_eq!(prepare(0)["promised"], json!(false));
    assert_eq!(prepare(1_000_000), before, "no stranger moves a ballot");

    let accept = |id: u16, value: u64| post(&cluster, id, "/accept", &json!({"proposal_number": 1, "value": value}));
    assert_eq!(accept(2, 50).done(), json!({"accepted": true}));
    poll("relay 3 has heard of it", || {
        (get(&cluster, 3, "/data_transfer").done()["highest_number"] == 50).then_some(())
    });
    for value in [0, 49, 50] {
        let refused = accept(3, value).done();
        assert_eq!(refused["accepted"], json!(false));
        assert_eq!(refused["reason"], "the highest number is 50 already: propose a higher one");
    }
    assert!(accept(1, u64::MAX).refused(422).contains("is not"));
    assert_eq!(add(&cluster, 3, &json!({"name": "Béla"}))["number"], json!(51));
}

#[test]
fn with_crdts_only_numbers_are_provisional_until_paxos_is_back() {
    let cluster = Cluster::start(3);
    let load = |id: u16| get(&cluster, id, "/get_load").done();
    let until_all_use = |crdt_only: bool| {
        for id in ALL {
            let what = format!("relay {id} says USE_CRDT_ONLY = {crdt_only}");
            poll(&what, || (load(id)["USE_CRDT_ONLY"] == crdt_only).then_some(()));
        }
    };
    assert_eq!((&load(1)["HIGH_REQUEST"], &load(1)["USE_CRDT_ONLY"]), (&json!(50), &json!(false)));
    assert!(load(1)["REQUEST_COUNT"].is_u64());
    let switched = post_raw(&cluster, 2, "/switch_to_crdt_only", "", "").done();
    assert_eq!(switched, json!({"use_crdt_only": true, "epoch": 1, "rung": "provisional"}));
    until_all_use(true);
    let anna = add(&cluster, 1, &json!({"name": "Anna", "number": 7}));
    assert_eq!(anna, json!({"name": "Anna", "number": 7, "state": "provisional"}));
    until_all_answer(&cluster, "/get_data", &json!({"data": [{"name": "Anna", "max_number": 7, "provisional": true}]}));
    let back = post(&cluster, 3, "/switch_to_crdt_only", &json!({"use_crdt_only": false})).done();
    assert_eq!(back, json!({"use_crdt_only": false, "epoch": 2, "rung": "batching"}));
    until_all_use(false);
    until_all_answer(&cluster, "/get_data", &json!({"data": [{"name": "Anna", "max_number": 7}]}));
}

#[test]
fn bad_input_is_refused_with_a_reason_and_changes_nothing() {
    let cluster = Cluster::start(3);
    let long = "n".repeat(5000);
    let too_long = format!("{{\"name\": \"{}\"}}", "n".repeat(1_000_000));
    let table = [
        ("/add_name", JSON, "", 400, "no JSON"),
        ("/add_name", JSON, "{\"name\": \"Anna\"", 400, "no JSON"),
        ("/add_name", JSON, "{\"name\": \"Anna\"} and more", 400, "no JSON"),
        ("/add_name", "", "{\"name\": \"Anna\"}", 415, "Content-Type: application/json"),
        ("/add_name", "Content-Type: text/plain\r\n", "{\"name\": \"Anna\"}", 415, "Content-Type: application/json"),
        ("/add_name", JSON, "[\"Anna\"]", 422, "no object"),
        ("/add_name", JSON, "null", 422, "no object"),
        ("/add_name", JSON, "{}", 422, "missing field `name`"),
        ("/add_name", JSON, "{\"name\": null}", 422, "invalid type: null"),
        ("/add_name", JSON, "{\"name\": 7}", 422, "expected a string"),
        ("/add_name", JSON, "{\"name\": \" \"}", 422, "a record needs a name"),
        ("/add_name", JSON, &format!("{{\"name\": \"{long}\"}}"), 422, "at most 4096"),
        ("/add_name", JSON, "{\"name\": \"Anna\", \"number\": \"7\"}", 422, "invalid type: string"),
        ("/add_name", JSON, "{\"name\": \"Anna\", \"number\": -7}", 422, "invalid value"),
        ("/add_name", JSON, "{\"name\": \"Anna\", \"number\": 7.5}", 422, "invalid type: floating point"),
        ("/add_name", JSON, "{\"name\": \"Anna\", \"number\": 0}", 422, "0 is not"),
        ("/add_name", JSON, "{\"name\": \"Anna\", \"number\": 1000000000000}", 422, "1000000000000 is not"),
        ("/add_name", JSON, "{\"name\": \"Anna\", \"max_number\": 7}", 422, "unknown field `max_number`"),
        ("/add_name", JSON, &too_long, 413, "longer than 65536 bytes"),
        ("/add_name?room=no%20room", JSON, "{\"name\": \"Anna\"}", 400, "the room's name"),
        ("/add_name?room=a&room=b", JSON, "{\"name\": \"Anna\"}", 400, "the query of the URL"),
        ("/prepare", JSON, "{}", 422, "missing field `proposal_number`"),
        ("/prepare", JSON, "{\"proposal_number\": \"1\"}", 422, "invalid type: string"),
        ("/accept", JSON, "{\"value\": 7}", 422, "missing field `proposal_number`"),
        ("/accept", JSON, "{\"proposal_number\": 1}", 422, "missing field `value`"),
        ("/accept", JSON, "{\"proposal_number\": 1, \"value\": null}", 422, "invalid type: null"),
        ("/switch_to_crdt_only", JSON, "{\"use_crdt_only\": \"yes\"}", 422, "expected a boolean"),
        ("/switch_to_crdt_only", "", "{\"use_crdt_only\": true}", 415, "Content-Type: application/json"),
        ("/get_data", JSON, "{}", 405, "the method is not the right one"),
        ("/get_load", JSON, "{}", 405, "the method is not the right one"),
        ("/data_transfer", JSON, "{}", 405, "the method is not the right one"),
    ];
    for (path, headers, body, status, reason) in table {
        let said = post_raw(&cluster, 1, path, headers, body).refused(status);
        let start: String = body.chars().take(80).collect();
        assert!(said.contains(reason), "{path} {start}: {said}");
    }
    for path in ["/add_name", "/prepare", "/accept", "/switch_to_crdt_only"] {
        let answer = get(&cluster, 1, path);
        assert!(answer.head.contains("allow: POST"), "{}", answer.head);
        answer.refused(405);
    }
    for (method, path) in [("GET", "/nothing"), ("POST", "/nothing"), ("POST", "/add_name/"), ("GET", "/get_data/x")] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let (head, _) = cluster.request(1, &request).expect("an answer");
        assert!(head.starts_with("HTTP/1.1 404"), "{method} {path}: {head}");
    }
    until_all_answer(&cluster, "/get_data", &json!({"data": []}));
    assert_eq!(get(&cluster, 1, "/get_load").done()["USE_CRDT_ONLY"], json!(false));
}

#[test]
fn pages_from_elsewhere_are_refused_as_they_are_at_the_socket() {
    let cluster = Cluster::start_with(1, &["--allow-origin", "https://duet.example"]);
    let add = |origin: &str| {
        let headers = format!("{JSON}Origin: {origin}\r\n");
        post_raw(&cluster, 1, "/add_name", &headers, "{\"name\": \"Anna\"}")
    };
    for origin in ["https://evil.example", "null"] {
        assert!(add(origin).refused(403).contains("--allow-origin"), "{origin}");
    }
    for origin in ["https://duet.example", "http://localhost:1234"] {
        add(origin).done();
    }
    let handshake = |origin: &str| {
        let head = format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        cluster.request(1, &format!("{head}Origin: {origin}\r\n\r\n")).expect("an answer").0
    };
    assert!(handshake("https://evil.example").starts_with("HTTP/1.1 403"));
    let allowed = handshake("https://duet.example");
    assert!(allowed.starts_with("HTTP/1.1 200"), "{allowed}");
    assert!(allowed.contains("access-control-allow-origin: https://duet.example"), "{allowed}");
}

#[test]
fn with_another_schema_the_name_is_its_title_and_nothing_else_may_be_required() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/invoices.toml");
    let cluster = Cluster::start_with(1, &["--schema", example.to_str().unwrap()]);
    add(&cluster, 1, &json!({"name": "Roof"}));
    assert_eq!(get(&cluster, 1, "/get_data").done(), json!({"data": [{"name": "Roof", "max_number": 1}]}));

    let file = tempfile::NamedTempFile::new().unwrap();
    let field = |name: &str| format!("[[field]]\nname = \"{name}\"\nkind = \"lww\"\nrequired = true\n");
    std::fs::write(file.path(), field("title") + &field("due")).unwrap();
    let cluster = Cluster::start_with(1, &["--schema", file.path().to_str().unwrap()]);
    let reason = post(&cluster, 1, "/add_name", &json!({"name": "Roof"})).refused(422);
    assert_eq!(reason, "a record needs a due");
}

#[test]
fn without_a_majority_names_go_on_and_what_the_log_must_decide_is_refused_for_now() {
    let mut cluster = Cluster::start(3);
    cluster.kill(1);
    cluster.kill(2);
    poll("the majority is missed", || {
        let reason = post(&cluster, 3, "/accept", &json!({"proposal_number": 1, "value": 9}));
        (reason.status == 503).then(|| reason.refused(503)).filter(|reason| reason.starts_with("no majority"))
    });
    post_raw(&cluster, 3, "/switch_to_crdt_only", "", "").refused(503);
    let anna = add(&cluster, 3, &json!({"name": "Anna", "number": 7}));
    assert_eq!(anna["state"], "provisional");
    for id in [1, 2] {
        cluster.spawn(id);
    }
    cluster.wait_until_linked();
    until_all_answer(&cluster, "/get_data", &json!({"data": [{"name": "Anna", "max_number": 7}]}));
}

#[test]
fn what_is_not_decided_in_time_is_said_to_be_open_and_comes_true_later() {
    let cluster = Cluster::start(3);
    add(&cluster, 3, &json!({"name": "Anna"}));
    cluster.freeze(1);
    cluster.freeze(2);
    let reason = post(&cluster, 3, "/add_name", &json!({"name": "Béla"})).refused(503);
    assert!(reason.starts_with("not decided within 10 s, and it may still be"), "{reason}");
    cluster.thaw(1);
    cluster.thaw(2);
    let data = [json!({"name": "Anna", "max_number": 1}), json!({"name": "Béla", "max_number": 2})];
    until_all_answer(&cluster, "/get_data", &json!({ "data": data }));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_load_is_shed_nobody_is_added_and_everybody_is_told_when_to_try_again() {
    let cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    let shed = Wish::SetMode { from: None, rung: Rung::Shedding, reason: Reason::ByHand, load: Load::default() };
    tab.ask(shed).await.expect("anybody may change the mode by hand");
    poll("relay 2 sheds", || (get(&cluster, 2, "/get_load").done()["rung"] == "shedding").then_some(()));
    let reason = post(&cluster, 2, "/add_name", &json!({"name": "Anna"})).refused(503);
    assert!(reason.contains("try again in 1000 ms"), "{reason}");
    until_all_answer(&cluster, "/get_data", &json!({"data": []}));
}

#[test]
fn a_client_that_stays_does_not_hold_up_the_end() {
    let mut cluster = Cluster::start(1);
    let _session = socket_io_session(&cluster);
    let asked = Instant::now();
    assert_eq!(cluster.terminate(1).code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
}

/// Where a client of Socket.IO begins that has no WebSocket.
const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

/// A session of Socket.IO by hand: where its requests go.
fn socket_io_session(cluster: &Cluster) -> String {
    let (head, body) = cluster.get(1, HANDSHAKE).expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let open: Value = serde_json::from_str(body.strip_prefix('0').expect("an open packet")).expect("JSON");
    let path = format!("{HANDSHAKE}&sid={}", open["sid"].as_str().expect("a session"));
    cluster.post(1, &path, "", "40").expect("an answer");
    wait_for_packet(cluster, &path, "40{");
    path
}

/// Waits until a session is sent a packet that begins like this, among others such as pings.
fn wait_for_packet(cluster: &Cluster, session: &str, start: &str) {
    poll(&format!("a packet {start}"), || {
        let (_, said) = cluster.get(1, session).expect("an answer");
        said.split(END_OF_PACKET).any(|packet| packet.starts_with(start)).then_some(())
    });
}

#[test]
fn whatever_is_no_socket_io_is_refused_and_nobody_else_notices() {
    let cluster = Cluster::start(1);
    let bystander = socket_io_session(&cluster);
    let other = socket_io_session(&cluster);
    let long = "4".repeat(2_000_000);
    let [broken, big] = [socket_io_session(&cluster), socket_io_session(&cluster)];
    let table = [
        ("GET", "/socket.io", "", "400"),
        ("GET", "/socket.io/", "", "400"),
        ("GET", "/socket.io/x", "", "404"),
        ("GET", "/socket.io/?EIO=9&transport=polling", "", "400"),
        ("GET", "/socket.io/?EIO=4&transport=pigeon", "", "400"),
        ("GET", "/socket.io/?EIO=4&transport=websocket", "", "400"),
        ("GET", "/socket.io/?EIO=4&transport=polling&sid=nobody", "", "400"),
        ("GET", "/socket.io/?EIO=4&transport=polling&room=no%20room", "", "400"),
        ("POST", "/socket.io/?EIO=4&transport=polling", "40", "400"),
        ("PUT", other.as_str(), "40", "400"),
        ("POST", broken.as_str(), "nonsense", "400"),
        ("POST", big.as_str(), &long, "413"),
    ];
    for (method, path, body, status) in table {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}");
        let (head, said) = cluster.request(1, &format!("{head}\r\n\r\n{body}")).expect("an answer");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {head}\n{said}");
    }
    for (event, reply) in [("get_highest_number", "highest_number"), ("nonsense", "error")] {
        cluster.post(1, &bystander, "", &format!("42[{event:?}]")).expect("an answer");
        wait_for_packet(&cluster, &bystander, &format!("42[{reply:?}"));
    }
}

#[test]
fn only_so_many_clients_may_be_connected_and_whoever_leaves_makes_room() {
    const MOST: usize = 1024;
    let cluster = Cluster::start(1);
    let first = socket_io_session(&cluster);
    for _ in 1..MOST {
        let (head, _) = cluster.get(1, HANDSHAKE).expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
    assert!(get(&cluster, 1, HANDSHAKE).refused(503).starts_with("too many clients"));
    cluster.post(1, &first, "", "1").expect("an answer");
    poll("there is room again", || cluster.get(1, HANDSHAKE)?.0.starts_with("HTTP/1.1 200").then_some(()));
}

#[test]
fn every_event_of_a_burst_is_answered() {
    const COUNT: usize = 40;
    let cluster = Cluster::start(1);
    let session = socket_io_session(&cluster);
    let burst = ["42[\"get_data\"]"; COUNT].join(END_OF_PACKET);
    cluster.post(1, &session, "", &burst).expect("an answer");
    let mut answers = 0;
    poll("every answer", || {
        let (_, said) = cluster.get(1, &session).expect("an answer");
        let is_answer = |packet: &&str| packet.starts_with("42[\"data\"") || packet.starts_with("42[\"error\"");
        answers += said.split(END_OF_PACKET).filter(is_answer).count();
        (answers == COUNT).then_some(())
    });
}
