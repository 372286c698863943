//! Whether the relay still answers: a browser says nothing of a link that went dead without a word. Pure.

use std::time::Duration;

/// How long a relay may say nothing before it is asked, and then before it is left. A tab that nobody looks at, and
/// that has sent all it has, is in no hurry.
pub const PERIOD: Duration = Duration::from_secs(5);
/// How long a relay may be silent before it is asked for a sign, if nothing depends on it.
pub const CALM_PERIOD: Duration = Duration::from_secs(30);
/// How long the relay may say nothing to somebody who waits for its answer.
pub const URGENT: Duration = Duration::from_secs(2);
/// A look that comes so much later than it was to come was held up with all else: the answer may be in the same queue.
const LATE: Duration = Duration::from_millis(500);

/// When the relay was heard and asked last, on one link.
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
    /// Somebody looks at the replica, or something of it is on no relay.
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

    /// Looks after the link, and says when to look again at the latest. `slack` is how much longer than usual the way
    /// there and back takes.
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
