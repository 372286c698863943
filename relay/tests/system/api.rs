//! The HTTP API, as programs use it.

mod command_line;
mod conflicts;
mod documents;
mod events;
mod examples;
mod keys;
mod killing;
mod nodes;
mod numbers;
mod problems;
mod reads;
mod records;
mod requests;
mod settings;
mod stopping;

use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, Body};

use crate::cluster::{Cluster, PATIENCE, poll};

/// Where the room is in which the tests are.
const ROOM: &str = "/api/v1/rooms/people";

/// What a relay has answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// A problem, which must be one of this status, and name its kind so.
    #[track_caller]
    fn expect_problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.expect(status);
        assert_eq!(problem["type"], format!("urn:duet:problem:{kind}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem
    }
}

/// Sends a request to a relay, with a body of JSON if there is one. A path that begins with a slash is one of the relay, and
/// any other one of the room.
fn ask_with(cluster: &Cluster, id: u16, line: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
    try_asking(cluster, id, line, headers, body).expect("an answer")
}

fn try_asking(
    cluster: &Cluster,
    id: u16,
    line: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Result<Answer, ureq::Error> {
    let mut response = respond(cluster, id, line, headers, body)?;
    let text = response.body_mut().read_to_string()?;
    Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), text })
}

/// The answer to a request, whose body is not read yet.
fn respond(
    cluster: &Cluster,
    id: u16,
    line: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Result<Response<Body>, ureq::Error> {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("{ROOM}/{path}") };
    let mut request = Request::builder().method(method).uri(format!("http://{}{path}", cluster.address(id)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(PATIENCE));
    let agent = Agent::new_with_config(config.allow_non_standard_methods(true).build());
    match body {
        Some(body) => agent.run(request.body(body.to_owned()).expect("a request")),
        None => agent.run(request.body(()).expect("a request")),
    }
}

fn get(cluster: &Cluster, id: u16, path: &str) -> Answer {
    ask_with(cluster, id, &format!("GET {path}"), &[], None)
}

/// Sends JSON.
fn send(cluster: &Cluster, id: u16, line: &str, body: &Value) -> Answer {
    ask_with(cluster, id, line, &[("Content-Type", "application/json")], Some(&body.to_string()))
}

/// Sends JSON under an idempotency key.
fn send_as(cluster: &Cluster, id: u16, line: &str, key: &str, body: &Value) -> Answer {
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    ask_with(cluster, id, line, &headers, Some(&body.to_string()))
}

/// Adds a record of this name, with a number if one is wanted. Gives its id.
fn add(cluster: &Cluster, id: u16, name: &str, number: &Value) -> String {
    let body = serde_json::json!({"fields": {"name": name}, "number": number});
    let added = send(cluster, id, "POST records", &body).expect(201);
    added["id"].as_str().expect("an id").to_owned()
}

/// Waits until an answer of a relay is as wanted.
fn until(cluster: &Cluster, id: u16, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    poll(what, || {
        let answer = try_asking(cluster, id, &format!("GET {path}"), &[], None).ok()?;
        (answer.status == 200).then(|| answer.json()).filter(&is_so)
    })
}

/// Takes a level by hand, and waits until a relay knows of it.
fn take_level(cluster: &Cluster, id: u16, level: &str) {
    send(cluster, id, "POST mode", &serde_json::json!({"level": level})).expect(200);
}
