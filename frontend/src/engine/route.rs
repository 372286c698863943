//! Which relay to try next, and when.

use std::time::Duration;

const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// After a relay has refused this tab for cause.
const SHORTEST_PENALTY: Duration = Duration::from_secs(10);
const LONGEST_PENALTY: Duration = Duration::from_secs(300);
/// A link that lived shorter than this counts as a failed attempt.
const LIVED: Duration = Duration::from_secs(3);
/// A link that lived longer than this makes up for earlier refusals.
const LIVED_WELL: Duration = Duration::from_secs(60);
/// How many addresses are kept at the most.
const MAX_ADDRESSES: usize = 16;

/// The relays that this tab knows of, the next one to try first.
#[derive(Clone, Debug)]
pub struct Route {
    /// Invariant: never empty, without repetitions.
    addresses: Vec<String>,
    /// How many attempts have failed in a row.
    failed: u32,
    /// How often a relay has refused this tab for cause.
    refusals: u32,
    /// Whether the last thing that happened is such a refusal.
    refused_last: bool,
}

impl Route {
    /// `first` is tried first, then the others in their order.
    #[must_use]
    pub fn new(first: String, others: impl IntoIterator<Item = String>) -> Self {
        let mut route = Route { addresses: vec![first], failed: 0, refusals: 0, refused_last: false };
        route.learn(others);
        route
    }

    #[must_use]
    pub fn next(&self) -> &str {
        &self.addresses[0]
    }

    /// Adds addresses that are new. Where there is no room, those known longest make it, but not the next to try.
    pub fn learn(&mut self, addresses: impl IntoIterator<Item = String>) {
        for address in addresses {
            if !address.is_empty() && !self.addresses.contains(&address) {
                if self.addresses.len() == MAX_ADDRESSES {
                    self.addresses.remove(1);
                }
                self.addresses.push(address);
            }
        }
    }

    /// The next relay could not be reached.
    pub fn failed(&mut self) {
        self.addresses.rotate_left(1);
        self.failed = self.failed.saturating_add(1);
        self.refused_last = false;
    }

    /// The link to a relay, known under these addresses, has ended after `lived`.
    pub fn lost(&mut self, known_as: &[String], lived: Duration) {
        self.put_last(known_as);
        self.failed = if lived < LIVED { self.failed.saturating_add(1) } else { 0 };
        if lived > LIVED_WELL {
            self.refusals = 0;
        }
        self.refused_last = false;
    }

    /// A relay has refused this tab for something that the tab did.
    ///
    /// It may do so before it has said who it is, and then has no addresses yet but the one that was tried.
    pub fn refused(&mut self, known_as: &[String]) {
        if known_as.is_empty() {
            self.addresses.rotate_left(1);
        }
        self.put_last(known_as);
        self.refusals = self.refusals.saturating_add(1);
        self.refused_last = true;
    }

    /// Forgets past failures: somebody wants to be connected now.
    pub fn forgive(&mut self) {
        self.failed = 0;
        self.refusals = 0;
        self.refused_last = false;
    }

    /// How long to wait before the next attempt. `jitter` in `0.0..1.0` keeps tabs from coming all at once.
    #[must_use]
    pub fn wait(&self, jitter: f64) -> Duration {
        let longest = if self.refused_last {
            doubled(SHORTEST_PENALTY, self.refusals).min(LONGEST_PENALTY)
        } else {
            doubled(SHORTEST_WAIT, self.failed).min(LONGEST_WAIT)
        };
        longest.mul_f64(0.5 + jitter / 2.0)
    }

    fn put_last(&mut self, known_as: &[String]) {
        self.addresses.sort_by_key(|address| known_as.contains(address));
    }
}

/// `first`, twice that the second time, and so on; nothing for no times.
fn doubled(first: Duration, times: u32) -> Duration {
    match times {
        0 => Duration::ZERO,
        times => first * (1 << (times - 1).min(16)),
    }
}

/// Where a browser that has the page from `page_host` reaches `address`: relays that run on one machine call
/// themselves by its loopback address, which means another machine to a browser elsewhere.
#[must_use]
pub fn reachable(address: &str, page_host: &str) -> String {
    let Some((host, port)) = address.rsplit_once(':') else { return address.to_owned() };
    if is_loopback(host) && !page_host.is_empty() && !is_loopback(page_host) {
        format!("{page_host}:{port}")
    } else {
        address.to_owned()
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host == "[::1]" || host == "0.0.0.0"
}
