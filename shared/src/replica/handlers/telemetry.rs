//! Round trips and traffic, measured and told to those who watch.

use crate::base::id::RelayId;
use crate::replica::io::{Message, Now, Output, PeerId, PeerKind};
use crate::replica::observation::{End, LinkSeen, Observation};
use crate::replica::state::Replica;
use std::time::Duration;

/// How often a watcher says that it still watches.
const BEAT: Duration = Duration::from_secs(1);

/// How many links one observation speaks of.
const MAX_LINKS: usize = 64;

/// How many undecided entries one observation carries.
const MAX_UNDECIDED: usize = 8;

impl Replica {
    /// Somebody begins to look at what this replica is told, or nobody looks any more.
    pub(super) fn set_watching(&mut self, now: Now, wanted: bool) {
        self.user.telemetry.wanted = wanted;
        self.user.telemetry.beat_at = Some(now.monotonic);
    }

    pub(super) fn on_watch(&mut self, now: Now, peer: PeerId, kind: PeerKind, watch: (u64, Option<u32>, bool)) {
        let (at, round_trip, measures) = watch;
        let is_tab = matches!(kind, PeerKind::Tab(_));
        // Who only measures is watched by others: if that were watching, relays would keep each other at it for ever.
        if !self.is_relay() || !(measures && !is_tab || self.user.telemetry.admit(now, peer, is_tab)) {
            return;
        }
        if let Some(measured) = round_trip {
            self.user.telemetry.round_trips.insert(peer, measured);
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
            self.user.telemetry.round_trips.insert(peer, u32::try_from(round_trip).unwrap_or(u32::MAX));
        }
        let observed = Observation { echo: None, ..observed };
        if self.is_relay() && observed.by == relay {
            let tabs = self.user.telemetry.watchers.iter().filter(|(_, watcher)| watcher.is_tab).map(|(&peer, _)| peer);
            for tab in tabs.collect::<Vec<_>>() {
                self.send_unbound(tab, Message::Observed(observed.clone()));
            }
        }
        if self.user.telemetry.wanted {
            output.observed.push(observed);
        }
    }

    /// Says that this replica watches, and tells those who watch it, when it is time.
    pub(super) fn observe(&mut self, now: Now) {
        if self.is_relay() {
            self.user.telemetry.forget_gone(now);
        }
        if self.user.telemetry.beat_at.is_some_and(|at| at <= now.monotonic) {
            self.beat(now);
        }
        if self.is_relay() && self.user.telemetry.tell_at.is_some_and(|at| at <= now.monotonic) {
            self.tell_watchers(now);
        }
    }

    fn beat(&mut self, now: Now) {
        self.user.telemetry.beat_at = self.user.telemetry.is_beating().then_some(now.monotonic + BEAT);
        if self.user.telemetry.beat_at.is_none() {
            return;
        }
        let (at, measures) = (now.monotonic.as_micros() as u64, !self.user.telemetry.is_watching());
        for peer in self.peers.relays() {
            let round_trip_us = self.user.telemetry.round_trip(peer);
            self.send_unbound(peer, Message::Watch { at, round_trip_us, measures });
        }
    }

    fn tell_watchers(&mut self, now: Now) {
        self.user.telemetry.tell_at = None;
        self.user.telemetry.told_at = now.monotonic;
        let Some(observation) = self.observation(now, None) else { return };
        for peer in self.user.telemetry.watchers.keys().copied().collect::<Vec<_>>() {
            self.send_unbound(peer, Message::Observed(observation.clone()));
        }
        self.user.telemetry.traffic.retain(|&peer, traffic| {
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
        let traffic = self.user.telemetry.traffic.get(&peer);
        let counted = traffic.filter(|_| counts);
        let ago = |at: Duration| now.monotonic.saturating_sub(at).as_millis() as u32;
        let acknowledged = match to {
            End::Tab(tab) => self.agreement.observers.seen().get(&tab).map(|observer| observer.until),
            End::Relay(_) => None,
        };
        LinkSeen {
            to,
            sent: counted.map_or(0, |traffic| traffic.sent),
            received: counted.map_or(0, |traffic| traffic.received),
            round_trip_us: self.user.telemetry.round_trip(peer),
            heard_ms_ago: traffic.and_then(|traffic| traffic.heard_at).map(ago),
            acknowledged,
        }
    }
}
