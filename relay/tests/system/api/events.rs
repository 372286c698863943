//! Changes as they come.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use super::{add, get, respond, take_level};
use crate::cluster::{Cluster, poll};

/// Those who listen to a room at a relay.
struct Listener(Box<dyn BufRead>);

impl Listener {
    fn new(cluster: &Cluster, id: u16) -> Self {
        let response = respond(cluster, id, "GET events", &[], None).expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no", "nginx passes events on at once");
        Listener(Box::new(BufReader::new(response.into_body().into_reader())))
    }

    /// The next event: its name, its id and what it says.
    fn next(&mut self) -> (String, u64, Value) {
        let (mut name, mut id, mut data) = (String::new(), 0, Value::Null);
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("an event in time") > 0, "the stream has ended");
            match line.trim_end().split_once(": ") {
                Some(("event", text)) => name = text.to_owned(),
                Some(("id", text)) => id = text.parse().expect("a slot"),
                Some(("data", text)) => data = serde_json::from_str(text).expect("JSON"),
                _ if line.trim_end().is_empty() && !data.is_null() => return (name, id, data),
                _ => {}
            }
        }
    }

    /// Reads on until an event is as wanted.
    fn until(&mut self, is_so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (name, id, data) = self.next();
            assert_eq!((name.as_str(), &data["applied"]), ("changed", &json!(id)));
            if is_so(&data) {
                return data;
            }
        }
    }
}

#[test]
fn whoever_listens_hears_of_changes_made_at_any_relay_and_of_no_other_room() {
    let cluster = Cluster::start(3);
    let (mut here, mut there) = (Listener::new(&cluster, 1), Listener::new(&cluster, 3));
    assert_eq!(here.next().2["records"], 0);
    add(&cluster, 1, "Anna", &json!("next"));
    for listener in [&mut here, &mut there] {
        let now = listener.until(|now| now["records"] == 1 && now["highest"] == 1);
        assert_eq!(now["level"], "batching");
    }
    let other = json!({"fields": {"name": "Béla"}});
    super::send(&cluster, 1, "POST /api/v1/rooms/other/records", &other).expect(201);
    take_level(&cluster, 2, "leases");
    for listener in [&mut here, &mut there] {
        let now = listener.until(|now| now["level"] == "leases");
        assert_eq!((&now["records"], &now["epoch"]), (&json!(1), &json!(1)));
    }
}

#[test]
fn listeners_of_one_address_are_limited_and_whoever_leaves_makes_room() {
    // Three quarters of the 256 places of the relay, since it is this machine.
    const LIMIT: usize = 192;
    let cluster = Cluster::start(1);
    let mut listeners: Vec<Listener> = (0..LIMIT).map(|_| Listener::new(&cluster, 1)).collect();
    let refused = get(&cluster, 1, "events");
    let problem = refused.expect_problem(503, "too-many-listeners");
    assert!(problem["detail"].as_str().expect("a text").contains("from your address"), "{problem}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    listeners.pop();
    poll("there is room again", || {
        // Whoever has left is noticed by what cannot be told any more.
        add(&cluster, 1, "Anna", &json!(null));
        let answer = respond(&cluster, 1, "GET events", &[], None).expect("an answer");
        (answer.status().as_u16() == 200).then_some(())
    });
}
