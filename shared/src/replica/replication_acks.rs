//! How widely edits are kept: relays acknowledge to one another what is durable, and each tells its tabs which of their
//! edits a majority of the voters has on disk.
//!
//! A relay hears of what another one holds with everything that it is sent, since nothing leaves a replica before it is
//! durable there. So an acknowledgement is needed only back to where an edit came from.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::dot::DotSet;
use crate::base::id::{RelayId, ReplicaId};
use crate::merge::document::News;
use crate::replica::io::{Message, Now, PeerId, PeerKind};
use crate::replica::rules::{InForce, Rules};

use super::Replica;
use super::state::RelayState;

/// How long acknowledgements are gathered: under load one stands for many edits, and nobody has to know sooner.
const DELAY: Duration = Duration::from_millis(100);

/// The edits that the replicas linked to a relay hold, and those of which they were told. Empty in a tab.
#[derive(Debug, Default)]
pub(super) struct ReplicationAcks {
    relays: BTreeMap<PeerId, LinkedRelay>,
    tabs: BTreeMap<PeerId, LinkedTab>,
    has_news: bool,
    tell_at: Option<Duration>,
}

#[derive(Debug)]
struct LinkedRelay {
    id: (RelayId, ReplicaId),
    /// The dots that are durable there, as the relay has said on this link; at most as long as its causal context.
    /// Words on an earlier link do not count, since its disk may be another one by now.
    holds: DotSet,
    /// The dots that came from it and were not acknowledged.
    unacknowledged: DotSet,
}

#[derive(Debug)]
struct LinkedTab {
    id: ReplicaId,
    told: OnMajority,
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
    fn is_due(&mut self, now: Duration) -> bool {
        if std::mem::take(&mut self.has_news) {
            self.tell_at.get_or_insert(now + DELAY);
        }
        self.tell_at.take_if(|at| *at <= now).is_some()
    }

    /// Of each relay what it holds, as it has said on its newest link.
    fn of_relays(&self) -> BTreeMap<RelayId, &LinkedRelay> {
        self.relays.values().map(|relay| (relay.id.0, relay)).collect()
    }
}

impl Replica {
    /// Tells relays and tabs what has become durable since they were told last.
    pub(super) fn tell_replication_acks(&mut self, now: Now) {
        let Some(RelayState { replication_acks, .. }) = self.role.relay_mut() else { return };
        if !replication_acks.is_due(now.monotonic) {
            return;
        }
        let unacknowledged = replication_acks.relays.iter_mut().filter(|(_, relay)| !relay.unacknowledged.is_empty());
        let acknowledgements: Vec<_> =
            unacknowledged.map(|(&peer, relay)| (peer, std::mem::take(&mut relay.unacknowledged))).collect();
        let tabs: Vec<_> = replication_acks.tabs.iter().map(|(&peer, tab)| (peer, tab.id, tab.told.clone())).collect();
        for (peer, dots) in acknowledgements {
            self.send(peer, Message::Held { dots });
        }
        for (peer, tab, told) in tabs {
            let majority = self.on_majority(tab);
            if !majority.dots.is_empty() && told != majority {
                self.tell_stored(peer, tab, majority);
            }
        }
    }

    /// Tells a tab where its edits are durable once this step is.
    pub(super) fn tell_stored(&mut self, peer: PeerId, tab: ReplicaId, majority: OnMajority) {
        if let Some(tab) = self.role.relay_mut().and_then(|relay| relay.replication_acks.tabs.get_mut(&peer)) {
            tab.told = majority.clone();
        }
        let OnMajority { configuration, dots: majority } = majority;
        self.send(peer, Message::Stored { context: self.core.document.dots_of(tab), configuration, majority });
    }

    /// The edits of a tab that are on the disks of a majority of the voters, once this step is durable.
    pub(super) fn on_majority(&self, tab: ReplicaId) -> OnMajority {
        let Some(RelayState { voter, replication_acks, .. }) = self.role.relay() else {
            return OnMajority::default();
        };
        let configuration = voter.configuration();
        let votes = |(voter, incarnation)| configuration.has(voter, incarnation) || !InForce::counts_voters_only();
        let here = votes((voter.me(), self.core.me)).then(|| self.core.document.context().of(tab));
        let relays = replication_acks.of_relays();
        let elsewhere = relays.values().filter(|relay| votes(relay.id)).map(|relay| relay.holds.of(tab));
        let mut dots = in_at_least(configuration.quorum(), here.into_iter().chain(elsewhere));
        // What has taken the place of these is on a majority.
        dots.join(&self.core.document.retired_in(&self.core.document.dots_of(tab)));
        OnMajority { configuration: configuration.number, dots }
    }
}

impl Replica {
    /// Whether each of a majority of the voters has all of these on its disk, as far as is known here.
    pub(super) fn majority_holds(&self, dots: &DotSet) -> bool {
        let Some(RelayState { voter, replication_acks, .. }) = self.role.relay() else { return false };
        let configuration = voter.configuration();
        let dots = self.core.document.without_retired(dots);
        let here = configuration.has(voter.me(), self.core.me) && dots.is_subset(self.core.document.context());
        let relays = replication_acks.of_relays();
        let votes = relays.values().filter(|relay| configuration.has(relay.id.0, relay.id.1));
        let elsewhere = votes.filter(|relay| dots.is_subset(&relay.holds)).count();
        usize::from(here) + elsewhere >= configuration.quorum()
    }
}

/// The dots that are in at least `count` of some sets.
fn in_at_least(count: usize, sets: impl Iterator<Item = DotSet>) -> DotSet {
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
