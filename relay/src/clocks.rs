//! The clocks of the relays: each tells the others its own with every ping of a link, and so learns whether it is wrong.
//!
//! Stamps order edits, and a relay judges the stamps of tabs by its clock. A relay whose clock a majority contradicts goes
//! by theirs until somebody sets it right.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use shared::id::VoterId;
use tracing::info;

use crate::limited_log::LimitedLog;

/// How far clocks may differ, in milliseconds: far more than they do where something keeps them right, and far less than
/// the hour beyond which a stamp is refused.
const BOUND_MS: u64 = 60_000;

/// The clocks of the relays that are linked to this one.
#[derive(Debug, Default)]
pub struct Clocks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How far the clock of each is ahead of this one, in milliseconds.
    ahead: BTreeMap<VoterId, i64>,
    /// How far this clock is off, as a majority has it.
    off: Option<Off>,
}

/// This relay's clock is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Off {
    /// How far the clocks of the others are ahead of it, in milliseconds.
    others_ahead_ms: i64,
    /// How many relays agree about that, of how many, this one among them.
    agree: usize,
    of: usize,
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.others_ahead_ms.unsigned_abs() / 1000;
        let side = if self.others_ahead_ms > 0 { "behind" } else { "ahead of" };
        write!(
            f,
            "the clock of this machine is {seconds} s {side} the clocks of {} of {} relays: set it right; until then this relay goes by theirs",
            self.agree, self.of
        )
    }
}

impl Clocks {
    /// The payload of a ping, by which a relay tells the time: milliseconds since the Unix epoch in 8 bytes, the highest
    /// first.
    pub fn ping() -> Bytes {
        Bytes::copy_from_slice(&own_ms().to_be_bytes())
    }

    /// Takes note of the time that the payload of a ping tells. Other payloads tell none.
    pub fn hear(&self, from: VoterId, payload: &[u8]) {
        let Ok(bytes) = payload.try_into() else { return };
        let ahead = i64::try_from(i128::from(u64::from_be_bytes(bytes)) - i128::from(own_ms()));
        let Ok(ahead) = ahead else { return };
        let mut state = self.lock();
        state.ahead.insert(from, ahead);
        state.judge();
    }

    /// A link is down: that clock is not known any more.
    pub fn forget(&self, relay: VoterId) {
        let mut state = self.lock();
        state.ahead.remove(&relay);
        state.judge();
    }

    /// How far this clock is wrong, if it is.
    pub fn off(&self) -> Option<Off> {
        self.lock().off
    }

    /// The time to go by, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        own_ms().saturating_add_signed(self.off().map_or(0, |off| off.others_ahead_ms))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn judge(&mut self) {
        static OFF: LimitedLog = LimitedLog::new();
        let off = judge(self.ahead.values().copied().collect());
        match (self.off, off) {
            (None, Some(off)) => OFF.warn(off),
            (Some(_), None) => info!("the clock of this machine agrees with those of a majority of the relays again"),
            _ => {}
        }
        self.off = off;
    }
}

fn own_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64
}

/// Whether this clock is wrong, by how far the clocks of the others are ahead of it. More than half of all clocks must
/// agree with the one in the middle, and that one must be off.
fn judge(mut ahead: Vec<i64>) -> Option<Off> {
    ahead.push(0);
    let of = ahead.len();
    // Of the two in the middle of an even number the one that speaks for this clock.
    ahead.sort_unstable();
    let middle = [ahead[(of - 1) / 2], ahead[of / 2]].into_iter().min_by_key(|ahead| ahead.unsigned_abs())?;
    let agree = ahead.iter().filter(|&&other| other.abs_diff(middle) <= BOUND_MS).count();
    let is_off = middle.unsigned_abs() > BOUND_MS && 2 * agree > of;
    is_off.then_some(Off { others_ahead_ms: middle, agree, of })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn others_ahead(ahead: &[i64]) -> Option<i64> {
        judge(ahead.to_vec()).map(|off| off.others_ahead_ms)
    }

    #[test]
    fn clock_is_wrong_if_a_majority_of_all_relays_says_so_and_agrees() {
        assert_eq!(others_ahead(&[2 * HOUR, 2 * HOUR + 50]), Some(2 * HOUR));
        assert_eq!(others_ahead(&[-2 * HOUR, -2 * HOUR - 50]), Some(-2 * HOUR));
        assert_eq!(others_ahead(&[2 * HOUR, 5 * HOUR]), None, "those two do not agree");
        assert_eq!(others_ahead(&[2 * HOUR, 10]), None, "the other one is wrong");
        assert_eq!(others_ahead(&[2 * HOUR]), None, "one says this and one says that");
        assert_eq!(others_ahead(&[40_000, 50_000]), None, "clocks differ a little");
        assert_eq!(others_ahead(&[]), None);
    }

    #[test]
    fn wrong_clock_is_told_by_how_far_and_on_which_side() {
        let told = judge(vec![-7_200_000, -7_200_000]).expect("it is wrong").to_string();
        assert!(told.contains("7200 s ahead of the clocks of 2 of 3 relays: set it right"), "{told}");
        let told = judge(vec![7_200_000, 7_200_000]).expect("it is wrong").to_string();
        assert!(told.contains("7200 s behind the clocks of 2 of 3 relays"), "{told}");
    }

    #[tokio::test]
    async fn extreme_and_malformed_times_do_no_harm() {
        let clocks = Clocks::default();
        for payload in [&[][..], &[1; 7], &[0xff; 8], &[0x7f; 8], &[0; 8]] {
            clocks.hear(VoterId(2), payload);
            clocks.hear(VoterId(3), payload);
            let _in_range = clocks.now_ms();
        }
        assert_eq!(judge(vec![i64::MAX, i64::MIN]), None);
    }
}
