//! What a peer may make this relay do: so much at once, and so much a second for as long as it likes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// What one connection may send, by what it is when it is decompressed.
const DECODED: Rate = Rate { per_second: MIB, burst: 16.0 * MIB };
/// The same for all connections of one network.
const NETWORK_DECODED: Rate = Rate { per_second: 2.0 * MIB, burst: 32.0 * MIB };
/// What may be sent because of one connection.
const SENT: Rate = Rate { per_second: 8.0 * MIB, burst: 64.0 * MIB };
/// The same for all connections of one network.
const NETWORK_SENT: Rate = Rate { per_second: 16.0 * MIB, burst: 128.0 * MIB };
const MIB: f64 = 1_048_576.0;
/// How many networks are remembered before those are forgotten that use nothing.
const MANY_NETWORKS: usize = 1024;

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

/// A token bucket (Turner, "New directions in communications", 1986), full at first.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    /// Below zero after a charge that was larger than what was there.
    balance: f64,
    at: Instant,
}

impl Bucket {
    pub fn new(rate: Rate, now: Instant) -> Self {
        Bucket { rate, balance: rate.burst, at: now }
    }

    /// Takes `cost` out if there is as much. Returns false, and takes nothing, if there is less.
    pub fn try_spend(&mut self, cost: f64, now: Instant) -> bool {
        self.fill(now);
        let is_enough = self.balance >= cost;
        if is_enough {
            self.balance -= cost;
        }
        is_enough
    }

    /// Returns true if nothing was spent lately, so that a new bucket would be the same.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.balance >= self.rate.burst
    }

    fn fill(&mut self, now: Instant) {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * self.rate.per_second;
        self.balance = (self.balance + earned).min(self.rate.burst);
        self.at = self.at.max(now);
    }

    /// Takes `cost` out, also if there is less.
    pub fn charge(&mut self, cost: f64, now: Instant) {
        self.fill(now);
        self.balance -= cost;
    }

    /// How long it takes until all that was charged is paid. Zero if it is.
    pub fn debt(&mut self, now: Instant) -> Duration {
        self.fill(now);
        Duration::try_from_secs_f64(-self.balance / self.rate.per_second).unwrap_or(Duration::ZERO)
    }
}

/// What one connection, and all connections of its network together, may make the relay do.
#[derive(Debug)]
pub struct Account {
    own: Mutex<Purse>,
    network: Arc<Mutex<Purse>>,
    address: IpAddr,
}

/// The budgets of a connection or of a network, in bytes.
#[derive(Debug)]
struct Purse {
    /// What arrives, as long as it is when it is decompressed, and what it takes in memory besides.
    decoded: Bucket,
    /// What is sent in answer, and what others are sent for its sake.
    sent: Bucket,
}

/// The budgets of all networks that have used some of theirs lately.
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    networks: Arc<Mutex<BTreeMap<IpAddr, Arc<Mutex<Purse>>>>>,
}

impl Budgets {
    /// The account of a new connection from an address.
    pub fn account(&self, address: IpAddr) -> Account {
        let now = Instant::now();
        let mut networks = lock(&self.networks);
        if networks.len() >= MANY_NETWORKS {
            networks.retain(|_, purse| Arc::strong_count(purse) > 1 || !lock(purse).is_full(now));
        }
        let network = networks.entry(network_of(address)).or_insert_with(|| {
            let purse = Purse { decoded: Bucket::new(NETWORK_DECODED, now), sent: Bucket::new(NETWORK_SENT, now) };
            Arc::new(Mutex::new(purse))
        });
        let own = Purse { decoded: Bucket::new(DECODED, now), sent: Bucket::new(SENT, now) };
        Account { own: Mutex::new(own), network: Arc::clone(network), address }
    }
}

impl Account {
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// So many bytes have arrived.
    pub fn charge_decoded(&self, bytes: usize) {
        let now = Instant::now();
        self.purses(|purse| purse.decoded.charge(bytes as f64, now));
    }

    /// So many bytes are sent because of this connection.
    pub fn charge_sent(&self, bytes: usize) {
        let now = Instant::now();
        self.purses(|purse| purse.sent.charge(bytes as f64, now));
    }

    /// Waits until all that was charged is paid. While it waits, nothing more is read from the connection, so that its
    /// peer sends more slowly and loses nothing.
    pub async fn settled(&self) {
        loop {
            let now = Instant::now();
            let mut debt = Duration::ZERO;
            self.purses(|purse| debt = debt.max(purse.decoded.debt(now)).max(purse.sent.debt(now)));
            if debt.is_zero() {
                return;
            }
            sleep(debt).await;
        }
    }

    fn purses(&self, mut with: impl FnMut(&mut Purse)) {
        with(&mut lock(&self.own));
        with(&mut lock(&self.network));
    }
}

impl Purse {
    fn is_full(&mut self, now: Instant) -> bool {
        self.decoded.is_full(now) && self.sent.is_full(now)
    }
}

/// Whose budget an address uses: with IPv6, one customer has 64 bits of addresses.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const RATE: Rate = Rate { per_second: 10.0, burst: 100.0 };

    #[test]
    fn a_burst_passes_and_more_than_that_does_not_until_time_has_passed() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        assert!((0..100).all(|_| bucket.try_spend(1.0, start)));
        assert!(!bucket.try_spend(1.0, start));
        let later = start + Duration::from_secs(1);
        assert!((0..10).all(|_| bucket.try_spend(1.0, later)));
        assert!(!bucket.try_spend(1.0, later) && !bucket.is_full(later));
        assert!(bucket.is_full(later + Duration::from_secs(10)));
    }

    #[test]
    fn a_charge_that_is_larger_than_the_balance_is_paid_by_waiting() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        bucket.charge(60.0, start);
        assert_eq!(bucket.debt(start), Duration::ZERO);
        bucket.charge(60.0, start);
        assert_eq!(bucket.debt(start), Duration::from_secs(2));
        assert_eq!(bucket.debt(start + Duration::from_secs(2)), Duration::ZERO);
    }

    #[tokio::test]
    async fn what_one_connection_uses_up_the_others_of_its_network_lack() {
        let budgets = Budgets::default();
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let [first, second, other] = [here, here, there].map(|address| budgets.account(address));
        first.charge_decoded(40 * MIB as usize);
        let waits = async |account: &Account| timeout(Duration::ZERO, account.settled()).await.is_err();
        assert!(waits(&first).await && waits(&second).await, "the network is over its budget");
        assert!(!waits(&other).await, "another network is not");
        drop((first, second));
        assert!(waits(&budgets.account(here)).await, "to connect anew helps nothing");
    }

    #[test]
    fn the_addresses_of_one_customer_are_one_network() {
        let network = |address: &str| network_of(address.parse().expect("an address"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
    }

    #[test]
    fn networks_that_use_nothing_are_forgotten() {
        let budgets = Budgets::default();
        let used = budgets.account(IpAddr::from([9, 9, 9, 9]));
        used.charge_sent(1 << 30);
        for at in 0..2 * MANY_NETWORKS as u32 {
            drop(budgets.account(IpAddr::from(at.to_be_bytes())));
        }
        assert!(lock(&budgets.networks).len() <= MANY_NETWORKS + 1);
        assert!(lock(&budgets.networks).contains_key(&IpAddr::from([9, 9, 9, 9])));
    }
}
