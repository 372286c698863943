//! Pages of other sites, in browsers that do as they are told and tell whom they act for.

use crate::cluster::Cluster;

/// Routes of every kind: the page, WebSockets, the API, the original's interface, and what is for operators.
const ROUTES: [&str; 11] = [
    "/",
    "/ws",
    "/link",
    "/healthz",
    "/cluster/voters",
    "/get_data",
    "/data_transfer",
    "/socket.io/?EIO=4&transport=polling",
    "/api/v1/rooms/people/records",
    "/api/openapi.json",
    "/nothing",
];

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn expect(&self, status: u16, header: &str) {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        assert!(self.head.contains(header), "no {header} in {}", self.head);
    }
}

/// Sends a request with these headers, one of which must be `Host`.
fn send(cluster: &Cluster, line: &str, headers: &[(&str, &str)]) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    let (head, body) = cluster.request(1, &request).expect("an answer");
    let head = head.to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head, body }
}

#[test]
fn no_route_answers_under_a_name_that_leads_here_by_rebinding() {
    let cluster = Cluster::start_with(1, &["--allow-host", "duet.example"]);
    for route in ROUTES {
        for host in ["evil.example", "evil.example:5000", "192.0.2.1"] {
            let answer = send(&cluster, &format!("GET {route}"), &[("Host", host)]);
            answer.expect(421, "x-content-type-options: nosniff");
            assert!(answer.body.contains("--allow-host"), "{route}: {}", answer.body);
        }
        let absolute = format!("GET http://evil.example{route}");
        assert_eq!(send(&cluster, &absolute, &[("Host", "localhost")]).status, 421, "{route}");
        for host in ["duet.example", "localhost:8080", "[::1]:5000"] {
            assert_ne!(send(&cluster, &format!("GET {route}"), &[("Host", host)]).status, 421, "{route} {host}");
        }
        assert_eq!(send(&cluster, &format!("GET {route}"), &[]).status, 400, "{route}");
    }
}

#[test]
fn pages_of_other_sites_neither_read_nor_write_and_may_link_to_the_page() {
    let cluster = Cluster::start(1);
    let cross = [("Host", "localhost"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
    for route in ROUTES {
        let foreign = [("Host", "localhost"), ("Origin", "https://evil.example")];
        // A page may learn that a relay refuses it, and nothing else.
        let policy = if route == "/healthz" { "cross-origin" } else { "same-origin" };
        let refused = send(&cluster, &format!("GET {route}"), &foreign);
        refused.expect(403, &format!("cross-origin-resource-policy: {policy}"));
        let is_page = ["/", "/nothing"].contains(&route);
        let expected = if is_page { send(&cluster, &format!("GET {route}"), &cross[..1]).status } else { 403 };
        assert_eq!(send(&cluster, &format!("GET {route}"), &cross).status, expected, "{route}");
    }
    let of_page = [("Host", "localhost"), ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "cors")];
    send(&cluster, "GET /get_data", &of_page).expect(200, "cache-control: no-store");
}

#[test]
fn pages_of_an_allowed_origin_read_and_write_everywhere() {
    let cluster = Cluster::start_with(1, &["--allow-origin", "https://duet.example"]);
    let page = [("Host", "localhost"), ("Origin", "https://duet.example")];
    let allowed = "access-control-allow-origin: https://duet.example";
    let with = |more: &[(&'static str, &'static str)]| [&page[..], more].concat();
    for route in ["/api/v1/rooms/people/records", "/add_name", "/socket.io/?EIO=4&transport=polling"] {
        let asks = with(&[
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "content-type, idempotency-key"),
        ]);
        let preflight = send(&cluster, &format!("OPTIONS {route}"), &asks);
        preflight.expect(204, allowed);
        for header in ["allow-methods: get, head, post", "allow-headers: accept", "max-age: 600"] {
            preflight.expect(204, &format!("access-control-{header}"));
        }
        preflight.expect(204, "vary: origin");
    }
    for route in ["/api/v1/rooms/people/records", "/get_data", "/socket.io/?EIO=4&transport=polling"] {
        let answer = send(&cluster, &format!("GET {route}"), &page);
        answer.expect(200, allowed);
        answer.expect(200, "cross-origin-resource-policy: cross-origin");
        answer.expect(200, "access-control-expose-headers: ");
    }
    // Also an answer that says no is the page's to read.
    send(&cluster, "DELETE /get_data", &page).expect(405, allowed);
    let foreign =
        [("Host", "localhost"), ("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")];
    let refused = send(&cluster, "OPTIONS /add_name", &foreign);
    refused.expect(403, "vary: origin");
    assert!(!refused.head.contains("access-control-allow-origin"), "{}", refused.head);
}
