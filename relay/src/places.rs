//! How many connections a relay holds open, in all and from one address.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use thiserror::Error;
use tokio::sync::Notify;

/// How many connections may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub total: usize,
    /// From one address: one of IPv4, or the first 64 bits of one of IPv6, which one host can use as it likes.
    pub per_address: usize,
    /// From one address of the loopback interface, which all tabs of this machine share, and all clients of a proxy.
    pub per_loopback: usize,
}

/// The fewest descriptors that are kept for files, for links to other relays and for answers to those turned away.
const RESERVED: u64 = 64;

impl Limits {
    /// The limits that an operator wants, made to fit this process: its open connections leave a quarter of the file
    /// descriptors to everything else.
    pub fn new(total: usize, per_address: Option<usize>) -> Self {
        Limits::within(descriptors(), total, per_address)
    }

    /// So many places in all, of which one address has a quarter at the most, and this machine three quarters.
    pub fn shared(total: usize) -> Self {
        Limits { total, per_address: total / 4, per_loopback: total * 3 / 4 }
    }

    fn within(descriptors: u64, total: usize, per_address: Option<usize>) -> Self {
        let usable = descriptors.saturating_sub(RESERVED.max(descriptors / 4)).max(1);
        let total = total.min(usize::try_from(usable).unwrap_or(usize::MAX));
        let share = (total * 3 / 4).max(1);
        Limits {
            total,
            per_address: per_address.unwrap_or(PER_ADDRESS).min(share),
            per_loopback: per_address.unwrap_or(share).min(share),
        }
    }

    fn of(&self, address: IpAddr) -> usize {
        if address.is_loopback() { self.per_loopback } else { self.per_address }
    }
}

/// How many connections one address may have, unless the operator says otherwise.
const PER_ADDRESS: usize = 512;

/// How many files this process may have open. It takes as many as the system lets it take.
fn descriptors() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return RESERVED * 4 };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    #[error("too many connections to this relay: try again in a moment, or connect to another relay")]
    Relay,
    #[error("too many connections from your address: close some, or try again in a moment")]
    Address,
}

/// All open connections of a relay.
#[derive(Clone, Debug)]
pub struct Places {
    limits: Limits,
    open: Arc<Mutex<Open>>,
}

/// Invariant: `by_address` counts the places of `taken` by their addresses, and names no address without one.
#[derive(Debug, Default)]
struct Open {
    taken: HashMap<u64, Taken>,
    by_address: HashMap<IpAddr, usize>,
    /// The places whose connections have asked for nothing yet. Ids ascend, so the oldest comes first.
    silent: BTreeSet<u64>,
    last_id: u64,
}

#[derive(Debug)]
struct Taken {
    address: IpAddr,
    cut: Arc<Notify>,
}

/// The place of one connection. It is free again when this is dropped.
#[derive(Debug)]
pub struct ConnectionPlace {
    open: Arc<Mutex<Open>>,
    id: u64,
    cut: Arc<Notify>,
}

impl Places {
    pub fn new(limits: Limits) -> Self {
        Places { limits, open: Arc::default() }
    }

    /// Takes a place for a connection. If there is none, the connection that has been silent for longest is cut in its
    /// favour: one from the same address if that address has too many, and any if the relay has.
    ///
    /// # Errors
    /// [`Full`], if there is no place and nobody is silent.
    pub fn take(&self, from: IpAddr) -> Result<ConnectionPlace, Full> {
        let address = counted_as(from);
        let mut open = lock(&self.open);
        if open.by_address.get(&address).copied().unwrap_or(0) >= self.limits.of(address) {
            open.cut_silent(Some(address)).ok_or(Full::Address)?;
        }
        if open.taken.len() >= self.limits.total {
            open.cut_silent(None).ok_or(Full::Relay)?;
        }
        open.last_id += 1;
        let (id, cut) = (open.last_id, Arc::new(Notify::new()));
        open.taken.insert(id, Taken { address, cut: Arc::clone(&cut) });
        open.silent.insert(id);
        *open.by_address.entry(address).or_default() += 1;
        Ok(ConnectionPlace { open: Arc::clone(&self.open), id, cut })
    }
}

impl Open {
    /// Frees the place of the oldest silent connection, of an address or of any, and tells the connection to end.
    fn cut_silent(&mut self, of: Option<IpAddr>) -> Option<()> {
        let is_meant = |id: &&u64| of.is_none() || self.taken.get(id).map(|taken| taken.address) == of;
        let id = *self.silent.iter().find(is_meant)?;
        self.free(id)?.cut.notify_one();
        Some(())
    }

    /// Frees a place, unless it is free already.
    fn free(&mut self, id: u64) -> Option<Taken> {
        let taken = self.taken.remove(&id)?;
        self.silent.remove(&id);
        if let Some(count) = self.by_address.get_mut(&taken.address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&taken.address);
            }
        }
        Some(taken)
    }
}

impl ConnectionPlace {
    /// The first request has come: from now on the place is not given to others.
    pub fn speaks(&self) {
        lock(&self.open).silent.remove(&self.id);
    }

    /// Completes once the place was given to another connection.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + use<> {
        let cut = Arc::clone(&self.cut);
        async move { cut.notified().await }
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        lock(&self.open).free(self.id);
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address under which a connection counts.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let host_part = u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !host_part))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { total: 4, per_address: 2, per_loopback: 3 };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn talking(places: &Places, from: &str) -> Result<ConnectionPlace, Full> {
        let place = places.take(address(from))?;
        place.speaks();
        Ok(place)
    }

    #[test]
    fn an_address_and_the_relay_have_limits_and_a_place_is_free_when_its_connection_ends() {
        let places = Places::new(LIMITS);
        let first = talking(&places, "192.0.2.1").unwrap();
        let _second = talking(&places, "::ffff:192.0.2.1").unwrap();
        assert_eq!(talking(&places, "192.0.2.1").unwrap_err(), Full::Address);
        let _others = [talking(&places, "127.0.0.1").unwrap(), talking(&places, "192.0.2.2").unwrap()];
        assert_eq!(talking(&places, "192.0.2.3").unwrap_err(), Full::Relay);
        drop(first);
        assert!(talking(&places, "192.0.2.3").is_ok());
    }

    #[test]
    fn hosts_of_one_ipv6_network_count_together() {
        let places = Places::new(LIMITS);
        let _two = ["2001:db8::1", "2001:db8::2"].map(|from| talking(&places, from).unwrap());
        assert_eq!(talking(&places, "2001:db8::3").unwrap_err(), Full::Address);
        assert!(talking(&places, "2001:db8:0:1::1").is_ok());
    }

    #[tokio::test]
    async fn silent_connections_make_way_for_new_ones_the_oldest_first() {
        let places = Places::new(LIMITS);
        let oldest = places.take(address("192.0.2.1")).unwrap();
        let newer = places.take(address("192.0.2.1")).unwrap();
        newer.speaks();
        let third = talking(&places, "192.0.2.1").unwrap();
        oldest.lost().await;
        // Whoever has been cut frees nothing a second time.
        drop(oldest);
        assert_eq!(talking(&places, "192.0.2.1").unwrap_err(), Full::Address);
        drop((newer, third));
        let open = lock(&places.open);
        assert!(open.taken.is_empty() && open.by_address.is_empty() && open.silent.is_empty());
    }

    #[test]
    fn limits_leave_file_descriptors_to_everything_else() {
        let few = Limits::within(256, 10_000, None);
        assert_eq!(few, Limits { total: 192, per_address: 144, per_loopback: 144 });
        let many = Limits::within(1_000_000, 10_000, None);
        assert_eq!(many, Limits { total: 10_000, per_address: 512, per_loopback: 7500 });
        let set = Limits::within(1_000_000, 10_000, Some(50));
        assert_eq!((set.per_address, set.per_loopback), (50, 50));
        assert_eq!(Limits::within(1, 10_000, None).total, 1);
    }
}
