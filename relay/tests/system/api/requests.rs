//! Operations that go to the log as they are.

use serde_json::json;

use super::{add, get, send, send_as};
use crate::cluster::Cluster;

#[test]
fn every_operation_is_decided_by_the_log() {
    let cluster = Cluster::start(1);
    let (anna, bela) = (add(&cluster, 1, "Anna", &json!(null)), add(&cluster, 1, "Béla", &json!(null)));
    let ask = |operation: serde_json::Value| send(&cluster, 1, "POST claims", &operation);
    let assigned = ask(json!({"operation": "assign", "record": anna, "number": 42})).expect(200);
    assert_eq!((&assigned["number"]["state"], &assigned["number"]["value"]), (&json!("final"), &json!(42)));
    assert!(assigned["claim"].is_string());
    let refused = ask(json!({"operation": "assign", "record": bela, "number": 42}));
    assert_eq!(refused.expect_problem(409, "number-taken")["owner"], anna.as_str());
    assert_eq!(ask(json!({"operation": "raise", "number": 99})).expect(200)["highest"], 99);
    assert_eq!(ask(json!({"operation": "allocate", "record": bela})).expect(200)["number"]["value"], 100);
    let set = |from: u64, to: Option<u64>| {
        ask(json!({"operation": "compare_and_set", "record": bela, "from": from, "to": to}))
    };
    assert_eq!(set(100, Some(43)).expect(200)["number"]["value"], 43);
    assert_eq!(set(100, Some(44)).expect_problem(409, "changed")["now"]["number"], 43);
    assert_eq!(set(43, None).expect(200)["number"], json!(null));
    assert_eq!(ask(json!({"operation": "release", "record": anna})).expect(200)["released"], 42);
    ask(json!({"operation": "release", "record": anna})).expect_problem(409, "not-numbered");
    ask(json!({"operation": "assign", "record": anna, "number": 0})).expect_problem(422, "unprocessable");
    assert_eq!(get(&cluster, 1, "claims").expect(200), json!({"claims": []}));
}

#[test]
fn under_one_key_a_request_has_one_outcome_at_every_relay() {
    let mut cluster = Cluster::start(3);
    let record = add(&cluster, 1, "Anna", &json!(null));
    let operation = json!({"operation": "allocate", "record": record});
    let first = send_as(&cluster, 1, "POST claims", "allocate for Anna", &operation).expect(200);
    for id in 1..=3 {
        super::until(&cluster, id, &format!("records/{record}"), "the record is there", |_| true);
        assert_eq!(send_as(&cluster, id, "POST claims", "allocate for Anna", &operation).expect(200), first);
    }
    // In another room the same key is another one.
    let elsewhere = send_as(&cluster, 1, "POST /api/v1/rooms/other/claims", "allocate for Anna", &operation);
    elsewhere.expect_problem(404, "unknown-record");
    cluster.kill(1);
    cluster.spawn(1);
    cluster.wait_until_linked();
    assert_eq!(send_as(&cluster, 1, "POST claims", "allocate for Anna", &operation).expect(200), first);
    send_as(&cluster, 1, "POST claims", "another key", &operation).expect_problem(409, "already-numbered");
}

#[test]
fn what_is_not_decided_can_be_looked_at_and_goes_on_when_nobody_waits() {
    let cluster = Cluster::start(3);
    let record = add(&cluster, 1, "Anna", &json!(null));
    super::until(&cluster, 2, &format!("records/{record}"), "the record is there", |_| true);
    // The links are up, and nobody answers.
    cluster.freeze(2);
    cluster.freeze(3);
    let operation = json!({"operation": "assign", "record": record, "number": 42});
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| send_as(&cluster, 1, "POST claims", "k", &operation));
        let is_pending = |answer: &serde_json::Value| answer["claims"][0]["number"] == 42;
        let pending = super::until(&cluster, 1, "claims", "the request is pending", is_pending);
        assert_eq!(
            (&pending["claims"][0]["operation"], &pending["claims"][0]["record"]),
            (&json!("assign"), &json!(record))
        );
        asked.join().expect("an answer")
    });
    answer.expect_problem(503, "not-in-time");
    assert!(answer.header("retry-after").is_some());
    cluster.thaw(2);
    cluster.thaw(3);
    cluster.wait_until_linked();
    super::until(&cluster, 1, &format!("records/{record}"), "it is decided", |record| record["number"]["value"] == 42);
    assert_eq!(send_as(&cluster, 1, "POST claims", "k", &operation).expect(200)["number"]["value"], 42);
}
