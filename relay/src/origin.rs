//! Which pages may open a WebSocket here. Browsers let any page connect anywhere and only say which page it is.

use axum::http::{HeaderMap, header};

use crate::config::Config;

/// Whether the page that a request comes from may connect. Those of the other relays, at `others`, may.
pub fn is_allowed(headers: &HeaderMap, config: &Config, others: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true; // Not a browser; it could pretend anything.
    };
    let Ok(origin) = origin.to_str() else { return false };
    if config.allow_origin.iter().any(|allowed| allowed.trim_end_matches('/') == origin) {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let known = |address: &str| with_port(scheme, address) == with_port(scheme, authority);
    // On loopback the name in `Host` proves nothing: a page from anywhere can have its own name lead to this machine.
    let local = config.listen.ip().is_loopback();
    known(&config.address)
        || others.iter().any(|address| known(address))
        || if local { is_loopback(authority) } else { host.is_some_and(known) }
}

/// An authority with the port that the scheme implies, where it names none.
fn with_port(scheme: &str, authority: &str) -> String {
    let (host, port) = split_port(authority);
    let default = if scheme == "https" { "443" } else { "80" };
    format!("{}:{}", host.to_ascii_lowercase(), port.unwrap_or(default))
}

fn is_loopback(authority: &str) -> bool {
    matches!(split_port(authority).0, "localhost" | "127.0.0.1" | "[::1]")
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use clap::Parser;

    use super::*;
    use crate::config::CommandLine;

    fn allowed(flags: &[&'static str], host: &'static str, origin: Option<&'static str>) -> bool {
        let args = CommandLine::try_parse_from(std::iter::once(&"relay").chain(flags)).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        let config = Config::try_from(args.relay).unwrap();
        let others: Vec<String> = config.peers.values().cloned().collect();
        is_allowed(&headers, &config, &others)
    }

    #[test]
    fn on_loopback_every_local_page_may_connect_and_no_other() {
        for origin in ["http://localhost:8080", "http://127.0.0.1:1234", "http://[::1]:8080", "http://[::1]"] {
            assert!(allowed(&[], "127.0.0.1:5000", Some(origin)), "{origin}");
        }
        for origin in
            ["http://evil.example", "null", "http://localhost.evil.example:5000", "http://127.0.0.1.evil:5000"]
        {
            assert!(!allowed(&[], "127.0.0.1:5000", Some(origin)), "{origin}");
        }
        assert!(!allowed(&[], "rebound.example:5000", Some("http://rebound.example:5000")));
        assert!(allowed(&[], "127.0.0.1:5000", None));
    }

    #[test]
    fn elsewhere_the_own_page_those_of_the_peers_and_listed_ones_may() {
        let flags = ["--host", "0.0.0.0", "--link-secret", "s", "--peers", "2=ws://two.example:5000"];
        let flags = [&flags[..], &["--allow-origin", "https://duet.example"]].concat();
        for origin in ["http://one.example", "http://two.example:5000", "https://duet.example"] {
            assert!(allowed(&flags, "one.example:80", Some(origin)), "{origin}");
        }
        for origin in ["http://localhost:5000", "https://one.example", "http://duet.example", "http://two.example"] {
            assert!(!allowed(&flags, "one.example:80", Some(origin)), "{origin}");
        }
    }
}
