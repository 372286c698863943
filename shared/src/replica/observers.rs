//! Observers: tabs that acknowledge up to which slot they have the log. A decision becomes visible when as many have
//! it as the policy wants, or by a waiver.

use super::outbox::Outbox;
use crate::base::id::ReplicaId;
use crate::base::sorted::SortedMap;
use crate::consensus::{Ballot, Slot};
use crate::replica::io::{PeerId, WriteOp};
use std::time::Duration;

/// How many observers a relay knows at the most.
const MAX_OBSERVERS: usize = 10_000;

/// The acknowledgements of observers, and the decisions that are visible by them.
#[derive(Debug)]
pub(super) struct Observers {
    /// Whether this tab acknowledges what is decided.
    pub(super) willing: bool,
    /// Whether what this tab acknowledges survives a crash of it.
    pub(super) durable: bool,
    /// The slot below which this tab has acknowledged the log, and to which relay.
    pub(super) acknowledged: Option<(PeerId, Slot)>,
    /// Up to where each observer has the log. In the leader those of all relays, elsewhere the relay's own tabs, and those
    /// of which the leader hears through it.
    pub(super) seen: SortedMap<ReplicaId, Observer>,
    /// Everything below is released. In a tab it may be more than the tab knows of the log. Invariant: never falls, unless the
    /// log begins anew or is known to be another one.
    pub(super) released: Slot,
    /// The peers were told that decisions below this slot are visible.
    pub(super) told: Slot,
    /// The leader that was told what the observers have seen, and over which link.
    pub(super) leader: (Option<Ballot>, Option<PeerId>),
    /// Since when something decided waits for observers, in the leader.
    pub(super) waiting_since: Option<Duration>,
}

/// The acknowledgement of an observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observer {
    /// It has the log below this slot.
    pub until: Slot,
    /// Whether it would still have it after a crash.
    pub durable: bool,
}

impl Observers {
    pub(super) fn new(released: Slot) -> Self {
        Observers {
            willing: true,
            durable: false,
            acknowledged: None,
            seen: SortedMap::new(),
            released,
            told: Slot(0),
            leader: (None, None),
            waiting_since: None,
        }
    }

    pub(super) fn released(&self) -> Slot {
        self.released
    }

    pub(super) fn seen(&self) -> &SortedMap<ReplicaId, Observer> {
        &self.seen
    }

    pub(super) fn release(&mut self, until: Slot) {
        self.released = self.released.max(until);
    }

    /// The log begins anew.
    pub(super) fn log_dropped(&mut self) {
        (self.released, self.told, self.acknowledged) = (Slot(0), Slot(0), None);
    }

    /// All relays were restored, and their log is the one known here only below `fork`: what was released of the other one
    /// says nothing of it.
    pub(super) fn log_forked(&mut self, fork: Slot, outbox: &mut Outbox) {
        if self.released > fork {
            self.released = fork;
            outbox.writes().push(WriteOp::Released(fork));
        }
    }

    pub(super) fn deadline(&self, waive_after: Duration) -> Option<Duration> {
        self.waiting_since.filter(|_| !waive_after.is_zero()).map(|since| since + waive_after)
    }

    /// The slot below which as many observers as `count` have everything.
    pub(super) fn seen_by(&self, count: usize) -> Slot {
        let mut seen: Vec<Slot> = self.seen.values().map(|observer| observer.until).collect();
        seen.sort_unstable_by(|a, b| b.cmp(a));
        seen.get(count.saturating_sub(1)).copied().unwrap_or_default()
    }

    pub(super) fn note(&mut self, tab: ReplicaId, observer: Option<Observer>) {
        match observer {
            None => drop(self.seen.remove(&tab)),
            Some(observer) if self.seen.len() < MAX_OBSERVERS || self.seen.contains_key(&tab) => {
                self.seen.insert(tab, observer);
            }
            Some(_) => {}
        }
    }
}
