//! Whether the relay still answers: a browser says nothing of a link that went dead without a word. Pure.

use std::time::Duration;

/// How long a relay may say nothing before it is asked, and then before it is left. A tab that nobody looks at, and that
/// has sent all it has, is in no hurry.
const PERIOD: Duration = Duration::from_secs(5);
const CALM_PERIOD: Duration = Duration::from_secs(30);
/// How long the relay may say nothing to somebody who waits for its answer.
const URGENT: Duration = Duration::from_secs(2);
/// A look that comes so much later than it was to come was held up with all else: the answer may be in the same queue.
const LATE: Duration = Duration::from_millis(500);

/// What a link has heard of late.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heartbeat {
    heard: Duration,
    /// When the relay was asked, if it has said nothing since.
    asked: Option<Duration>,
    /// When the next look is to come.
    due: Duration,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Nothing.
    Wait,
    /// The relay is to be asked for a sign.
    Ask,
    /// The relay does not answer.
    Dead,
}

/// How soon it matters whether the relay answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hurry {
    /// Nobody looks, and nothing waits.
    None,
    Usual,
    /// Somebody waits for what hangs on it.
    Urgent,
}

impl Hurry {
    fn period(self) -> Duration {
        match self {
            Hurry::None => CALM_PERIOD,
            Hurry::Usual => PERIOD,
            Hurry::Urgent => URGENT,
        }
    }
}

impl Heartbeat {
    /// A link that has just come up.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Heartbeat { heard: now, asked: None, due: now }
    }

    /// The relay has said something.
    pub fn heard(&mut self, now: Duration) {
        (self.heard, self.asked) = (now, None);
    }

    /// Looks after the link, and says when to look again at the latest. `slack` is how much longer than usual the way there
    /// and back takes.
    pub fn look(&mut self, now: Duration, hurry: Hurry, slack: Duration) -> (Beat, Duration) {
        let period = hurry.period() + slack;
        let (beat, since) = match self.asked {
            // From then on there was no silence that anybody could have heard.
            Some(_) if now > self.due + LATE => (Beat::Ask, now),
            Some(asked) if now >= asked + period => (Beat::Dead, now),
            Some(asked) => (Beat::Wait, asked),
            None if now >= self.heard + period || hurry == Hurry::Urgent => (Beat::Ask, now),
            None => (Beat::Wait, self.heard),
        };
        if beat == Beat::Ask {
            self.asked = Some(now);
        }
        self.due = since + period;
        (beat, self.due.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_silent_relay_is_left_after_two_periods() {
        let mut heartbeat = Heartbeat::new(at(0));
        assert_eq!(heartbeat.look(at(0), Hurry::Usual, at(0)), (Beat::Wait, PERIOD));
        assert_eq!(heartbeat.look(PERIOD, Hurry::Usual, at(0)), (Beat::Ask, PERIOD));
        assert_eq!(heartbeat.look(2 * PERIOD, Hurry::Usual, at(0)), (Beat::Dead, PERIOD));
    }

    #[test]
    fn a_relay_that_says_anything_is_kept() {
        let mut heartbeat = Heartbeat::new(at(0));
        for round in 1..5 {
            let _first = heartbeat.look(PERIOD * 2 * round, Hurry::Usual, at(0));
            heartbeat.heard(PERIOD * 2 * round + at(10));
            assert_eq!(heartbeat.look(PERIOD * 2 * round + PERIOD, Hurry::Usual, at(0)).0, Beat::Wait);
        }
    }

    #[test]
    fn a_page_that_was_frozen_asks_again_before_it_leaves() {
        let mut heartbeat = Heartbeat::new(at(0));
        let _asked = heartbeat.look(PERIOD, Hurry::Usual, at(0));
        let woken = at(3_600_000);
        assert_eq!(heartbeat.look(woken, Hurry::Usual, at(0)), (Beat::Ask, PERIOD));
        assert_eq!(heartbeat.look(woken + PERIOD, Hurry::Usual, at(0)).0, Beat::Dead);
    }

    #[test]
    fn nobody_who_waits_waits_for_a_whole_period() {
        let mut heartbeat = Heartbeat::new(at(0));
        assert_eq!(heartbeat.look(at(2_000), Hurry::Urgent, at(0)), (Beat::Ask, URGENT));
        assert_eq!(heartbeat.look(at(2_000) + URGENT, Hurry::Urgent, at(0)).0, Beat::Dead);
    }

    #[test]
    fn a_tab_that_nobody_sees_asks_rarely() {
        let mut heartbeat = Heartbeat::new(at(0));
        assert_eq!(heartbeat.look(2 * PERIOD, Hurry::None, at(0)).0, Beat::Wait);
        assert_eq!(heartbeat.look(CALM_PERIOD, Hurry::None, at(0)).0, Beat::Ask);
        assert_eq!(heartbeat.look(2 * CALM_PERIOD, Hurry::None, at(0)).0, Beat::Dead);
    }

    #[test]
    fn a_slow_network_gets_its_time() {
        let mut heartbeat = Heartbeat::new(at(0));
        assert_eq!(heartbeat.look(PERIOD, Hurry::Usual, at(4_000)).0, Beat::Wait);
        assert_eq!(heartbeat.look(PERIOD + at(4_000), Hurry::Usual, at(4_000)).0, Beat::Ask);
    }
}
