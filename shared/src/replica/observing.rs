//! Telemetry: watchers are told of votes and links. A watcher repeats its wish again and again. Without watchers
//! nothing is counted or sent.

use std::collections::BTreeMap;
use std::time::Duration;

use litemap::LiteMap;

use crate::base::id::RelayId;
use crate::replica::io::{Message, Now, Output, PeerId, PeerKind};
use crate::replica::observation::{End, LinkSeen, Observation};

use super::Replica;

/// How often a watcher says that it still watches.
const BEAT: Duration = Duration::from_secs(1);
/// For how long after it has said so a watcher is told.
const LEASE: Duration = Duration::from_millis(3500);
/// How often watchers are told at the most.
const PACE: Duration = Duration::from_millis(100);
/// How many may watch at one relay.
const MAX_WATCHERS: usize = 64;
/// How many links one observation speaks of.
const MAX_LINKS: usize = 64;
/// How many undecided entries one observation carries.
const MAX_UNDECIDED: usize = 8;

/// The watchers, and the telemetry for them.
#[derive(Debug, Default)]
pub(super) struct Observing {
    /// Whether somebody looks at what this replica is told.
    wanted: bool,
    /// When to say again that this replica watches.
    beat_at: Option<Duration>,
    watchers: BTreeMap<PeerId, Watcher>,
    /// The message counts of links that were used since somebody watches.
    traffic: BTreeMap<PeerId, Traffic>,
    round_trips: LiteMap<PeerId, u32>,
    told_at: Duration,
    /// When to tell the watchers what is new.
    tell_at: Option<Duration>,
}

#[derive(Debug)]
struct Watcher {
    until: Duration,
    answered_at: Option<Duration>,
    is_tab: bool,
}

#[derive(Debug, Default)]
struct Traffic {
    sent: u32,
    received: u32,
    heard_at: Option<Duration>,
}

impl Observing {
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
    fn is_watching(&self) -> bool {
        self.wanted || self.watchers.values().any(|watcher| watcher.is_tab)
    }

    /// Whether this replica asks others. For those who watch it, it measures how long that takes.
    fn is_beating(&self) -> bool {
        self.wanted || !self.watchers.is_empty()
    }

    /// Forgets watchers that have not said for long that they watch.
    fn forget_gone(&mut self, now: Now) {
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
    fn admit(&mut self, now: Now, peer: PeerId, is_tab: bool) -> bool {
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

impl Replica {
    /// Somebody begins to look at what this replica is told, or nobody looks any more.
    pub(super) fn set_watching(&mut self, now: Now, wanted: bool) {
        self.user.observing.wanted = wanted;
        self.user.observing.beat_at = Some(now.monotonic);
    }

    pub(super) fn on_watch(&mut self, now: Now, peer: PeerId, kind: PeerKind, watch: (u64, Option<u32>, bool)) {
        let (at, round_trip, measures) = watch;
        let is_tab = matches!(kind, PeerKind::Tab(_));
        // Who only measures is watched by others: if that were watching, relays would keep each other at it for ever.
        if !self.is_relay() || !(measures && !is_tab || self.user.observing.admit(now, peer, is_tab)) {
            return;
        }
        if let Some(measured) = round_trip {
            self.user.observing.round_trips.insert(peer, measured);
        }
        if let Some(observation) = self.observation(now, Some(at)) {
            self.send_unbound(peer, Message::Observed(observation));
        }
    }

    /// A relay tells what it has seen; a tab is told by its relay what others have seen, too.
    pub(super) fn on_observed(
        &mut self,
        now: Now,
        from: (PeerId, RelayId),
        observed: Observation,
        output: &mut Output,
    ) {
        let (peer, relay) = from;
        if let Some(at) = observed.echo {
            let round_trip = (now.monotonic.as_micros() as u64).saturating_sub(at);
            self.user.observing.round_trips.insert(peer, u32::try_from(round_trip).unwrap_or(u32::MAX));
        }
        let observed = Observation { echo: None, ..observed };
        if self.is_relay() && observed.by == relay {
            let tabs = self.user.observing.watchers.iter().filter(|(_, watcher)| watcher.is_tab).map(|(&peer, _)| peer);
            for tab in tabs.collect::<Vec<_>>() {
                self.send_unbound(tab, Message::Observed(observed.clone()));
            }
        }
        if self.user.observing.wanted {
            output.observed.push(observed);
        }
    }

    /// Says that this replica watches, and tells those who watch it, when it is time.
    pub(super) fn observe(&mut self, now: Now) {
        if self.is_relay() {
            self.user.observing.forget_gone(now);
        }
        if self.user.observing.beat_at.is_some_and(|at| at <= now.monotonic) {
            self.beat(now);
        }
        if self.is_relay() && self.user.observing.tell_at.is_some_and(|at| at <= now.monotonic) {
            self.tell_watchers(now);
        }
    }

    fn beat(&mut self, now: Now) {
        self.user.observing.beat_at = self.user.observing.is_beating().then_some(now.monotonic + BEAT);
        if self.user.observing.beat_at.is_none() {
            return;
        }
        let (at, measures) = (now.monotonic.as_micros() as u64, !self.user.observing.is_watching());
        for peer in self.peers.relays() {
            let round_trip_us = self.user.observing.round_trip(peer);
            self.send_unbound(peer, Message::Watch { at, round_trip_us, measures });
        }
    }

    fn tell_watchers(&mut self, now: Now) {
        self.user.observing.tell_at = None;
        self.user.observing.told_at = now.monotonic;
        let Some(observation) = self.observation(now, None) else { return };
        for peer in self.user.observing.watchers.keys().copied().collect::<Vec<_>>() {
            self.send_unbound(peer, Message::Observed(observation.clone()));
        }
        self.user.observing.traffic.retain(|&peer, traffic| {
            (traffic.sent, traffic.received) = (0, 0);
            self.peers.kind(peer).is_some()
        });
    }

    /// Returns the telemetry of this relay; `None` in a tab. An answer to a `Watch` has no counts: all watchers get those.
    fn observation(&self, now: Now, echo: Option<u64>) -> Option<Observation> {
        let voter = self.voter()?;
        let links = self.peers.ends().into_iter().take(MAX_LINKS);
        let links = links.map(|(peer, end)| self.link_seen(now, peer, end, echo.is_none()));
        let (by, is_recovering, votes) = (voter.me(), voter.is_recovering(), voter.votes());
        let undecided = self.core.log.accepted_from(self.core.log.decided()).take(MAX_UNDECIDED).collect();
        Some(Observation {
            by,
            incarnation: self.core.me,
            echo,
            is_recovering,
            votes,
            undecided,
            links: links.collect(),
        })
    }

    fn link_seen(&self, now: Now, peer: PeerId, to: End, counts: bool) -> LinkSeen {
        let traffic = self.user.observing.traffic.get(&peer);
        let counted = traffic.filter(|_| counts);
        let ago = |at: Duration| now.monotonic.saturating_sub(at).as_millis() as u32;
        let witnessed = match to {
            End::Tab(tab) => self.agreement.witnesses.seen().get(&tab).map(|witness| witness.until),
            End::Relay(_) => None,
        };
        LinkSeen {
            to,
            sent: counted.map_or(0, |traffic| traffic.sent),
            received: counted.map_or(0, |traffic| traffic.received),
            round_trip_us: self.user.observing.round_trip(peer),
            heard_ms_ago: traffic.and_then(|traffic| traffic.heard_at).map(ago),
            witnessed,
        }
    }
}
