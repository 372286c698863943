//! Records and their fields.

use std::path::Path;

use serde_json::json;

use super::{add, ask_with, get, send, send_as, until};
use crate::cluster::Cluster;

#[test]
fn a_record_is_added_read_at_every_relay_changed_and_removed() {
    let cluster = Cluster::start(3);
    let fields = json!({"name": "Anna", "tags": ["b", "a"]});
    let answer = send(&cluster, 1, "POST records", &json!({"fields": fields, "number": "next"}));
    let added = answer.expect(201);
    assert_eq!(added["number"], json!({"state": "final", "value": 1}));
    let path = answer.header("location").expect("where it is").to_owned();
    assert_eq!(path, format!("{}/records/{}", super::ROOM, added["id"].as_str().unwrap()));

    let is_numbered = |record: &serde_json::Value| record["number"]["state"] == "final";
    for id in 1..=3 {
        let record = until(&cluster, id, &path, "the record is there", is_numbered);
        let slot = record["number"]["slot"].as_u64().expect("a slot");
        let number = json!({"state": "final", "value": 1, "slot": slot});
        let fields = json!({"name": "Anna", "note": null, "tags": ["a", "b"]});
        assert_eq!(record, json!({"id": added["id"], "fields": fields, "number": number}));
    }

    let change = json!({"fields": {"note": "hm", "tags": {"insert": ["c"], "remove": ["a"]}}});
    let changed = send(&cluster, 2, &format!("PATCH {path}"), &change).expect(200);
    assert_eq!(changed["fields"], json!({"name": "Anna", "note": "hm", "tags": ["b", "c"]}));
    until(&cluster, 1, &path, "the change is there", |record| record["fields"] == changed["fields"]);

    ask_with(&cluster, 1, &format!("DELETE {path}"), &[], None).expect(204);
    get(&cluster, 1, &path).expect_problem(404, "unknown-record");
    ask_with(&cluster, 1, &format!("DELETE {path}"), &[], None).expect_problem(404, "unknown-record");
    send(&cluster, 1, &format!("PATCH {path}"), &change).expect_problem(404, "unknown-record");
}

#[test]
fn pages_follow_one_another_and_a_search_finds_names_by_their_beginning() {
    let cluster = Cluster::start(1);
    let ids: Vec<String> = (0..7).map(|at| add(&cluster, 1, &format!("Name {at}"), &json!(null))).collect();
    add(&cluster, 1, "Élan", &json!(null));
    let mut seen = Vec::new();
    let mut path = "records?limit=3".to_owned();
    loop {
        let page = get(&cluster, 1, &path).expect(200);
        let records = page["records"].as_array().unwrap();
        assert_eq!((records.len().min(3), &page["total"]), (records.len(), &json!(8)));
        seen.extend(records.iter().map(|record| record["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("records?limit=3&after={next}");
    }
    assert_eq!(seen[..7], ids);
    let found = get(&cluster, 1, "records?name=%C3%A9L").expect(200);
    assert_eq!(found["records"].as_array().unwrap().len(), 1);
    assert_eq!(found["records"][0]["fields"]["name"], "Élan");
    assert_eq!(get(&cluster, 1, "records?name=nobody").expect(200)["records"], json!([]));
}

#[test]
fn a_search_finds_a_name_however_its_accents_were_typed_and_leaves_it_as_it_was() {
    let cluster = Cluster::start(1);
    let (composed, decomposed) = ("Jos\u{e9}", "Jose\u{301}");
    for name in [composed, decomposed] {
        add(&cluster, 1, name, &json!(null));
    }
    for search in ["jos%C3%A9", "JOSE%CC%81"] {
        let found = get(&cluster, 1, &format!("records?name={search}")).expect(200);
        let names: Vec<_> =
            found["records"].as_array().unwrap().iter().map(|record| &record["fields"]["name"]).collect();
        assert_eq!(names, [composed, decomposed], "{search}");
    }
}

#[test]
fn concurrent_names_are_all_shown_until_somebody_settles_it() {
    let mut cluster = Cluster::start(3);
    let path = format!("records/{}", add(&cluster, 1, "Ana", &json!(null)));
    until(&cluster, 2, &path, "the record is there", |_| true);
    let rename = |cluster: &Cluster, id: u16, name: &str| {
        send(cluster, id, &format!("PATCH {path}"), &json!({"fields": {"name": name}})).expect(200)
    };
    for id in [2, 3] {
        cluster.terminate(id);
    }
    rename(&cluster, 1, "Anna");
    cluster.terminate(1);
    cluster.spawn(2);
    until(&cluster, 2, &path, "the relay is back", |_| true);
    rename(&cluster, 2, "Anne");
    cluster.spawn(1);
    let record = until(&cluster, 1, &path, "both names are there", |record| !record["candidates"].is_null());
    let candidates = record["candidates"]["name"].as_array().unwrap();
    let values: Vec<&str> = candidates.iter().map(|candidate| candidate["value"].as_str().unwrap()).collect();
    assert_eq!(values.len(), 2);
    assert_eq!(values[0], record["fields"]["name"].as_str().unwrap(), "the displayed one comes first");
    assert!(values.contains(&"Anna") && values.contains(&"Anne"), "{values:?}");
    assert_eq!(rename(&cluster, 1, "Anna B.")["candidates"], json!(null));
}

#[test]
fn counters_and_sets_of_other_schemas_are_changed_by_what_is_added() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/invoices.toml");
    let cluster = Cluster::start_with(1, &["--schema", schema.to_str().unwrap()]);
    let fields = json!({"title": "Roof", "amount": -3, "labels": ["urgent"]});
    let added = send(&cluster, 1, "POST records", &json!({"fields": fields})).expect(201);
    let path = format!("records/{}", added["id"].as_str().unwrap());
    let change = json!({"fields": {"amount": {"add": 10}, "labels": {"insert": ["late"]}}});
    let fields = send(&cluster, 1, &format!("PATCH {path}"), &change).expect(200)["fields"].clone();
    assert_eq!((&fields["amount"], &fields["labels"]), (&json!(7), &json!(["late", "urgent"])));
    let wrong = send(&cluster, 1, &format!("PATCH {path}"), &json!({"fields": {"amount": 10}}));
    assert_eq!(wrong.expect_problem(422, "unprocessable")["field"], "amount");
}

#[test]
fn under_one_key_a_record_is_added_once_however_often_and_at_once_it_is_asked() {
    let cluster = Cluster::start(1);
    let body = json!({"fields": {"name": "Anna"}, "number": "next"});
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || send_as(&cluster, 1, "POST records", "k1", &body).expect(201);
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(get(&cluster, 1, "records").expect(200)["total"], 1);
    let other = json!({"fields": {"name": "Béla"}});
    send_as(&cluster, 1, "POST records", "k1", &other).expect_problem(422, "key-used-otherwise");
    assert_ne!(send_as(&cluster, 1, "POST records", "k2", &body).expect(201)["id"], answers[0]["id"]);
}

#[test]
fn a_record_whose_number_is_refused_is_not_added() {
    let cluster = Cluster::start(1);
    let owner = add(&cluster, 1, "Anna", &json!(42));
    let body = json!({"fields": {"name": "Béla"}, "number": 42});
    let problem = send(&cluster, 1, "POST records", &body).expect_problem(409, "number-taken");
    assert_eq!((problem["owner"].as_str(), &problem["number"]), (Some(owner.as_str()), &json!(42)));
    super::take_level(&cluster, 1, "shedding");
    let answer = send_as(&cluster, 1, "POST records", "k", &json!({"fields": {"name": "Béla"}, "number": "next"}));
    assert!(answer.expect_problem(503, "shedding")["retry_after_ms"].as_u64() > Some(0));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(get(&cluster, 1, "records").expect(200)["total"], 1);
    // What could not be done for now can be done later, under the same key.
    super::take_level(&cluster, 1, "batching");
    send_as(&cluster, 1, "POST records", "k", &json!({"fields": {"name": "Béla"}, "number": "next"})).expect(201);
}

#[test]
fn of_two_who_add_a_record_with_one_number_at_once_one_is_told_who_has_it_and_adds_nothing() {
    let cluster = Cluster::start(3);
    for number in 40..45 {
        let body = json!({"fields": {"name": "Anna"}, "number": number});
        let answers = std::thread::scope(|scope| {
            let asked = [1, 2].map(|id| {
                scope.spawn({
                    let (cluster, body) = (&cluster, &body);
                    move || send(cluster, id, "POST records", body)
                })
            });
            asked.map(|asked| asked.join().expect("an answer"))
        });
        let winner = answers.iter().position(|answer| answer.status == 201).expect("one gets it");
        let owner = answers[winner].json()["id"].clone();
        assert_eq!(answers[1 - winner].expect_problem(409, "number-taken")["owner"], owner);
        let is_alone = |records: &serde_json::Value| records["total"] == number - 39;
        for id in 1..=3 {
            until(&cluster, id, "records", "nothing else was added", is_alone);
        }
    }
}
