//! Numbers, by what they rest on.

use serde_json::json;

use super::{add, ask_with, get, send, take_level, until};
use crate::cluster::Cluster;

#[test]
fn a_number_is_given_freed_and_given_again() {
    let cluster = Cluster::start(3);
    let path = format!("records/{}/number", add(&cluster, 1, "Anna", &json!(null)));
    let given = send(&cluster, 1, &format!("PUT {path}"), &json!({"number": 42})).expect(200);
    assert_eq!((&given["number"]["state"], &given["number"]["value"]), (&json!("final"), &json!(42)));
    assert!(given["number"]["slot"].is_u64());
    let again = send(&cluster, 1, &format!("PUT {path}"), &json!({"number": 43}));
    assert_eq!(again.expect_problem(409, "already-numbered")["number"], 42);
    ask_with(&cluster, 1, &format!("DELETE {path}"), &[], None).expect(204);
    ask_with(&cluster, 1, &format!("DELETE {path}"), &[], None).expect(204);
    let next = send(&cluster, 1, &format!("PUT {path}"), &json!({"number": "next"})).expect(200);
    assert_eq!(next["number"]["value"], 43);
    let unknown = "PUT records/00c3a1f05b7d92e4.1/number";
    send(&cluster, 1, unknown, &json!({"number": 1})).expect_problem(404, "unknown-record");
}

#[test]
fn a_provisional_number_cannot_be_mistaken_for_a_final_one() {
    let cluster = Cluster::start(3);
    take_level(&cluster, 1, "provisional");
    let record = format!("records/{}", add(&cluster, 1, "Anna", &json!(7)));
    let number = get(&cluster, 1, &record).expect(200)["number"].clone();
    assert_eq!(number, json!({"state": "provisional", "for_now": 7}));
    take_level(&cluster, 1, "batching");
    for id in 1..=3 {
        let settled = until(&cluster, id, &record, "it is settled", |record| record["number"]["state"] == "final");
        assert_eq!(settled["number"]["value"], 7);
    }
}

#[test]
fn a_relay_that_reaches_no_majority_says_so_and_gives_provisional_numbers() {
    let mut cluster = Cluster::start(3);
    add(&cluster, 1, "Anna", &json!("next"));
    cluster.kill(2);
    cluster.kill(3);
    until(&cluster, 1, "mode", "it is offline", |mode| mode["locally_offline"] == true);
    let body = json!({"fields": {"name": "Béla"}, "number": "next"});
    let added = send(&cluster, 1, "POST records", &body).expect(201);
    assert_eq!(added["number"], json!({"state": "provisional", "for_now": 2}));
}

#[test]
fn a_number_out_of_a_lease_is_final_at_once() {
    let cluster = Cluster::start(3);
    take_level(&cluster, 2, "leases");
    // The first asks for a lease, and is itself decided by the log.
    add(&cluster, 2, "Anna", &json!("next"));
    until(&cluster, 2, "mode", "it has a lease", |mode| mode["leased_left"].as_u64() > Some(0));
    let record = format!("records/{}", add(&cluster, 2, "Béla", &json!("next")));
    let number = get(&cluster, 2, &record).expect(200)["number"].clone();
    assert_eq!(number["state"], "final");
    let elsewhere = until(&cluster, 1, &record, "it is settled", |record| record["number"]["state"] == "final");
    assert_eq!(elsewhere["number"]["value"], number["value"]);
}
