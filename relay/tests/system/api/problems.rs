//! Bad requests, which are told what is wrong, and are never an error of the relay.

use serde_json::json;

use super::{add, ask_with, get, send};
use crate::cluster::Cluster;

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

#[test]
fn whatever_is_wrong_with_a_request_is_said() {
    let cluster = Cluster::start(1);
    let id = add(&cluster, 1, "Anna", &json!(null));
    let (record, number) = (format!("PATCH records/{id}"), format!("PUT records/{id}/number"));
    let nowhere = "00c3a1f05b7d92e4.1";
    let long = format!(r#"{{"fields":{{"name":"{}"}}}}"#, "x".repeat(5000));
    let many = format!(r#"{{"fields":{{"name":"A","tags":[{}"x"]}}}}"#, "\"x\",".repeat(400));
    let table: &[(&str, &str, u16, &str)] = &[
        ("POST records", "", 400, "bad-request"),
        ("POST records", "{", 400, "bad-request"),
        ("POST records", "\u{0}\u{1}", 400, "bad-request"),
        ("POST records", "[]", 422, "unprocessable"),
        ("POST records", "{}", 422, "unprocessable"),
        ("POST records", r#"{"fields":3}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{}}"#, 422, "schema-violation"),
        ("POST records", r#"{"fields":{"name":" "}}"#, 422, "schema-violation"),
        ("POST records", r#"{"fields":{"name":null}}"#, 422, "schema-violation"),
        ("POST records", r#"{"fields":{"name":7}}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A","surname":"B"}}"#, 422, "schema-violation"),
        ("POST records", r#"{"fields":{"name":"A","tags":"x"}}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A","tags":[1]}}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"number":"42"}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"number":"1 2"}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"number":"3\n4"}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"number":01}"#, 400, "bad-request"),
        ("POST records", r#"{"fields":{"name":"A\ud83d\n"}}"#, 400, "bad-request"),
        ("POST records", r#"{"fields":{"name":"A","name":"B"}}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"number":-1}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"number":1.5}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"number":0}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"number":1000000000000}"#, 422, "unprocessable"),
        ("POST records", r#"{"fields":{"name":"A"},"nummer":1}"#, 422, "unprocessable"),
        ("POST records", &long, 422, "schema-violation"),
        ("POST records", &many, 413, "too-many-edits"),
        (&record, r#"{"fields":{"name":""}}"#, 422, "schema-violation"),
        (&record, r#"{"fields":{"tags":["x"]}}"#, 422, "unprocessable"),
        (&record, r#"{"fields":{"tags":{"add":["x"]}}}"#, 422, "unprocessable"),
        ("PATCH records/1", "{}", 400, "bad-request"),
        (&number, r#"{"number":null}"#, 422, "unprocessable"),
        (&number, r#"{"number":"last"}"#, 422, "unprocessable"),
        ("POST claims", r#"{"operation":"everything"}"#, 422, "unprocessable"),
        ("POST claims", r#"{"operation":"assign","number":1}"#, 422, "unprocessable"),
        ("POST claims", r#"{"operation":"allocate","record":"x"}"#, 400, "bad-request"),
        ("POST claims", &format!(r#"{{"operation":"allocate","record":"{nowhere}"}}"#), 404, "unknown-record"),
        ("POST claims?seen=x", r#"{"operation":"raise","number":1}"#, 400, "bad-request"),
        ("POST records?dry_run=true", r#"{"fields":{"name":"A"}}"#, 400, "bad-request"),
        ("POST mode", r#"{"level":"turbo"}"#, 422, "unprocessable"),
        ("PATCH settings", r#"{"dwell":0}"#, 422, "unprocessable"),
        ("PATCH settings", r#"{"dwell":"7"}"#, 422, "unprocessable"),
        ("PATCH settings", r#"{"speed":7}"#, 422, "unprocessable"),
        ("POST conflicts/x/resolution", r#"{"resolution":"kept"}"#, 400, "bad-request"),
        ("POST conflicts/1.0/resolution", r#"{"resolution":"gone"}"#, 422, "unprocessable"),
        ("POST /api/v1/rooms/a%20b/records", r#"{"fields":{"name":"A"}}"#, 400, "bad-request"),
    ];
    for (line, body, status, kind) in table {
        let answer = ask_with(&cluster, 1, line, JSON, Some(body));
        assert_eq!(answer.status, *status, "{line} {body:.80}: {}", answer.text);
        answer.expect_problem(*status, kind);
    }
    let paths = [
        "records?limit=0",
        "records?limit=1001",
        "records?limit=x",
        "records?after=x",
        "conflicts?after=1.x",
        "records?pgae=2",
    ];
    for path in paths.into_iter().chain(["records/x", "conflicts?format=xml", "conflicts?open=maybe", "records/%FF"]) {
        get(&cluster, 1, path).expect_problem(400, "bad-request");
    }
    let problem = get(&cluster, 1, "nodes?limit=2").expect_problem(400, "bad-request");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("“limit”") && detail.contains("consistency"), "it says what is there: {detail}");
    assert_eq!(get(&cluster, 1, "records").expect(200)["total"], 1, "nothing of it was done");
}

#[test]
fn the_form_of_a_request_is_checked_before_its_meaning() {
    let cluster = Cluster::start(1);
    let body = r#"{"fields":{"name":"Anna"}}"#;
    let no_type = ask_with(&cluster, 1, "POST records", &[("Content-Type", "text/plain")], Some(body));
    no_type.expect_problem(415, "unsupported-media-type");
    // One byte too many: all of it is read before it is refused, so that the answer finds its way.
    let huge = " ".repeat((1 << 20) + 1);
    ask_with(&cluster, 1, "POST records", JSON, Some(&huge)).expect_problem(413, "body-too-large");
    for key in ["", &"k".repeat(256)] {
        let headers = [JSON[0], ("Idempotency-Key", key)];
        ask_with(&cluster, 1, "POST records", &headers, Some(body)).expect_problem(400, "bad-request");
    }
    for (line, status, kind) in [
        ("GET nothing", 404, "not-found"),
        ("GET /api/v1", 404, "not-found"),
        ("POST /api/v2/rooms/people/records", 404, "not-found"),
        ("GET /api/../Cargo.toml", 404, "not-found"),
        ("PUT records", 405, "method-not-allowed"),
        ("DELETE mode", 405, "method-not-allowed"),
    ] {
        ask_with(&cluster, 1, line, JSON, None).expect_problem(status, kind);
    }
}

#[test]
fn pages_from_elsewhere_may_neither_write_nor_read() {
    let cluster = Cluster::start(1);
    let body = json!({"fields": {"name": "Anna"}}).to_string();
    let from = |origin: &str| ask_with(&cluster, 1, "POST records", &[JSON[0], ("Origin", origin)], Some(&body));
    from("http://evil.example").expect_problem(403, "foreign-origin");
    from("null").expect_problem(403, "foreign-origin");
    from(&format!("http://{}", cluster.address(1))).expect(201);
    from("http://localhost:8080").expect(201);
    let read = |origin| ask_with(&cluster, 1, "GET records", &[("Origin", origin)], None);
    read("http://evil.example").expect_problem(403, "foreign-origin");
    let own = read("http://localhost:8080");
    assert_eq!(own.expect(200)["total"], 2);
    assert_eq!(own.header("access-control-allow-origin"), Some("http://localhost:8080"));
}

#[test]
fn a_room_too_many_is_refused() {
    let cluster = Cluster::start_with(1, &["--max-rooms", "3"]);
    let add = |room: &str| {
        let line = format!("POST /api/v1/rooms/{room}/records");
        send(&cluster, 1, &line, &json!({"fields": {"name": "A"}}))
    };
    add("r1").expect(201);
    add("r2").expect(201);
    let problem = add("r3").expect_problem(503, "too-many-rooms");
    assert_eq!(problem["limit"], 3);
    assert!(problem["detail"].as_str().unwrap().contains("--max-rooms"), "{problem}");
    get(&cluster, 1, "/api/v1/rooms/r3/mode").expect_problem(404, "room-not-found");
    add("r1").expect(201);
    get(&cluster, 1, "mode").expect(200);
}
