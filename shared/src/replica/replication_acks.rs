//! How widely edits are kept: relays acknowledge to one another what is durable, and each tells its tabs which of their
//! edits a majority of the voters has on disk.
//!
//! A relay hears of what another one holds with everything that it is sent, since nothing leaves a replica before it is
//! durable there. So an acknowledgement is needed only back to where an edit came from.

use crate::base::dot::DotSet;
use crate::base::id::{RelayId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::merge::document::News;
use crate::replica::io::{Message, PeerId, PeerKind};
use std::time::Duration;

/// How long acknowledgements are gathered: under load one stands for many edits, and nobody has to know sooner.
const DELAY: Duration = Duration::from_millis(100);

/// The edits that the replicas linked to a relay hold, and those of which they were told. Empty in a tab.
#[derive(Debug, Default)]
pub(super) struct ReplicationAcks {
    pub(super) relays: SortedMap<PeerId, LinkedRelay>,
    pub(super) tabs: SortedMap<PeerId, LinkedTab>,
    has_news: bool,
    tell_at: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct LinkedRelay {
    pub(super) id: (RelayId, ReplicaId),
    /// The dots that are durable there, as the relay has said on this link; at most as long as its causal context.
    /// Words on an earlier link do not count, since its disk may be another one by now.
    pub(super) holds: DotSet,
    /// The dots that came from it and were not acknowledged.
    pub(super) unacknowledged: DotSet,
}

#[derive(Debug)]
pub(super) struct LinkedTab {
    pub(super) id: ReplicaId,
    pub(super) told: OnMajority,
}

/// The edits of a tab that a majority of the voters has on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OnMajority {
    /// The number of the configuration whose voters are meant.
    pub(super) configuration: u32,
    pub(super) dots: DotSet,
}

impl OnMajority {
    /// A tab is told more. Edits on a majority of one configuration may be on a minority of the next.
    pub(super) fn learn(&mut self, told: OnMajority) {
        if told.configuration > self.configuration {
            *self = told;
        } else if told.configuration == self.configuration {
            self.dots.join(&told.dots);
        }
    }
}

impl ReplicationAcks {
    pub(super) fn up(&mut self, peer: PeerId, kind: PeerKind) {
        match kind {
            PeerKind::Relay(voter, incarnation) => {
                let (holds, unacknowledged) = (DotSet::default(), DotSet::default());
                self.relays.insert(peer, LinkedRelay { id: (voter, incarnation), holds, unacknowledged });
            }
            PeerKind::Tab(id) => {
                self.tabs.insert(peer, LinkedTab { id, told: OnMajority::default() });
                self.has_news = true;
            }
        }
    }

    pub(super) fn down(&mut self, peer: PeerId) {
        self.relays.remove(&peer);
        self.tabs.remove(&peer);
    }

    /// Takes note of what is durable at a relay by what it says.
    pub(super) fn hear(&mut self, peer: PeerId, message: &Message) {
        let Some(relay) = self.relays.get_mut(&peer) else { return };
        match message {
            Message::Edit(edit) => relay.holds.join(&edit.context()),
            Message::Delta(delta) | Message::Doubtful { delta, .. } => relay.holds.join(&delta.context),
            Message::Have { context: dots, .. } | Message::Held { dots } => relay.holds.join(dots),
            _ => return,
        }
        self.has_news |= !self.tabs.is_empty();
    }

    /// An edit of a peer was new here. A relay is told once it is durable here.
    pub(super) fn took_in(&mut self, peer: PeerId, news: &News) {
        let Some(relay) = self.relays.get_mut(&peer) else { return };
        match news {
            News::Edit(edit) => relay.unacknowledged.join(&edit.context()),
            News::Delta(delta) => relay.unacknowledged.join(&delta.context),
        }
        self.has_news = true;
    }

    /// Others vote now, or the same relays under other incarnations.
    pub(super) fn reconfigured(&mut self) {
        self.has_news |= !self.tabs.is_empty();
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.tell_at
    }

    /// Whether it is time to tell what is new.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        if std::mem::take(&mut self.has_news) {
            self.tell_at.get_or_insert(now + DELAY);
        }
        self.tell_at.take_if(|at| *at <= now).is_some()
    }

    /// Of each relay what it holds, as it has said on its newest link.
    pub(super) fn of_relays(&self) -> SortedMap<RelayId, &LinkedRelay> {
        self.relays.values().map(|relay| (relay.id.0, relay)).collect()
    }
}

/// The dots that are in at least `count` of some sets.
pub(super) fn in_at_least(count: usize, sets: impl Iterator<Item = DotSet>) -> DotSet {
    // At place k those that are in more than k of the sets so far.
    let mut in_more_than = vec![DotSet::default(); count];
    for set in sets {
        for k in (1..count).rev() {
            let again = in_more_than[k - 1].intersection(&set);
            in_more_than[k].join(&again);
        }
        in_more_than[0].join(&set);
    }
    in_more_than.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dot::Dot;

    #[test]
    fn different_majorities_may_hold_different_dots() {
        let set =
            |counters: &[u64]| counters.iter().map(|&counter| Dot::new(ReplicaId(1), counter)).collect::<DotSet>();
        let sets = || [set(&[1, 2, 3]), set(&[2, 3, 4]), set(&[1, 3, 5])].into_iter();
        assert_eq!(in_at_least(1, sets()), set(&[1, 2, 3, 4, 5]));
        assert_eq!(in_at_least(2, sets()), set(&[1, 2, 3]));
        assert_eq!(in_at_least(3, sets()), set(&[3]));
        assert_eq!(in_at_least(4, sets()), DotSet::default());
    }
}
