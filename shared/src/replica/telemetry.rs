//! Telemetry: watchers are told of votes and links. A watcher repeats its wish again and again. Without watchers
//! nothing is counted or sent.

use crate::base::sorted::SortedMap;
use crate::replica::io::{Message, Now, Output, PeerId, PeerKind};
use litemap::LiteMap;
use std::time::Duration;

/// For how long after it has said so a watcher is told.
const LEASE: Duration = Duration::from_millis(3500);

/// How often watchers are told at the most.
const PACE: Duration = Duration::from_millis(100);

/// How many may watch at one relay.
const MAX_WATCHERS: usize = 64;

/// The watchers, and the telemetry for them.
#[derive(Debug, Default)]
pub(super) struct Telemetry {
    /// Whether somebody looks at what this replica is told.
    pub(super) wanted: bool,
    /// When to say again that this replica watches.
    pub(super) beat_at: Option<Duration>,
    pub(super) watchers: SortedMap<PeerId, Watcher>,
    /// The message counts of links that were used since somebody watches.
    pub(super) traffic: SortedMap<PeerId, Traffic>,
    pub(super) round_trips: LiteMap<PeerId, u32>,
    pub(super) told_at: Duration,
    /// When to tell the watchers what is new.
    pub(super) tell_at: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) until: Duration,
    pub(super) answered_at: Option<Duration>,
    pub(super) is_tab: bool,
}

#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent: u32,
    pub(super) received: u32,
    pub(super) heard_at: Option<Duration>,
}

impl Telemetry {
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.beat_at.into_iter().chain(self.tell_at).min()
    }

    /// How long a message over this link and its answer took last, in microseconds.
    pub(super) fn round_trip(&self, peer: PeerId) -> Option<u32> {
        self.round_trips.get(&peer).copied()
    }

    pub(super) fn received(&mut self, now: Now, peer: PeerId, message: &Message) {
        if self.watchers.is_empty() {
            return;
        }
        self.traffic.entry(peer).or_default().heard_at = Some(now.monotonic);
        self.count(now, peer, message, |traffic| &mut traffic.received);
    }

    pub(super) fn sent(&mut self, now: Now, output: &Output) {
        if self.watchers.is_empty() {
            return;
        }
        for envelope in &output.sends {
            self.count(now, envelope.to, &envelope.message, |traffic| &mut traffic.sent);
        }
    }

    /// Messages that carry telemetry are not counted, otherwise watching would cause traffic that is watched again.
    fn count(&mut self, now: Now, peer: PeerId, message: &Message, counter: fn(&mut Traffic) -> &mut u32) {
        if !matches!(message, Message::Watch { .. } | Message::Observed(_)) {
            let counter = counter(self.traffic.entry(peer).or_default());
            *counter = counter.saturating_add(1);
            self.tell_at.get_or_insert(now.monotonic.max(self.told_at + PACE));
        }
    }

    pub(super) fn peer_up(&mut self, now: Now, kind: PeerKind) {
        if self.is_beating() && matches!(kind, PeerKind::Relay(..)) {
            self.beat_at = Some(now.monotonic);
        }
    }

    pub(super) fn peer_down(&mut self, peer: PeerId) {
        self.round_trips.remove(&peer);
    }

    pub(super) fn watcher_down(&mut self, peer: PeerId) {
        self.watchers.remove(&peer);
        self.traffic.remove(&peer);
    }

    /// Whether this replica is to be told by others: for itself, or for its tabs.
    pub(super) fn is_watching(&self) -> bool {
        self.wanted || self.watchers.values().any(|watcher| watcher.is_tab)
    }

    /// Whether this replica asks others. For those who watch it, it measures how long that takes.
    pub(super) fn is_beating(&self) -> bool {
        self.wanted || !self.watchers.is_empty()
    }

    /// Forgets watchers that have not said for long that they watch.
    pub(super) fn forget_gone(&mut self, now: Now) {
        if self.watchers.is_empty() && self.traffic.is_empty() {
            self.tell_at = None;
            return;
        }
        self.watchers.retain(|_, watcher| watcher.until > now.monotonic);
        if self.watchers.is_empty() {
            self.traffic.clear();
            self.tell_at = None;
        }
    }

    /// Whether a watcher that asks now is to be answered.
    pub(super) fn admit(&mut self, now: Now, peer: PeerId, is_tab: bool) -> bool {
        if self.watchers.len() >= MAX_WATCHERS && !self.watchers.contains_key(&peer) {
            return false;
        }
        if !self.is_beating() || is_tab && !self.is_watching() {
            self.beat_at = Some(now.monotonic);
        }
        let until = now.monotonic + LEASE;
        let watcher = self.watchers.entry(peer).or_insert(Watcher { until, answered_at: None, is_tab });
        watcher.until = until;
        let is_due = watcher.answered_at.is_none_or(|at| at + PACE <= now.monotonic);
        if is_due {
            watcher.answered_at = Some(now.monotonic);
        }
        is_due
    }
}
