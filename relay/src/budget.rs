//! What a peer may make this relay do: so much at once, and so much a second for as long as it likes.

use std::time::{Duration, Instant};

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

#[cfg(test)]
mod tests {
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
}
