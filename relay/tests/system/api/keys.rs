//! Requests under an `Idempotency-Key`, made again at other relays and after restarts.

use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use super::{Answer, add, ask_with, get, send, send_as, take_level, until};
use crate::cluster::{Cluster, poll};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Makes a request under a key, without a body where there is none.
pub fn ask_as(cluster: &Cluster, id: u16, line: &str, key: &str, body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string);
    let headers: &[(&str, &str)] = &[("Idempotency-Key", key), JSON];
    ask_with(cluster, id, line, if body.is_some() { headers } else { &headers[..1] }, body.as_deref())
}

#[test]
fn one_key_at_three_relays_makes_one_record_also_after_all_of_them_were_killed() {
    let mut cluster = Cluster::start(3);
    let with_number = json!({"fields": {"name": "Anna"}, "number": "next"});
    let without = json!({"fields": {"name": "Béla"}});
    let ask = |cluster: &Cluster, id: u16, key: &str, body: &Value| {
        let answer = send_as(cluster, id, "POST records", key, body);
        (answer.header("location").map(str::to_owned), answer.expect(201))
    };
    let (anna, bela) = (ask(&cluster, 1, "anna", &with_number), ask(&cluster, 1, "bela", &without));
    for id in 1..=3 {
        assert_eq!(ask(&cluster, id, "anna", &with_number), anna, "at relay {id}");
        assert_eq!(ask(&cluster, id, "bela", &without), bela, "at relay {id}");
    }
    (1..=3).for_each(|id| cluster.kill(id));
    (1..=3).for_each(|id| cluster.spawn(id));
    cluster.wait_until_linked();
    for id in 1..=3 {
        cluster.wait_until_voting(id);
        // The same request in other letters.
        let spaced = "{ \"number\": \"next\",\n \"fields\": {\"name\": \"Anna\"} }";
        let again = ask_with(&cluster, id, "POST records", &[JSON, ("Idempotency-Key", "anna")], Some(spaced));
        assert_eq!(again.expect(201), anna.1, "at relay {id}");
        assert_eq!(ask(&cluster, id, "bela", &without), bela, "at relay {id}");
        until(&cluster, id, "records", "there are two records", |page| page["total"] == 2);
    }
    // In another room the same key is another one.
    send_as(&cluster, 2, "POST /api/v1/rooms/other/records", "anna", &with_number).expect(201);
}

#[test]
fn one_key_at_three_relays_at_once_makes_one_record() {
    let cluster = Cluster::start(3);
    for (round, number) in [(1, json!("next")), (2, Value::Null), (3, json!(42)), (4, json!("next"))] {
        let body = json!({"fields": {"name": "Anna"}, "number": number});
        let key = format!("round {round}");
        let answers: Vec<Value> = thread::scope(|scope| {
            let ask = |id: u16| send_as(&cluster, id, "POST records", &key, &body).expect(201);
            let asked: Vec<_> = [1, 2, 3, 1, 2, 3].map(|id| scope.spawn(move || ask(id))).into();
            asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        for id in 1..=3 {
            until(&cluster, id, "records", "one more record is there", |page| page["total"] == round);
        }
    }
}

/// Two invoices that have wanted the number 7 at relay 1. Gives the path of the conflict.
fn collide(cluster: &Cluster) -> String {
    take_level(cluster, 1, "provisional");
    for title in ["Door", "Window"] {
        let body = json!({"fields": {"title": title, "amount": 0}, "number": 7});
        send(cluster, 1, "POST records", &body).expect(201);
    }
    take_level(cluster, 1, "batching");
    let inbox = until(cluster, 1, "conflicts", "it is settled", |inbox| !inbox["conflicts"][0].is_null());
    format!("conflicts/{}", inbox["conflicts"][0]["id"].as_str().expect("an id"))
}

/// Every kind of request that changes something and leaves the record there.
fn changes(record: &str, conflict: &str) -> [(String, Option<Value>); 6] {
    let change = json!({"fields": {"amount": {"add": 10}, "labels": {"insert": ["late"]}}});
    [
        (format!("PATCH {record}"), Some(change)),
        (format!("PUT {record}/number"), Some(json!({"number": "next"}))),
        ("POST claims".to_owned(), Some(json!({"operation": "raise", "number": 50}))),
        ("PATCH settings".to_owned(), Some(json!({"dwell": 7}))),
        ("POST mode".to_owned(), Some(json!({"level": "leases"}))),
        (format!("POST {conflict}/resolution"), Some(json!({"resolution": "undone"}))),
    ]
}

/// Three relays with an invoice, which all of them have. Gives its path.
pub fn with_invoice() -> (Cluster, String) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/invoices.toml");
    let cluster = Cluster::start_with(3, &["--schema", schema.to_str().unwrap()]);
    let fields = json!({"title": "Roof", "amount": 0});
    let id = send(&cluster, 1, "POST records", &json!({"fields": fields})).expect(201)["id"].clone();
    let record = format!("records/{}", id.as_str().expect("an id"));
    (1..=3).for_each(|id| drop(until(&cluster, id, &record, "the record is there", |_| true)));
    (cluster, record)
}

#[test]
fn what_was_done_under_a_key_is_not_done_again_after_all_relays_were_killed() {
    let (mut cluster, record) = with_invoice();
    let requests = changes(&record, &collide(&cluster));
    let mut done = Vec::new();
    for (line, body) in &requests {
        let answer = ask_as(&cluster, 1, line, line, body.as_ref());
        assert!((200..300).contains(&answer.status), "{line}: {answer:?}");
        done.push(answer.status);
    }
    let before = get(&cluster, 1, &record).expect(200);
    assert_eq!((&before["fields"]["amount"], &before["number"]["state"]), (&json!(10), &json!("final")));
    (1..=3).for_each(|id| cluster.kill(id));
    (1..=3).for_each(|id| cluster.spawn(id));
    cluster.wait_until_linked();
    for id in 1..=3 {
        cluster.wait_until_voting(id);
        until(&cluster, id, "mode", "it knows the log", |mode| mode["level"] == "leases");
        for ((line, body), status) in requests.iter().zip(&done) {
            let again = ask_as(&cluster, id, line, line, body.as_ref());
            assert_eq!(again.status, *status, "{line} at relay {id}: {}", again.text);
        }
        assert_eq!(get(&cluster, id, &record).expect(200), before, "at relay {id}");
        assert_eq!(get(&cluster, id, "mode").expect(200)["epoch"], 3, "one switch more than the two before");
    }
}

#[test]
fn every_request_that_changes_something_is_done_once_under_its_key() {
    let (cluster, record) = with_invoice();
    let removals = [(format!("DELETE {record}/number"), None), (format!("DELETE {record}"), None)];
    let requests = changes(&record, &collide(&cluster)).into_iter().chain(removals);
    for (line, body) in &requests.collect::<Vec<_>>() {
        let first = ask_as(&cluster, 1, line, line, body.as_ref());
        assert!((200..300).contains(&first.status), "{line}: {first:?}");
        for relay in [2, 3, 1] {
            let again = ask_as(&cluster, relay, line, line, body.as_ref());
            assert_eq!((again.status, again.text), (first.status, first.text.clone()), "{line} at relay {relay}");
        }
    }
    assert_eq!(get(&cluster, 1, "mode").expect(200)["epoch"], 3, "one switch more than the two before");
    get(&cluster, 1, &record).expect_problem(404, "unknown-record");
}

/// What would be done twice without a key.
#[test]
fn a_counter_that_is_changed_under_one_key_at_three_relays_counts_once() {
    let (cluster, record) = with_invoice();
    let change = json!({"fields": {"amount": {"add": 10}}});
    thread::scope(|scope| {
        for relay in [1, 2, 3, 1] {
            let (cluster, record, change) = (&cluster, &record, &change);
            scope.spawn(move || {
                let changed = send_as(cluster, relay, &format!("PATCH {record}"), "k", change).expect(200);
                assert_eq!(changed["fields"]["amount"], 10, "at relay {relay}");
            });
        }
    });
    for id in 1..=3 {
        assert_eq!(get(&cluster, id, &record).expect(200)["fields"]["amount"], 10);
    }
}

#[test]
fn a_key_is_one_header_that_is_not_empty_nor_too_long_and_is_for_one_request() {
    let cluster = Cluster::start(3);
    let id = add(&cluster, 1, "Anna", &Value::Null);
    (1..=3).for_each(|relay| drop(until(&cluster, relay, &format!("records/{id}"), "it is there", |_| true)));
    let (change, long) = (json!({"fields": {"note": "x"}}).to_string(), "k".repeat(256));
    for line in [format!("PATCH records/{id}"), format!("DELETE records/{id}"), "POST records".to_owned()] {
        for keys in [&["a", "a"][..], &["a", "b"], &[""], &[&long]] {
            let mut headers = vec![JSON];
            headers.extend(keys.iter().map(|&key| ("Idempotency-Key", key)));
            let problem = ask_with(&cluster, 1, &line, &headers, Some(&change)).expect_problem(400, "bad-request");
            assert!(problem["detail"].as_str().expect("words").contains("Idempotency-Key"), "{problem}");
        }
    }
    let body = json!({"fields": {"name": "Béla"}});
    send_as(&cluster, 1, "POST records", "k", &body).expect(201);
    for relay in 1..=3 {
        let other = json!({"fields": {"name": "Cleo"}});
        send_as(&cluster, relay, "POST records", "k", &other).expect_problem(422, "key-used-otherwise");
        ask_as(&cluster, relay, &format!("DELETE records/{id}"), "k", None).expect_problem(422, "key-used-otherwise");
    }
    assert_eq!(get(&cluster, 1, "records").expect(200)["total"], 2);
    assert_eq!(get(&cluster, 1, &format!("records/{id}")).expect(200)["fields"]["note"], Value::Null);
}

#[test]
fn a_refusal_is_the_same_under_its_key_when_the_reason_for_it_is_gone() {
    let cluster = Cluster::start(3);
    let owner = add(&cluster, 1, "Anna", &json!(42));
    let body = json!({"fields": {"name": "Béla"}, "number": 42});
    // Relay 2 may not know yet that the number is taken, and then asks the log.
    let taken = send(&cluster, 1, "POST claims", &json!({"operation": "raise", "number": 43})).expect(200);
    assert_eq!(taken["highest"], 43);
    let request = json!({"operation": "assign", "record": add(&cluster, 1, "Cleo", &Value::Null), "number": 42});
    let first = send_as(&cluster, 1, "POST claims", "k", &request).expect_problem(409, "number-taken");
    ask_with(&cluster, 1, &format!("DELETE records/{owner}/number"), &[], None).expect(204);
    for relay in 1..=3 {
        assert_eq!(send_as(&cluster, relay, "POST claims", "k", &request).expect_problem(409, "number-taken"), first);
    }
    send_as(&cluster, 1, "POST records", "another", &body).expect(201);
}

#[test]
fn in_the_crdt_only_mode_a_key_is_asked_of_the_log_and_without_a_majority_refused() {
    let mut cluster = Cluster::start(3);
    take_level(&cluster, 1, "provisional");
    let body = json!({"fields": {"name": "Anna"}, "number": "next"});
    let plain = send(&cluster, 1, "POST records", &body).expect(201);
    assert_eq!(plain["number"]["state"], "provisional");
    let first = send_as(&cluster, 1, "POST records", "k", &body).expect(201);
    assert_eq!(first["number"]["state"], "final");
    assert_eq!(send_as(&cluster, 2, "POST records", "k", &body).expect(201), first);
    cluster.kill(2);
    cluster.kill(3);
    poll("relay 1 is alone", || {
        cluster.health(1).filter(|health| health["peers_up"].as_array().is_some_and(Vec::is_empty))
    });
    let answer = send_as(&cluster, 1, "POST records", "new", &body);
    answer.expect_problem(503, "no-majority");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(send_as(&cluster, 1, "POST records", "k", &body).expect(201), first, "what is known is told");
    send(&cluster, 1, "POST records", &body).expect(201);
    assert_eq!(get(&cluster, 1, "records").expect(200)["total"], 3);
    cluster.spawn(2);
    cluster.wait_until_linked();
    cluster.wait_until_voting(1);
    until(&cluster, 1, "claims", "somebody leads", |_| {
        send_as(&cluster, 1, "POST records", "new", &body).status == 201
    });
}
