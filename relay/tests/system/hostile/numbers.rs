//! Numbers that would use up all others.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::legacy::{socket_io_session, wait_for_packet};

const JSON: &str = "Content-Type: application/json\r\n";
const SECRET: &str = "Authorization: Bearer s3cret\r\n";
const FAR: u64 = 999_999_999_999;

/// The status of an answer and what it says.
fn post(cluster: &Cluster, path: &str, headers: &str, body: &Value) -> (u16, Value) {
    let (head, said) = cluster.post(1, path, &format!("{JSON}{headers}"), &body.to_string()).expect("an answer");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
}

fn highest(cluster: &Cluster) -> Value {
    let (_, said) = cluster.get(1, "/get_data").expect("an answer");
    serde_json::from_str::<Value>(&said).expect("JSON")["data"][0]["max_number"].clone()
}

#[test]
fn no_door_lets_anybody_use_up_all_numbers() {
    let cluster = Cluster::start_with(1, &["--link-secret", "s3cret"]);
    let records = "/api/v1/rooms/people/records";
    let (_, anna) = post(&cluster, records, "", &json!({"fields": {"name": "Anna"}, "number": "next"}));
    assert_eq!(anna["number"]["value"], 1, "{anna}");
    let (status, said) = post(&cluster, "/accept", "", &json!({"proposal_number": 1, "value": FAR}));
    assert_eq!((status, &said["accepted"]), (200, &json!(false)), "{said}");
    let reason = said["reason"].as_str().expect("a reason");
    assert!(reason.contains("1000001") && reason.contains("operator"), "{reason}");
    let session = socket_io_session(&cluster);
    update_far(&cluster, &session);
    let (status, said) = post(&cluster, records, "", &json!({"fields": {"name": "Carl"}, "number": FAR}));
    assert_eq!((status, &said["type"]), (409, &json!("urn:duet:problem:too-far-ahead")), "{said}");
    assert_eq!((&said["highest"], &said["most"]), (&json!(1), &json!(1_000_001)));
    let path = "/api/v1/rooms/people/claims";
    let (status, said) = post(&cluster, path, "", &json!({"operation": "raise", "number": FAR}));
    assert_eq!((status, &said["type"]), (409, &json!("urn:duet:problem:too-far-ahead")), "{said}");
    assert_eq!(highest(&cluster), 1);
    // A step of what programs of the original do is no such thing.
    let (_, said) = post(&cluster, "/accept", "", &json!({"proposal_number": 1, "value": 500_000}));
    assert_eq!(said, json!({"accepted": true}));
    assert_eq!(highest(&cluster), 500_000);
    // Nor where the log is not asked. What is leased to the relay counts, too.
    post(&cluster, "/switch_to_crdt_only", "", &json!({}));
    update_far(&cluster, &session);
    assert!(highest(&cluster).as_u64().is_some_and(|highest| highest < 510_000));
}

/// Proposes the last number by Socket.IO, which is refused.
fn update_far(cluster: &Cluster, session: &str) {
    let event = json!(["update_data", {"name": "Boris", "number": FAR}]);
    cluster.post(1, session, "", &format!("42{event}")).expect("an answer");
    wait_for_packet(cluster, session, "42[\"error\"");
}

#[test]
fn operators_with_the_secret_go_further_and_set_how_far_others_go() {
    let cluster = Cluster::start_with(1, &["--link-secret", "s3cret"]);
    let accept =
        |headers: &str, value: u64| post(&cluster, "/accept", headers, &json!({"proposal_number": 1, "value": value}));
    assert_eq!(accept("Authorization: Bearer guessed\r\n", 5_000_000).0, 401);
    assert_eq!(accept(SECRET, 5_000_000).1, json!({"accepted": true}));
    assert_eq!(accept("", 7_000_000).1["accepted"], json!(false));
    let reach = json!({"most": 3_000_000});
    assert_eq!(post(&cluster, "/cluster/reach", "", &reach).0, 401);
    let set = post(&cluster, "/cluster/reach", SECRET, &reach);
    assert_eq!(set, (200, json!({"room": "people", "most": 3_000_000, "highest": 5_000_000})));
    assert_eq!(accept("", 7_000_000).1, json!({"accepted": true}));
    let (status, said) = post(&cluster, "/cluster/reach", SECRET, &json!({"most": 0}));
    assert_eq!(status, 422, "{said}");
    let (status, said) = post(&cluster, "/cluster/reach?room=nowhere", SECRET, &reach);
    assert_eq!(status, 404, "{said}");
    let (status, said) = post(&cluster, "/cluster/reach?room=no%20room", SECRET, &reach);
    assert!(status == 400 && said["error"].is_string(), "{said}");
}
