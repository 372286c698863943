//! The rule that decides on every request before its route does: under which host names a relay is asked, and for which
//! pages browsers may ask it. A browser lets any page send requests anywhere and only says which page it acts for.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::config::Config;
use crate::denial::Denial;
use crate::limited_log::LimitedLog;
use crate::node::NodeHandle;

/// What pages of allowed origins may use of requests and answers.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS: &str = "accept, authorization, content-type, idempotency-key, last-event-id";
const ANSWER_HEADERS: &str = "content-disposition, duet-applied, etag, location, retry-after";
/// How long a browser may remember the answer to a preflight, in seconds.
const PREFLIGHT_MAX_AGE: &str = "600";

/// Where a page asks whether anybody answers, if it cannot open a WebSocket.
const HEALTH: &str = "/healthz";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const ASKS_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOWS_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// What a route serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Data of rooms, or of the relay.
    Data,
    /// The files of the page. Links from other sites may lead to them.
    Page,
}

/// The way in to some routes.
#[derive(Clone, Debug)]
pub struct Door {
    pub config: Arc<Config>,
    pub node: NodeHandle,
    pub behind: Behind,
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asker {
    /// No page, or one of this relay whose browser has no reason to name it.
    Unnamed,
    /// A page of an allowed origin.
    Page(HeaderValue),
}

/// Lets a request through that the rule allows, and makes the answer safe. Answers preflights (Fetch standard, §4.8).
pub async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let others = door.node.addresses_of_others();
    let rule = Rule { config: &door.config, others: &others };
    let is_health = parts.uri.path() == HEALTH;
    let judged = rule.judge(door.behind, &parts);
    let (mut response, asker) = match judged {
        Ok(asker) => {
            let response = match preflight(&asker, &parts) {
                Some(response) => response,
                None => next.run(Request::from_parts(parts, body)).await,
            };
            (response, asker)
        }
        Err(denial) => {
            report(&denial, &parts.headers);
            (denial.answer(parts.uri.path()), Asker::Unnamed)
        }
    };
    complete(response.headers_mut(), door.behind, &asker);
    if is_health {
        // Pages that may not read it still learn that somebody answers, and can tell that they are refused.
        response.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
    response
}

fn report(denial: &Denial, headers: &HeaderMap) {
    static HOSTS: LimitedLog = LimitedLog::new();
    static PAGES: LimitedLog = LimitedLog::new();
    let (log, of) =
        if denial.status == StatusCode::FORBIDDEN { (&PAGES, header::ORIGIN) } else { (&HOSTS, header::HOST) };
    log.warn(format_args!("a request is refused ({}, {of}: {:?})", denial.kind, headers.get(&of)));
}

/// The answer to a browser that asks what a page may do, if the request is such a question.
fn preflight(asker: &Asker, parts: &Parts) -> Option<Response> {
    let is_preflight = parts.method == Method::OPTIONS
        && *asker != Asker::Unnamed
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE),
    ];
    let mut response = (StatusCode::NO_CONTENT, allowed).into_response();
    // A page from the internet that asks a relay on this machine or in this network needs this as well.
    if parts.headers.contains_key(ASKS_PRIVATE_NETWORK) {
        response.headers_mut().insert(ALLOWS_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    Some(response)
}

/// Adds what keeps an answer from pages that may not read it, and opens it to the page that asks.
fn complete(headers: &mut HeaderMap, behind: Behind, asker: &Asker) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if behind == Behind::Data && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
    let policy = match asker {
        Asker::Unnamed => "same-origin",
        Asker::Page(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
            "cross-origin"
        }
    };
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(policy));
}

/// What the operator allows, and where the other relays are.
struct Rule<'a> {
    config: &'a Config,
    /// Host and port of each.
    others: &'a [String],
}

impl Rule<'_> {
    /// Decides on a request by its head.
    fn judge(&self, behind: Behind, parts: &Parts) -> Result<Asker, Denial> {
        let host = self.host(parts)?;
        let mut origins = parts.headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => {}
            (Some(origin), None) if self.allows_origin(origin, host) => return Ok(Asker::Page(origin.clone())),
            _ => {
                let text =
                    "pages of this origin may not use this relay: start it with --allow-origin ORIGIN to let them";
                return Err(Denial::new(StatusCode::FORBIDDEN, "foreign-origin", text));
            }
        }
        let says = |name: HeaderName, value: &str| parts.headers.get(name).is_some_and(|said| said == value);
        let follows_link = behind == Behind::Page
            && matches!(parts.method, Method::GET | Method::HEAD)
            && says(FETCH_MODE, "navigate");
        if says(FETCH_SITE, "cross-site") && !follows_link {
            let text = "pages of other sites may not send this: open the page of this relay, or send it from a program";
            return Err(Denial::new(StatusCode::FORBIDDEN, "foreign-origin", text));
        }
        Ok(Asker::Unnamed)
    }

    /// The authority under which the relay is asked. A page from anywhere can have a name of its own lead to this
    /// machine, and is then of the same origin as the answer: only the name tells (DNS rebinding).
    fn host<'a>(&self, parts: &'a Parts) -> Result<&'a str, Denial> {
        let mut named = parts.headers.get_all(header::HOST).iter();
        let in_header = match (named.next(), named.next()) {
            (Some(host), None) => host.to_str().ok(),
            _ => None,
        };
        let Some(in_header) = in_header else {
            let text = "the request does not name its host: send one header Host";
            return Err(Denial::new(StatusCode::BAD_REQUEST, "bad-host", text));
        };
        let in_target = parts.uri.authority().map(|authority| authority.as_str());
        if self.allows_host(in_header) && in_target.is_none_or(|host| self.allows_host(host)) {
            return Ok(in_target.unwrap_or(in_header));
        }
        let text = "this relay does not answer under this host name: start it with --allow-host NAME if the name is meant \
                    to lead here, or ask it by its address";
        Err(Denial::new(StatusCode::MISDIRECTED_REQUEST, "unknown-host", text))
    }

    fn allows_host(&self, authority: &str) -> bool {
        let host = host_in(authority);
        // Browsers resolve localhost themselves, so no page can have it lead anywhere else.
        let is_local = host == "localhost" || ip_in(&host).is_some_and(|ip| ip.is_loopback());
        // Rebinding needs a name. On loopback no other address is meant.
        let is_address = !self.listens_on_loopback() && ip_in(&host).is_some();
        let origins = self.config.allow_origin.iter().filter_map(|origin| Some(origin.split_once("://")?.1));
        let mut known = origins
            .chain([self.config.address.as_str()])
            .chain(self.config.allow_host.iter().map(String::as_str))
            .chain(self.others.iter().map(String::as_str));
        is_local || is_address || known.any(|known| host_in(known) == host)
    }

    /// Whether the pages of an origin may use the relay: those of the relays, and those that the operator names.
    fn allows_origin(&self, origin: &HeaderValue, host: &str) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        if self.config.allow_origin.iter().any(|allowed| allowed.trim_end_matches('/') == origin) {
            return true;
        }
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let is_known = |address: &str| with_port(scheme, address) == with_port(scheme, authority);
        let is_local = || {
            let host = host_in(authority);
            host == "localhost" || ip_in(&host).is_some_and(|ip| ip.is_loopback())
        };
        is_known(&self.config.address)
            || self.others.iter().any(|address| is_known(address))
            || if self.listens_on_loopback() { is_local() } else { is_known(host) }
    }

    fn listens_on_loopback(&self) -> bool {
        self.config.listen.ip().is_loopback()
    }
}

/// An authority with the port that the scheme implies, where it names none.
fn with_port(scheme: &str, authority: &str) -> String {
    let (_, port) = split_port(authority);
    let default = if scheme == "https" { "443" } else { "80" };
    format!("{}:{}", host_in(authority), port.unwrap_or(default))
}

/// The host of an authority, in lower case and without the dot that may end a name.
fn host_in(authority: &str) -> String {
    let (host, _) = split_port(authority.trim_end_matches('/'));
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn ip_in(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::CommandLine;

    /// What the rule says of a GET at a relay that is started with `flags`.
    fn judged(flags: &[&str], behind: Behind, headers: &[(&'static str, &str)]) -> Result<Asker, StatusCode> {
        let args = CommandLine::try_parse_from(std::iter::once(&"relay").chain(flags)).unwrap();
        let config = Config::try_from(args.relay).unwrap();
        let others: Vec<String> = config.peers.values().cloned().collect();
        let mut request = Request::builder().uri("/get_data");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Rule { config: &config, others: &others }.judge(behind, &parts).map_err(|denial| denial.status)
    }

    fn allows_host(flags: &[&str], host: &str) -> bool {
        judged(flags, Behind::Data, &[("host", host)]).is_ok()
    }

    fn allows_origin(flags: &[&str], host: &str, origin: &str) -> bool {
        judged(flags, Behind::Data, &[("host", host), ("origin", origin)]).is_ok()
    }

    const OUTSIDE: [&str; 8] = [
        "--host",
        "0.0.0.0",
        "--link-secret",
        "s",
        "--peers",
        "2=ws://two.example:5000",
        "--allow-origin",
        "https://duet.example",
    ];

    #[test]
    fn relay_on_loopback_answers_under_local_names_only() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:5000", "127.0.0.2", "[::1]:5000", "localhost."] {
            assert!(allows_host(&[], host), "{host}");
        }
        for host in ["evil.example", "evil.example:5000", "localhost.evil.example", "192.0.2.1", "0.0.0.0:5000", ""] {
            assert!(!allows_host(&[], host), "{host}");
        }
        assert!(allows_host(&["--allow-host", "duet.example"], "Duet.Example:5000"));
        assert!(allows_host(&["--allow-origin", "https://duet.example"], "duet.example"));
        assert!(allows_host(&["--link-secret", "s", "--peers", "2=ws://two.example:5000"], "two.example:5000"));
    }

    #[test]
    fn relay_on_a_network_answers_under_addresses_and_listed_names() {
        let flags = [&OUTSIDE[..], &["--address", "one.example:5000"]].concat();
        for host in ["192.0.2.1:5000", "[2001:db8::1]", "localhost:5000", "one.example", "two.example", "duet.example"]
        {
            assert!(allows_host(&flags, host), "{host}");
        }
        assert!(!allows_host(&flags, "rebound.example:5000"));
    }

    #[test]
    fn a_request_names_one_host_everywhere_the_same_rule_holds() {
        let of = |headers: &[(&'static str, &str)]| judged(&[], Behind::Data, headers);
        assert_eq!(of(&[]), Err(StatusCode::BAD_REQUEST));
        assert_eq!(of(&[("host", "localhost"), ("host", "evil.example")]), Err(StatusCode::BAD_REQUEST));
        assert_eq!(of(&[("host", "evil.example")]), Err(StatusCode::MISDIRECTED_REQUEST));
        let page = judged(&[], Behind::Page, &[("host", "evil.example"), ("sec-fetch-mode", "navigate")]);
        assert_eq!(page, Err(StatusCode::MISDIRECTED_REQUEST));
    }

    #[test]
    fn on_loopback_every_local_page_may_ask_and_no_other() {
        for origin in ["http://localhost:8080", "http://127.0.0.1:1234", "http://[::1]:8080", "http://[::1]"] {
            assert!(allows_origin(&[], "127.0.0.1:5000", origin), "{origin}");
        }
        for origin in
            ["http://evil.example", "null", "http://localhost.evil.example:5000", "http://127.0.0.1.evil:5000"]
        {
            assert!(!allows_origin(&[], "127.0.0.1:5000", origin), "{origin}");
        }
    }

    #[test]
    fn elsewhere_the_own_page_those_of_the_peers_and_listed_ones_may_ask() {
        let flags = [&OUTSIDE[..], &["--allow-host", "one.example"]].concat();
        for origin in ["http://one.example", "http://two.example:5000", "https://duet.example"] {
            assert!(allows_origin(&flags, "one.example:80", origin), "{origin}");
        }
        for origin in ["http://localhost:5000", "https://one.example", "http://duet.example", "http://two.example"] {
            assert!(!allows_origin(&flags, "one.example:80", origin), "{origin}");
        }
    }

    #[test]
    fn pages_of_other_sites_may_link_to_the_page_and_send_nothing_else() {
        let cross = |behind, mode| {
            let headers = [("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode)];
            judged(&[], behind, &headers)
        };
        assert_eq!(cross(Behind::Page, "navigate"), Ok(Asker::Unnamed));
        assert_eq!(cross(Behind::Page, "no-cors"), Err(StatusCode::FORBIDDEN));
        assert_eq!(cross(Behind::Data, "navigate"), Err(StatusCode::FORBIDDEN));
        let same = judged(&[], Behind::Data, &[("host", "localhost"), ("sec-fetch-site", "same-origin")]);
        assert_eq!(same, Ok(Asker::Unnamed));
    }
}
