//! The clocks of the relays: each tells the others its own with every ping of a link, and so learns whether it is wrong.
//!
//! Stamps order edits, and a relay judges the stamps of tabs by its clock. A relay whose clock a majority contradicts goes
//! by theirs until somebody sets it right.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;
use shared::base::id::RelayId;
use tokio::sync::Notify;
use tracing::info;

use crate::limited_log::LimitedLog;

/// How far clocks may differ, in milliseconds: far more than they do where something keeps them right, and far less than
/// the hour beyond which a stamp is refused.
const BOUND_MS: u64 = 60_000;

/// The clocks of the relays that are linked to this one.
#[derive(Debug)]
pub struct Clocks {
    state: Mutex<State>,
    /// Of those that make the time confirmed.
    news: Notify,
    started: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// How far the clock of each is ahead of this one, in milliseconds.
    ahead: BTreeMap<RelayId, i64>,
    /// How far this clock is off, as a majority has it.
    off: Option<Off>,
    /// While most clocks, two at least, agree about the time: how far it was ahead of the time since the start, in
    /// milliseconds, when that was told last.
    confirmed: Option<i64>,
}

/// The judgement of all clocks together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ClockVerdict {
    /// This clock is wrong.
    off: Option<Off>,
    /// Most clocks, two at least, agree about the time that this relay goes by.
    is_confirmed: bool,
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

impl Default for Clocks {
    fn default() -> Self {
        Clocks { state: Mutex::default(), news: Notify::new(), started: Instant::now() }
    }
}

impl Clocks {
    /// The payload of a ping, by which a relay tells the time: milliseconds since the Unix epoch in 8 bytes, the highest
    /// first.
    pub fn ping() -> Bytes {
        Bytes::copy_from_slice(&own_ms().to_be_bytes())
    }

    /// Takes note of the time that the payload of a ping tells. Other payloads tell none.
    pub fn hear(&self, from: RelayId, payload: &[u8]) {
        let Ok(bytes) = payload.try_into() else { return };
        let ahead = i64::try_from(i128::from(u64::from_be_bytes(bytes)) - i128::from(own_ms()));
        let Ok(ahead) = ahead else { return };
        let mut state = self.lock();
        state.ahead.insert(from, ahead);
        self.judge(&mut state);
    }

    /// A link is down: that clock is not known any more.
    pub fn forget(&self, relay: RelayId) {
        let mut state = self.lock();
        state.ahead.remove(&relay);
        self.judge(&mut state);
    }

    /// How far this clock is wrong, if it is.
    pub fn off(&self) -> Option<Off> {
        self.lock().off
    }

    /// The time to go by, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        now_ms(self.off())
    }

    /// Whether most clocks, two at least, agree about the time to go by. A clock alone proves nothing.
    pub fn are_confirmed(&self) -> bool {
        self.lock().confirmed.is_some()
    }

    /// Waits until the time is confirmed that was not before, or another time than before. For one task at a time.
    pub async fn confirmed(&self) {
        self.news.notified().await;
    }

    fn judge(&self, state: &mut State) {
        if state.judge(i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)) {
            self.news.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Judges the clocks anew, so many milliseconds after the start. Returns true if another time is confirmed than before.
    fn judge(&mut self, since_start: i64) -> bool {
        static OFF: LimitedLog = LimitedLog::new();
        let ClockVerdict { off, is_confirmed } = judge(self.ahead.values().copied().collect());
        match (self.off, off) {
            (None, Some(off)) => OFF.warn(off),
            (Some(_), None) => info!("the clock of this machine agrees with those of a majority of the relays again"),
            _ => {}
        }
        self.off = off;
        let now = i64::try_from(now_ms(off)).unwrap_or(i64::MAX).saturating_sub(since_start);
        self.confirm(is_confirmed.then_some(now))
    }

    /// Takes note of the time that is confirmed, if one is. Returns true if it is another one than before.
    fn confirm(&mut self, ahead: Option<i64>) -> bool {
        let is_as_before = |ahead: i64| self.confirmed.is_some_and(|before| before.abs_diff(ahead) <= BOUND_MS);
        match ahead {
            Some(ahead) if is_as_before(ahead) => false,
            _ => {
                self.confirmed = ahead;
                ahead.is_some()
            }
        }
    }
}

/// The time to go by, where the own clock is off by so much.
fn now_ms(off: Option<Off>) -> u64 {
    own_ms().saturating_add_signed(off.map_or(0, |off| off.others_ahead_ms))
}

fn own_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64
}

/// Judges this clock by how far the clocks of the others are ahead of it. It is wrong if more than half of all clocks agree
/// with the one in the middle, and that one is off.
fn judge(mut ahead: Vec<i64>) -> ClockVerdict {
    ahead.push(0);
    let of = ahead.len();
    // Of the two in the middle of an even number the one that speaks for this clock.
    ahead.sort_unstable();
    let middle = [ahead[(of - 1) / 2], ahead[of / 2]].into_iter().min_by_key(|ahead| ahead.unsigned_abs());
    let middle = middle.unwrap_or_default();
    let agree = ahead.iter().filter(|&&other| other.abs_diff(middle) <= BOUND_MS).count();
    let do_agree = 2 * agree > of;
    let is_off = middle.unsigned_abs() > BOUND_MS && do_agree;
    let off = is_off.then_some(Off { others_ahead_ms: middle, agree, of });
    ClockVerdict { off, is_confirmed: do_agree && agree > 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn others_ahead(ahead: &[i64]) -> Option<i64> {
        judge(ahead.to_vec()).off.map(|off| off.others_ahead_ms)
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
        let told = judge(vec![-7_200_000, -7_200_000]).off.expect("it is wrong").to_string();
        assert!(told.contains("7200 s ahead of the clocks of 2 of 3 relays: set it right"), "{told}");
        let told = judge(vec![7_200_000, 7_200_000]).off.expect("it is wrong").to_string();
        assert!(told.contains("7200 s behind the clocks of 2 of 3 relays"), "{told}");
    }

    #[test]
    fn the_time_is_confirmed_by_most_clocks_but_not_by_one_alone() {
        let is_confirmed = |ahead: &[i64]| judge(ahead.to_vec()).is_confirmed;
        assert!(is_confirmed(&[10]) && is_confirmed(&[10, 2 * HOUR]) && is_confirmed(&[2 * HOUR, 2 * HOUR]));
        assert!(!is_confirmed(&[]) && !is_confirmed(&[2 * HOUR]) && !is_confirmed(&[2 * HOUR, 5 * HOUR]));
    }

    #[tokio::test]
    async fn a_time_is_told_once_when_it_is_confirmed_and_again_when_another_one_is() {
        let mut state = State::default();
        let told = [None, Some(0), Some(50_000), Some(-2 * HOUR), Some(-2 * HOUR), None, Some(-2 * HOUR)];
        assert_eq!(told.map(|ahead| state.confirm(ahead)), [false, true, false, true, false, false, true]);

        let clocks = Clocks::default();
        clocks.hear(RelayId(2), &Clocks::ping());
        clocks.confirmed().await;
        assert!(clocks.are_confirmed());
        clocks.forget(RelayId(2));
        assert!(!clocks.are_confirmed());
    }

    #[tokio::test]
    async fn extreme_and_malformed_times_do_no_harm() {
        let clocks = Clocks::default();
        for payload in [&[][..], &[1; 7], &[0xff; 8], &[0x7f; 8], &[0; 8]] {
            clocks.hear(RelayId(2), payload);
            clocks.hear(RelayId(3), payload);
            let _in_range = clocks.now_ms();
        }
        assert_eq!(judge(vec![i64::MAX, i64::MIN]), ClockVerdict { off: None, is_confirmed: false });
    }
}
