//! The original's routes, as its clients use them.

mod socket;

use std::path::Path;

use serde_json::{Value, json};

use crate::cluster::{Cluster, poll};
use crate::tab::Tab;
use socket::{HANDSHAKE, wait_for_packet_at};
pub use socket::{event_of_socket_io, socket_io_session, socket_io_session_at, wait_for_packet};

const ALL: [u16; 3] = [1, 2, 3];
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

fn add(cluster: &Cluster, id: u16, name: &str) {
    let said = post(cluster, id, "/add_name", &json!({ "name": name })).done();
    assert!(said["message"].is_string() && said.as_object().unwrap().len() == 1, "{said}");
}

fn accept(cluster: &Cluster, id: u16, value: u64) -> Answer {
    post(cluster, id, "/accept", &json!({"proposal_number": 1, "value": value}))
}

/// The answer of `/get_data` for these names and this highest number.
fn data(names: &[&str], highest: impl Into<Option<u64>>) -> Value {
    let max_number = highest.into();
    let rows: Vec<_> = names.iter().map(|name| json!({"name": name, "max_number": max_number})).collect();
    json!({ "data": rows })
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
async fn names_added_at_any_relay_are_at_all_three_and_every_row_has_the_highest_number() {
    let cluster = Cluster::start(3);
    let tab = Tab::open(&[cluster.url(1)]).await;
    tab.add("Dora").await;
    add(&cluster, 1, "Anna");
    add(&cluster, 2, "Béla");
    add(&cluster, 3, "Anna");
    until_all_answer(&cluster, "/get_data", &data(&["Anna", "Anna", "Béla", "Dora"], None));
    accept(&cluster, 2, 8).done();
    until_all_answer(&cluster, "/get_data", &data(&["Anna", "Anna", "Béla", "Dora"], 8));
    let reason = get(&cluster, 2, "/get_data?room=elsewhere").refused(404);
    assert!(reason.contains("add a record to it to create it"), "{reason}");
    post(&cluster, 2, "/add_name?room=elsewhere", &json!({"name": "Anna"})).done();
    assert_eq!(get(&cluster, 2, "/get_data?room=elsewhere").done(), data(&["Anna"], None));
    tab.until("what the routes added", |view| view.records().count() == 4).await;
}

#[test]
fn the_load_is_every_request_that_came_to_this_node_and_a_switch_begins_the_count_anew() {
    let cluster = Cluster::start(3);
    let load = |id: u16| get(&cluster, id, "/get_load").done();
    let first = load(1)["load"].as_u64().unwrap();
    cluster.get(1, "/").expect("an answer");
    cluster.get(1, "/nothing").expect("an answer");
    get(&cluster, 1, "/get_data").done();
    post(&cluster, 1, "/add_name", &json!({})).refused(400);
    let said = load(1);
    assert_eq!((&said["load"], &said["REQUEST_COUNT"]), (&json!(first + 5), &json!(first + 5)), "itself, too");
    assert_eq!((&said["HIGH_REQUEST"], &said["USE_CRDT_ONLY"]), (&json!(50), &json!(false)));

    let switch = |id: u16, body: &Value| post(&cluster, id, "/switch_to_crdt_only", body).done();
    let shape = |said: &Value| said.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let many = switch(1, &json!({}));
    assert_eq!(
        (shape(&many), &many["load_increased"]),
        (vec!["load_increased".into(), "message".into()], &json!(true))
    );
    assert!(many["message"].is_string());
    assert_eq!(switch(1, &json!({}))["load_increased"], json!(false), "one request, which is this one");
    assert_eq!(load(1)["load"], json!(1));
    switch(1, &json!({"use_crdt_only": false}));
}

#[test]
fn by_the_rule_of_the_counter_a_node_that_is_asked_too_often_switches_to_crdts_alone() {
    let cluster = Cluster::start(3);
    let rule = r#"{"rule": "counter", "high_request": 30}"#;
    let length = rule.len();
    let head =
        format!("PATCH /api/v1/rooms/people/settings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{JSON}");
    let (said, _) = cluster.request(1, &format!("{head}Content-Length: {length}\r\n\r\n{rule}")).expect("an answer");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let mut load = 0;
    poll("relay 2 switches", || {
        let said = get(&cluster, 2, "/get_load").done();
        let is_switched = said["USE_CRDT_ONLY"] == true;
        assert!(load >= 30 || !is_switched, "{load}");
        load = said["load"].as_u64().unwrap();
        is_switched.then_some(())
    });
    for id in ALL {
        poll("all have switched", || (get(&cluster, id, "/get_load").done()["USE_CRDT_ONLY"] == true).then_some(()));
    }
    assert_eq!(get(&cluster, 2, "/get_load").done()["reason"], "load");
}

#[test]
fn after_a_data_transfer_a_node_has_what_the_others_have() {
    let cluster = Cluster::start(3);
    for round in 1..=20_u64 {
        let names: Vec<_> = (0..round).map(|number| format!("Person {number:02}")).collect();
        add(&cluster, 1, &names[names.len() - 1]);
        accept(&cluster, 1, round).done();
        let (head, body) = cluster.get(3, "/data_transfer").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/plain"), "{head}");
        assert_eq!(body, "Done");
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        assert_eq!(get(&cluster, 3, "/get_data").done(), data(&names, round));
    }
}

#[test]
fn prepare_reports_and_moves_nothing_and_accept_proposes_through_the_log() {
    let cluster = Cluster::start(3);
    let prepare = |number: u64| post(&cluster, 1, "/prepare", &json!({"proposal_number": number})).done();
    let mut value = 4;
    // A majority may do without this relay.
    let before = poll("relay 1 has accepted an entry", || {
        value += 1;
        accept(&cluster, 1, value).done();
        Some(prepare(1_000_000)).filter(|said| said["accepted_proposal"].is_u64())
    });
    assert_eq!((&before["promised"], &before["accepted_value"]), (&json!(true), &json!(value)));
    assert_eq!(prepare(0)["promised"], json!(false));
    assert_eq!(prepare(1_000_000), before, "no stranger moves a ballot");

    assert_eq!(accept(&cluster, 2, 50).done(), json!({"accepted": true}));
    add(&cluster, 1, "Anna");
    until_all_answer(&cluster, "/get_data", &data(&["Anna"], 50));
    for value in [0, 49, 50] {
        let refused = accept(&cluster, 3, value).done();
        assert_eq!(refused["accepted"], json!(false));
        assert_eq!(refused["reason"], "the highest number is 50 already: propose a higher one");
    }
    assert!(accept(&cluster, 1, u64::MAX).refused(422).contains("is not"));
}

#[test]
fn with_crdts_only_the_highest_number_merges_and_paxos_keeps_it_when_it_is_back() {
    let cluster = Cluster::start(3);
    let switch = |id: u16, crdt_only: bool| {
        post(&cluster, id, "/switch_to_crdt_only", &json!({ "use_crdt_only": crdt_only })).done();
        for id in ALL {
            let load = || get(&cluster, id, "/get_load").done();
            let what = format!("relay {id} says USE_CRDT_ONLY = {crdt_only}");
            poll(&what, || (load()["USE_CRDT_ONLY"] == crdt_only).then_some(()));
        }
    };
    switch(2, true);
    for (id, name, number) in [(1, "Anna", 7), (2, "Béla", 12), (3, "Cili", 9)] {
        update(&cluster, id, name, number);
    }
    until_all_answer(&cluster, "/get_data", &data(&["Anna", "Béla", "Cili"], 12));
    assert_eq!(post(&cluster, 1, "/prepare", &json!({"proposal_number": 0})).done()["accepted_value"], json!(null));
    switch(3, false);
    poll("the log follows", || {
        (post(&cluster, 1, "/prepare", &json!({"proposal_number": 0})).done()["accepted_value"] == 12).then_some(())
    });
    update(&cluster, 1, "", 13);
    until_all_answer(&cluster, "/get_data", &data(&["Anna", "Béla", "Cili"], 13));
}

/// Emits `update_data` by a session of its own, and waits until it is done.
fn update(cluster: &Cluster, id: u16, name: &str, number: u64) {
    let session = socket_io_session_at(cluster, id);
    let event = json!(["update_data", {"name": name, "number": number}]);
    cluster.post(id, &session, "", &format!("420{event}")).expect("an answer");
    wait_for_packet_at(cluster, id, &session, "430[{");
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
        ("/add_name", JSON, "{}", 400, "there is no name"),
        ("/add_name", JSON, "{\"name\": null}", 400, "there is no name"),
        ("/add_name", JSON, "{\"name\": \"\"}", 400, "there is no name"),
        ("/add_name", JSON, "{\"name\": 7}", 422, "`name` must be a text, not 7"),
        ("/add_name", JSON, "{\"name\": \" \"}", 400, "there is no name"),
        ("/add_name", JSON, &format!("{{\"name\": \"{long}\"}}"), 422, "at most 4096"),
        ("/add_name", JSON, &too_long, 413, "longer than 65536 bytes"),
        ("/add_name?room=no%20room", JSON, "{\"name\": \"Anna\"}", 400, "the room's name"),
        ("/add_name?room=a&room=b", JSON, "{\"name\": \"Anna\"}", 400, "the query of the URL"),
        ("/prepare", JSON, "{}", 422, "`proposal_number` is missing"),
        ("/prepare", JSON, "{\"proposal_number\": \"1\"}", 422, "0 or more, not \"1\""),
        ("/accept", JSON, "{\"value\": 7}", 422, "`proposal_number` is missing"),
        ("/accept", JSON, "{\"proposal_number\": 1}", 422, "`value` is missing"),
        (
            "/accept",
            JSON,
            "{\"proposal_number\": 1, \"value\": -7}",
            422,
            "`value` must be a whole number of 64 bits, 0 or more, not -7",
        ),
        ("/accept", JSON, "{\"proposal_number\": 1, \"value\": 7.0}", 422, "not 7.0"),
        (
            "/accept",
            JSON,
            "{\"proposal_number\": 1, \"value\": null}",
            422,
            "`value` must be a whole number of 64 bits, 0 or more, not null",
        ),
        ("/switch_to_crdt_only", JSON, "{\"use_crdt_only\": \"yes\"}", 422, "must be true or false, not \"yes\""),
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
    until_all_answer(&cluster, "/get_data", &data(&[], None));
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
    add(&cluster, 1, "Roof");
    assert_eq!(get(&cluster, 1, "/get_data").done(), data(&["Roof"], None));

    let file = tempfile::NamedTempFile::new().unwrap();
    let field = |name: &str| format!("[[field]]\nname = \"{name}\"\nkind = \"lww\"\nrequired = true\n");
    std::fs::write(file.path(), field("title") + &field("due")).unwrap();
    let cluster = Cluster::start_with(1, &["--schema", file.path().to_str().unwrap()]);
    let reason = post(&cluster, 1, "/add_name", &json!({"name": "Roof"})).refused(422);
    assert_eq!(reason, "a record needs a due");
}

#[test]
fn without_a_majority_names_and_highest_numbers_go_on_and_what_the_log_must_decide_is_refused_for_now() {
    let mut cluster = Cluster::start(3);
    cluster.kill(1);
    cluster.kill(2);
    poll("the majority is missed", || {
        let reason = accept(&cluster, 3, 9);
        (reason.status == 503).then(|| reason.refused(503)).filter(|reason| reason.starts_with("no majority"))
    });
    post_raw(&cluster, 3, "/switch_to_crdt_only", "", "").refused(503);
    update(&cluster, 3, "Anna", 7);
    assert_eq!(get(&cluster, 3, "/get_data").done(), data(&["Anna"], 7));
    // What was raised is on disk.
    cluster.kill(3);
    for id in ALL {
        cluster.spawn(id);
    }
    cluster.wait_until_linked();
    until_all_answer(&cluster, "/get_data", &data(&["Anna"], 7));
}

#[test]
fn what_is_not_decided_in_time_is_said_to_be_open_and_comes_true_later() {
    let cluster = Cluster::start(3);
    add(&cluster, 3, "Anna");
    cluster.freeze(1);
    cluster.freeze(2);
    let reason = accept(&cluster, 3, 2).refused(503);
    assert!(reason.starts_with("not decided within 10 s, and it may still be"), "{reason}");
    cluster.thaw(1);
    cluster.thaw(2);
    until_all_answer(&cluster, "/get_data", &data(&["Anna"], 2));
}

/// Sends JSON to the API.
fn api(cluster: &Cluster, id: u16, method: &str, path: &str, body: &Value) -> (String, String) {
    let (body, head) =
        (body.to_string(), format!("{method} /api/v1/rooms/people/{path} HTTP/1.1\r\nHost: localhost\r\n"));
    let length = body.len();
    let request = format!("{head}Connection: close\r\n{JSON}Content-Length: {length}\r\n\r\n{body}");
    cluster.request(id, &request).expect("an answer")
}

#[test]
fn the_levels_is_moved_by_numbers_that_are_asked_for_and_not_by_requests_of_other_kinds() {
    const READERS: usize = 4;
    const READS: usize = 200;
    let cluster = Cluster::start(1);
    // A window is bad with its third number, and the second bad one changes the level. Nothing else does.
    let settings = json!({"rule": "levels", "high_request": 2, "window_ms": 60_000, "target_ms": 60_000});
    let (said, _) = api(&cluster, 1, "PATCH", "settings", &settings);
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let load = || get(&cluster, 1, "/get_load").done();
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                for _ in 0..READS {
                    get(&cluster, 1, "/get_data").done();
                    load();
                    post(&cluster, 1, "/prepare", &json!({"proposal_number": 1})).done();
                }
            });
        }
    });
    let said = load();
    assert!(said["REQUEST_COUNT"].as_u64() > Some((3 * READERS * READS) as u64), "{said}");
    assert_eq!((&said["level"], &said["epoch"], &said["measured"]), (&json!("batching"), &json!(0), &json!(null)));
    for count in 1..=6 {
        let body = json!({"fields": {"name": format!("Person {count}")}, "number": "next"});
        let (said, _) = api(&cluster, 1, "POST", "records", &body);
        assert!(said.starts_with("HTTP/1.1 201"), "{said}");
    }
    poll("the level changes", || (load()["level"] == "leases").then_some(()));
    assert_eq!((load()["epoch"].as_u64(), load()["reason"].as_str()), (Some(1), Some("load")));
}
