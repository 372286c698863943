//! Which relay to try next, and when.

use std::time::Duration;

use shared::base::hlc::ClockAhead;
use shared::base::id::ReplicaId;
use shared::replica::io::Violation;

const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Within so long after a relay is gone its tabs turn to others, each at a moment of its own.
const SPREAD: Duration = Duration::from_secs(1);
/// After a relay has refused this tab for cause.
const SHORTEST_PENALTY: Duration = Duration::from_secs(10);
const LONGEST_PENALTY: Duration = Duration::from_secs(300);
/// A link that lived shorter than this counts as a failed attempt.
const LIVED: Duration = Duration::from_secs(3);
/// A link that lived longer than this makes up for earlier refusals.
const LIVED_WELL: Duration = Duration::from_secs(60);
/// Passing troubles that follow one another for so long are told.
const LASTING: Duration = Duration::from_secs(30);
/// After so long without any, troubles are over.
const QUIET: Duration = Duration::from_secs(20);
/// How many addresses are kept at the most.
const MAX_ADDRESSES: usize = 16;
/// The longest name of a host (RFC 1035, section 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// The relays that this tab knows of, the next one to try first.
#[derive(Clone, Debug)]
pub struct Route {
    /// Invariant: never empty, without repetitions.
    addresses: Vec<String>,
    /// The relay that no vouched relay knows: it is used because the user agreed to it.
    agreed: Option<String>,
    /// The relay that the user is to be asked about. It is none of the addresses.
    asked: Option<String>,
    /// How many attempts have failed in a row.
    failed: u32,
    /// How often a relay has refused this tab for cause.
    refusals: u32,
    /// Whether the last thing that happened is such a refusal.
    refused_last: bool,
    /// Whether the last thing that happened is that a link which had lived was lost.
    lost_last: bool,
}

impl Route {
    /// `first` is tried first, then the others in their order.
    #[must_use]
    pub fn new(first: String, others: impl IntoIterator<Item = String>) -> Self {
        let mut route = Route {
            addresses: vec![first],
            agreed: None,
            asked: None,
            failed: 0,
            refusals: 0,
            refused_last: false,
            lost_last: false,
        };
        route.learn(others);
        route
    }

    /// The same, where nobody vouches for `asked`: the user is to be asked about it.
    #[must_use]
    pub fn asking(self, asked: String) -> Self {
        Route { asked: Some(asked), ..self }
    }

    /// The relay that the user is to be asked about.
    #[must_use]
    pub fn asked(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    /// Tries `address` first from now on, which nobody vouches for: the user has agreed to it.
    pub fn agree(&mut self, address: String) {
        self.addresses.retain(|known| *known != address);
        self.addresses.insert(0, address.clone());
        self.addresses.truncate(MAX_ADDRESSES);
        self.agreed = Some(address);
        self.forgive();
    }

    /// The same without the relay that the user agreed to for this tab alone.
    #[must_use]
    pub fn vouched(&self) -> Self {
        let mut route = Route { agreed: None, ..self.clone() };
        if let Some(agreed) = self.agreed.as_ref().filter(|_| self.addresses.len() > 1) {
            route.addresses.retain(|address| address != agreed);
        }
        route
    }

    /// Whether the page's origin, or a relay that it vouches for, has named this relay. Only such a relay may name others.
    #[must_use]
    pub fn is_vouched(&self, address: &str) -> bool {
        self.agreed.as_deref() != Some(address) && self.addresses.iter().any(|known| known == address)
    }

    /// Returns the address that is tried next.
    #[must_use]
    pub fn next(&self) -> &str {
        &self.addresses[0]
    }

    /// Adds addresses that are new, in the words of a vouched relay. Where there is no room, those known longest make it,
    /// but not the next to try.
    pub fn learn(&mut self, addresses: impl IntoIterator<Item = String>) {
        for address in addresses {
            self.agreed.take_if(|agreed| *agreed == address);
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
        (self.refused_last, self.lost_last) = (false, false);
    }

    /// The link to a relay, known under these addresses, has ended after `lived`. `pick` in `0.0..1.0` says which of the
    /// others is tried next, so that the tabs of a relay that is gone do not all turn to the same one.
    pub fn lost(&mut self, known_as: &[String], lived: Duration, pick: f64) {
        self.put_last(known_as);
        let others = self.addresses.iter().filter(|address| !known_as.contains(address)).count();
        self.addresses[..others].rotate_left((others as f64 * pick) as usize);
        self.lost_last = lived >= LIVED;
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
        (self.refused_last, self.lost_last) = (true, false);
    }

    /// Forgets past failures: somebody wants to be connected now.
    pub fn forgive(&mut self) {
        self.failed = 0;
        self.refusals = 0;
        (self.refused_last, self.lost_last) = (false, false);
    }

    /// How long to wait before the next attempt. `jitter` in `0.0..1.0` keeps tabs from coming all at once.
    #[must_use]
    pub fn wait(&self, jitter: f64) -> Duration {
        if self.lost_last {
            return SPREAD.mul_f64(jitter);
        }
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

/// How a tab goes on when a relay has ended the link and said why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The reason passes by itself: the tab tries again soon.
    Passing,
    /// The clock of this device is wrong: the tab goes by the relay's, and comes back soon.
    WrongClock(ClockAhead),
    /// No relay will take the id of this tab again: it needs a new one.
    NewId,
    /// The tab has done something wrong: it stays away for long.
    ForCause,
}

impl Farewell {
    /// Judges `violation`, which a relay has told the tab `me`. What others did is no reason for a new id.
    #[must_use]
    pub fn of(violation: &Violation, me: ReplicaId) -> Self {
        match violation {
            Violation::Stopping | Violation::SlowPeer | Violation::ConnectedElsewhere | Violation::RoomFailed => {
                Farewell::Passing
            }
            Violation::Clock(ahead) => Farewell::WrongClock(*ahead),
            // A newer link of this very tab comes only after the older one is down: it is another copy that has replaced it.
            Violation::IdOfRelay | Violation::Copied | Violation::Replaced => Farewell::NewId,
            Violation::CounterLeap { dot, .. } | Violation::Equivocation { dot } if dot.replica() == me => {
                Farewell::NewId
            }
            _ => Farewell::ForCause,
        }
    }
}

/// How long passing troubles have followed one another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// When they began, and when the last one came.
    span: Option<(Duration, Duration)>,
    is_told: bool,
}

impl Trouble {
    /// Notes one more at `now`. Returns true, once, when they have lasted so long that they do not pass by themselves.
    pub fn lasts(&mut self, now: Duration) -> bool {
        let since = match self.span {
            Some((since, last)) if now.saturating_sub(last) < QUIET => since,
            _ => {
                self.is_told = false;
                now
            }
        };
        self.span = Some((since, now));
        let is_news = !self.is_told && now.saturating_sub(since) >= LASTING;
        self.is_told |= is_news;
        is_news
    }
}

/// What to do with a relay that the page's URL asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedRelay {
    /// A vouched relay: it is used at once.
    Vouched(String),
    /// Nobody vouches for it: nothing goes there before the user agrees.
    Ask(String),
    /// Not a host with an optional port, so nothing can be asked.
    NoAddress,
}

impl AskedRelay {
    /// Judges `asked`, where `vouched` are the page's own address and those that its relays have named. Loopback addresses
    /// are no exception: another program on the machine may listen there.
    #[must_use]
    pub fn of(asked: &str, vouched: &[String]) -> Self {
        let asked = asked.trim().to_ascii_lowercase();
        if !is_address(&asked) {
            AskedRelay::NoAddress
        } else if vouched.contains(&asked) {
            AskedRelay::Vouched(asked)
        } else {
            AskedRelay::Ask(asked)
        }
    }
}

/// Returns true if `text` is a host with a port, which a program can dial.
#[must_use]
pub fn is_dialable(text: &str) -> bool {
    is_address(text) && text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// Whether `text` is a host with an optional port and nothing else: no user, no path, and no letters that look like
/// others. The user can then judge an address by reading it.
fn is_address(text: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = match text.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => text,
    };
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            address.contains(':') && address.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        }
        None => {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            (1..=MAX_HOST_BYTES).contains(&host.len()) && host.bytes().all(is_allowed)
        }
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
