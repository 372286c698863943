//! What a relay tells other relays and tabs of what it holds.

use crate::base::dot::DotSet;
use crate::base::id::ReplicaId;
use crate::replica::io::{Message, Now, PeerId};
use crate::replica::replication_acks::{OnMajority, in_at_least};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::RelayState;
use crate::replica::state::Replica;

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
        // Edits of a retired replica count as well: they are dead, and the edits that superseded them are on a majority.
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
