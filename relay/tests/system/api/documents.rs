//! The OpenAPI document, and the page that shows it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ask_with, get};
use crate::cluster::Cluster;

/// Every route of the API, as its users know them.
const ROUTES: &[&str] = &[
    "GET records",
    "POST records",
    "GET records/{id}",
    "PATCH records/{id}",
    "DELETE records/{id}",
    "PUT records/{id}/number",
    "DELETE records/{id}/number",
    "GET claims",
    "POST claims",
    "GET mode",
    "POST mode",
    "GET settings",
    "PATCH settings",
    "GET nodes",
    "GET conflicts",
    "POST conflicts/{id}/resolution",
    "GET events",
];

#[test]
fn the_document_describes_every_route_and_every_route_it_describes_is_there() {
    let cluster = Cluster::start(1);
    let document = get(&cluster, 1, "/api/openapi.json").expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut described = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let short = path.strip_prefix("/api/v1/rooms/{room}/").expect("a path in a room");
        for (method, operation) in operations.as_object().unwrap() {
            described.insert(format!("{} {short}", method.to_uppercase()));
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "two operations are named {name}");
            assert!(operation["summary"].is_string(), "{name} is summed up");
            let problem = operation.pointer("/responses/default/content/application~1problem+json/schema");
            assert!(problem.is_some_and(Value::is_object), "{name} tells of problems");
        }
    }
    assert_eq!(described, ROUTES.iter().map(|&route| route.to_owned()).collect());
    for route in ROUTES.iter().filter(|route| !route.ends_with("events")) {
        let line = route.replace("{id}", "00c3a1f05b7d92e4.1");
        let answer = ask_with(&cluster, 1, &line, &[], None);
        let kind = if answer.status < 300 { Value::Null } else { answer.json()["type"].clone() };
        assert_ne!(answer.status, 405, "{route}");
        assert_ne!(kind, "urn:duet:problem:not-found", "{route}");
    }
}

#[test]
fn what_the_document_refers_to_is_in_it() {
    let cluster = Cluster::start(1);
    let document = get(&cluster, 1, "/api/openapi.json").expect(200);
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn a_page_shows_the_document_and_needs_nothing_from_elsewhere() {
    let cluster = Cluster::start(1);
    let moved = get(&cluster, 1, "/api");
    assert_eq!((moved.status, moved.header("location")), (308, Some("/api/")));
    let page = get(&cluster, 1, "/api/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'; script-src 'self';"));
    let sources = page.text.split(['"']).filter(|text| text.ends_with(".js") || text.ends_with(".css"));
    let sources: Vec<&str> = sources.collect();
    assert!(sources.len() >= 4, "{sources:?}");
    for source in sources {
        assert!(!source.contains("//"), "{source} is elsewhere");
        let file = get(&cluster, 1, &format!("/api/{}", source.trim_start_matches("./")));
        assert_eq!(file.status, 200, "{source}");
    }
    assert!(get(&cluster, 1, "/api/swagger-initializer.js").text.contains("\"/api/openapi.json\""));
}

/// The head of the answer to a request that accepts these codings.
fn head(cluster: &Cluster, path: &str, codings: &str) -> String {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: {codings}\r\n\r\n");
    cluster.request(1, &request).expect("an answer").0
}

#[test]
fn answers_and_the_files_of_the_page_are_compressed_for_those_who_accept_it() {
    let cluster = Cluster::start(1);
    super::add(&cluster, 1, &"Anna ".repeat(100), &Value::Null);
    for path in ["/api/openapi.json", "/api/swagger-ui-bundle.js", "/api/v1/rooms/people/records"] {
        for (codings, coding) in
            [("gzip", Some("gzip")), ("gzip, br", Some("br")), ("identity", None), ("br;q=0", None)]
        {
            let head = head(&cluster, path, codings);
            let given = head.lines().find_map(|line| line.strip_prefix("content-encoding: "));
            assert_eq!(given, coding, "{path}, {codings}: {head}");
            assert!(head.contains("vary: accept-encoding"), "{head}");
        }
    }
}

#[test]
fn every_response_is_described_and_no_setting_is_refused_that_the_document_allows() {
    let cluster = Cluster::start(1);
    let document = get(&cluster, 1, "/api/openapi.json").expect(200);
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described, "{method} {path}: {status} is not described");
            }
        }
    }
    let settings = document.pointer("/components/schemas/Settings/properties").expect("settings").as_object().unwrap();
    for (name, schema) in settings {
        let Some(least) = schema["minimum"].as_u64() else { continue };
        let most = schema["maximum"].as_u64().expect("a bound");
        for (value, status) in [(least, 200), (most, 200), (least.wrapping_sub(1), 422), (most + 1, 422)] {
            let answer = super::send(&cluster, 1, "PATCH settings", &serde_json::json!({ name.as_str(): value }));
            assert_eq!(answer.status, status, "{name} = {value}: {}", answer.text);
        }
    }
}
