//! The dynamic method: the leader's measurements, and the rules by which it changes the degradation level.
//!
//! The leader measures in windows. A window is bad if more numbers were asked of the log in it than the settings
//! allow, or if its requests waited too long. A bad window ends at once, so that the answer to a burst is as fast as
//! the burst. After `BAD_WINDOWS` of them the level rises by one. It falls by one after as many calm windows as the
//! settings say, and some more by chance. A window is calm if less than half of the allowed numbers were asked for,
//! and no request has waited. The chance keeps rooms that suffered from the same burst from coming back at the same
//! moment.
//!
//! This is the rule *levels*. The rule *counter*, of the thesis that Duet comes from, uses no window. Each relay
//! counts the HTTP requests that come to it, of every kind. The first relay whose count passes the setting ends the
//! epoch.
//!
//! Measurements change nothing but routing. A change of the level is an entry of the log, so every replica sees it in
//! the same place.

use std::time::Duration;

use crate::base::split_mix::SplitMix64;
use crate::ledger::{Dynamic, Epoch, Level, Load, Mode, Reason, Rule};

/// After how many bad windows on end the next level is taken.
const BAD_WINDOWS: u32 = 2;
/// How many waiting times are kept for a window.
const MAX_SAMPLES: usize = 4096;

/// The requests and provisional numbers that wait at the end of a window.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// When the oldest undecided request came, on the host's monotonic clock; `None` if all are decided.
    pub waiting_since: Option<Duration>,
    /// How many provisional numbers are not settled.
    pub unsettled: usize,
}

/// The leader's view of the load of a room.
#[derive(Debug)]
pub struct Controller {
    random: SplitMix64,
    /// The window that is open.
    window: Option<Window>,
    /// The number of the epoch that the counts below are about.
    epoch: u64,
    /// How many HTTP requests had come to this relay when it was told last, and when the epoch began.
    calls: u64,
    calls_before: u64,
    /// The epoch that the count of calls has asked to end.
    counted_out: Option<u64>,
    /// How many bad windows there were on end.
    bad: u32,
    /// How many calm windows there were on end.
    calm: u32,
    /// By which the windows that must be calm are prolonged in this epoch.
    chance: u64,
    /// The epoch that this controller has asked to end.
    left: Option<u64>,
}

#[derive(Debug)]
struct Window {
    since: Duration,
    /// How many numbers were asked for.
    asked: u32,
    /// Of those, how many were asked of the log.
    of_the_log: u32,
    /// How long requests have waited for their decisions, in milliseconds. Invariant: at most [`MAX_SAMPLES`].
    waited_ms: Vec<u32>,
}

/// The result of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowResult {
    /// The leader's measurements in the window.
    pub load: Load,
    /// The level to be taken next, and why.
    pub switch: Option<(Level, Reason)>,
}

impl Controller {
    /// Creates a controller that has measured nothing. `seed` is for the chance by which rooms step down at different
    /// moments.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Controller {
            random: SplitMix64::new(seed),
            window: None,
            epoch: 0,
            calls: 0,
            calls_before: 0,
            counted_out: None,
            bad: 0,
            calm: 0,
            chance: 0,
            left: None,
        }
    }

    /// A number was asked for: of the log if `of_the_log`, otherwise of a replica that gave it by itself.
    pub fn asked(&mut self, now: Duration, of_the_log: bool) {
        let window = self.window.get_or_insert_with(|| Window::new(now));
        window.asked += 1;
        window.of_the_log += u32::from(of_the_log);
    }

    /// A request that came at `since` was decided.
    pub fn decided(&mut self, now: Duration, since: Duration) {
        if let Some(window) = &mut self.window
            && window.waited_ms.len() < MAX_SAMPLES
        {
            window.waited_ms.push(millis(now.saturating_sub(since)));
        }
    }

    /// When the open window is over at the latest.
    #[must_use]
    pub fn deadline(&self, settings: &Dynamic) -> Option<Duration> {
        self.window.as_ref().map(|window| window.since + Duration::from_millis(settings.window_ms.into()))
    }

    /// This replica leads no more.
    pub fn rest(&mut self) {
        self.window = None;
        self.left = None;
        (self.bad, self.calm) = (0, 0);
    }

    /// Ends the window if it is over, and says what follows from it.
    pub fn look(
        &mut self,
        now: Duration,
        settings: &Dynamic,
        epoch: &Epoch,
        backlog: impl FnOnce() -> Backlog,
    ) -> Option<WindowResult> {
        self.follow(epoch);
        let may_steer = !matches!(epoch.reason, Reason::ByHand) && self.left != Some(epoch.number);
        let must_come_down = settings.rule == Rule::Levels && epoch.level > Level::Batching && may_steer;
        if must_come_down {
            self.window.get_or_insert_with(|| Window::new(now));
        }
        let window = self.window.as_mut()?;
        let is_bad_by_count = window.of_the_log > settings.high_request;
        if !is_bad_by_count && now < window.since + Duration::from_millis(settings.window_ms.into()) {
            return None;
        }
        let load = window.close(now, backlog());
        let of_the_log = window.of_the_log;
        self.window = (load.asked > 0 || must_come_down).then(|| Window::new(now));
        let switch = if may_steer { self.judge(settings, epoch.level, &load, of_the_log) } else { None };
        if switch.is_some() {
            self.left = Some(epoch.number);
        }
        Some(WindowResult { load, switch })
    }

    /// Another epoch has begun: what is counted begins anew.
    fn follow(&mut self, epoch: &Epoch) {
        if self.epoch != epoch.number {
            self.epoch = epoch.number;
            (self.bad, self.calm) = (0, 0);
            self.calls_before = self.calls;
            self.chance = self.random.draw();
        }
    }

    /// The switch that was to be could not be asked for: a later window, or call, is to see to it again.
    pub fn stays(&mut self) {
        (self.left, self.counted_out) = (None, None);
    }

    /// So many HTTP requests have come to this relay since its count has begun. Says whether the rule
    /// [`Counter`](Rule::Counter) ends the epoch for it. Every relay counts its own, whether it leads or not.
    pub fn counted(&mut self, calls: u64, settings: &Dynamic, epoch: &Epoch) -> bool {
        self.follow(epoch);
        if calls < self.calls {
            self.calls_before = 0; // The count has begun anew.
        }
        self.calls = calls;
        let is_high = calls - self.calls_before > settings.high_request.into();
        let may_steer = !matches!(epoch.reason, Reason::ByHand) && self.counted_out != Some(epoch.number);
        let is_over = settings.rule == Rule::Counter && is_high && may_steer && epoch.level.mode() == Mode::Hybrid;
        if is_over {
            self.counted_out = Some(epoch.number);
        }
        is_over
    }

    fn judge(&mut self, settings: &Dynamic, level: Level, load: &Load, of_the_log: u32) -> Option<(Level, Reason)> {
        match settings.rule {
            // The counter goes by HTTP requests of every kind, which are no matter of windows.
            Rule::Hand | Rule::Counter => None,
            Rule::Levels => self.climb(settings, level, load, of_the_log),
        }
    }

    fn climb(&mut self, settings: &Dynamic, level: Level, load: &Load, of_the_log: u32) -> Option<(Level, Reason)> {
        let is_late = load.p99_ms.max(load.waiting_ms) > settings.target_ms;
        let is_bad = match level {
            Level::Batching | Level::Leases => of_the_log > settings.high_request || is_late,
            Level::Provisional => load.unsettled > settings.shed_above,
            Level::Shedding => false,
        };
        let backlog_is_left = match level {
            Level::Batching | Level::Provisional => false,
            Level::Leases => load.unsettled > settings.high_request,
            Level::Shedding => load.unsettled > settings.shed_above / 2,
        };
        let is_calm = !is_bad && !is_late && !backlog_is_left && load.asked <= settings.high_request / 2;
        self.bad = if is_bad { self.bad + 1 } else { 0 };
        self.calm = if is_calm { self.calm + 1 } else { 0 };
        let more_by_chance = (self.chance % (u64::from(settings.dwell / 4) + 1)) as u32;
        if self.bad >= BAD_WINDOWS {
            Some((beside_leases(settings, level.up(), Level::Provisional), Reason::Load))
        } else if self.calm >= settings.dwell + more_by_chance && level > Level::Batching {
            Some((beside_leases(settings, level.down(), Level::Batching), Reason::Calm))
        } else {
            None
        }
    }
}

impl Window {
    fn new(now: Duration) -> Self {
        Window { since: now, asked: 0, of_the_log: 0, waited_ms: Vec::new() }
    }

    fn close(&mut self, now: Duration, backlog: Backlog) -> Load {
        self.waited_ms.sort_unstable();
        let at = self.waited_ms.len() * 99 / 100;
        let waiting = backlog.waiting_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        Load {
            window_ms: millis(now.saturating_sub(self.since)),
            asked: self.asked,
            waiting_ms: millis(waiting),
            p99_ms: self.waited_ms.get(at).or(self.waited_ms.last()).copied().unwrap_or(0),
            unsettled: u32::try_from(backlog.unsettled).unwrap_or(u32::MAX),
        }
    }
}

/// Where nothing is leased, that level is left out.
fn beside_leases(settings: &Dynamic, level: Level, instead: Level) -> Level {
    if level == Level::Leases && settings.lease_most == 0 { instead } else { level }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
