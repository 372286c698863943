//! Presence: which replicas are connected. Relays send it on change, and never store it.
//!
//! The first message of a link holds everything, the later ones the differences. Otherwise each new tab would cause a
//! list of all tabs to be sent to all tabs.

use serde::{Deserialize, Serialize};

use crate::base::id::{RelayId, ReplicaId};
use crate::consensus::Ballot;

/// The tabs that have come to a relay, and those that have gone from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TabsNews {
    /// Ascending.
    pub came: Vec<ReplicaId>,
    /// Ascending.
    pub gone: Vec<ReplicaId>,
}

impl TabsNews {
    /// The difference between two ascending lists.
    #[must_use]
    pub fn between(before: &[ReplicaId], after: &[ReplicaId]) -> Self {
        let without = |all: &[ReplicaId], others: &[ReplicaId]| {
            all.iter().copied().filter(|tab| others.binary_search(tab).is_err()).collect()
        };
        TabsNews { came: without(after, before), gone: without(before, after) }
    }

    /// Applies the difference to an ascending list.
    pub fn apply(&self, tabs: &mut Vec<ReplicaId>) {
        tabs.retain(|tab| self.gone.binary_search(tab).is_err());
        tabs.extend(&self.came);
        tabs.sort_unstable();
        tabs.dedup();
    }
}

/// The tabs at one relay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayPresence {
    /// Ascending.
    pub tabs: Vec<ReplicaId>,
    /// Where tabs and relays reach the relay: host and port.
    pub address: String,
    /// The ballot of the leader, if the relay has a link to it or leads.
    pub leader: Option<Ballot>,
}

impl RelayPresence {
    /// The news that makes this of what it was before.
    #[must_use]
    pub fn news_since(&self, before: &RelayPresence) -> PresenceNews {
        PresenceNews { tabs: TabsNews::between(&before.tabs, &self.tabs), leader: self.leader }
    }

    /// Takes in news.
    pub fn apply(&mut self, news: &PresenceNews) {
        news.tabs.apply(&mut self.tabs);
        self.leader = news.leader;
    }
}

/// The difference between two states of a relay's presence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceNews {
    /// The tabs that came and went.
    pub tabs: TabsNews,
    /// The ballot of the leader, if the relay has a link to it or leads.
    pub leader: Option<Ballot>,
}

/// One relay, as the relay that reports sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayStatus {
    /// The id of the relay, as a voter.
    pub voter: RelayId,
    /// Where tabs and relays reach it: host and port.
    pub address: String,
    /// True if the reporting relay has a link to it, or is it.
    pub up: bool,
    /// True if it has a vote by the log, in the incarnation in which it is up.
    pub votes: bool,
    /// Ascending.
    pub tabs: Vec<ReplicaId>,
}

impl RelayStatus {
    fn is_same_but_for_tabs(&self, other: &RelayStatus) -> bool {
        (self.voter, &self.address, self.up, self.votes) == (other.voter, &other.address, other.up, other.votes)
    }
}

/// The present state of a relay, and the difference of its tabs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayNews {
    /// The id of the relay, as a voter.
    pub voter: RelayId,
    /// Where tabs and relays reach it: host and port.
    pub address: String,
    /// True if the reporting relay has a link to it, or is it.
    pub up: bool,
    /// True if it has a vote by the log, in the incarnation in which it is up.
    pub votes: bool,
    /// The tabs that came and went.
    pub tabs: TabsNews,
}

/// The state of the relays and tabs, as the relay `me` sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The relay that reports.
    pub me: RelayId,
    /// The ballot of the leader, if one is known.
    pub leader: Option<Ballot>,
    /// All relays, by id.
    pub relays: Vec<RelayStatus>,
}

/// The difference between two states of a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusNews {
    /// The ballot of the leader, if one is known.
    pub leader: Option<Ballot>,
    /// The relays that have changed.
    pub relays: Vec<RelayNews>,
}

impl Status {
    /// The news that makes this of what it was before.
    #[must_use]
    pub fn news_since(&self, before: &Status) -> StatusNews {
        let mut relays = Vec::new();
        for relay in &self.relays {
            let earlier = before.relays.iter().find(|earlier| earlier.voter == relay.voter);
            if earlier != Some(relay) {
                let RelayStatus { voter, up, votes, .. } = *relay;
                let tabs = TabsNews::between(earlier.map_or(&[][..], |earlier| &earlier.tabs), &relay.tabs);
                relays.push(RelayNews { voter, address: relay.address.clone(), up, votes, tabs });
            }
        }
        StatusNews { leader: self.leader, relays }
    }

    /// Takes in news.
    pub fn apply(&mut self, news: &StatusNews) {
        self.leader = news.leader;
        for RelayNews { voter, address, up, votes, tabs } in &news.relays {
            let (voter, up, votes) = (*voter, *up, *votes);
            let at = self.relays.binary_search_by_key(&voter, |relay| relay.voter).unwrap_or_else(|at| {
                let address = String::new();
                self.relays.insert(at, RelayStatus { voter, address, up, votes, tabs: Vec::new() });
                at
            });
            let relay = &mut self.relays[at];
            (relay.address, relay.up, relay.votes) = (address.clone(), up, votes);
            tabs.apply(&mut relay.tabs);
        }
    }

    /// Whether two statuses differ in nothing but the tabs that are there.
    #[must_use]
    pub fn is_same_but_for_tabs(&self, other: &Status) -> bool {
        (self.me, self.leader, self.relays.len()) == (other.me, other.leader, other.relays.len())
            && self.relays.iter().zip(&other.relays).all(|(one, two)| one.is_same_but_for_tabs(two))
    }

    /// Whether a majority of the voters is up.
    #[must_use]
    pub fn has_majority(&self) -> bool {
        let voters = self.relays.iter().filter(|relay| relay.votes).count();
        let up = self.relays.iter().filter(|relay| relay.votes && relay.up).count();
        up > voters / 2
    }

    /// Whether a majority of the voters is up and has a leader: whether numbers can be decided now.
    #[must_use]
    pub fn can_agree(&self) -> bool {
        self.leader.is_some() && self.has_majority()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(leader: Option<Ballot>, relays: &[(u16, bool, &[u64])]) -> Status {
        let relay = |&(voter, up, tabs): &(u16, bool, &[u64])| RelayStatus {
            voter: RelayId(voter),
            address: format!("relay-{voter}"),
            up,
            votes: true,
            tabs: tabs.iter().copied().map(ReplicaId).collect(),
        };
        Status { me: RelayId(1), leader, relays: relays.iter().map(relay).collect() }
    }

    #[test]
    fn news_make_the_later_status_of_the_earlier_one() {
        let ballot = Ballot { configuration: 0, round: 3, voter: RelayId(2) };
        let before = status(None, &[(1, true, &[4, 7, 9]), (3, true, &[5])]);
        let after = status(Some(ballot), &[(1, true, &[7, 8]), (2, true, &[1]), (3, true, &[5])]);
        let news = after.news_since(&before);
        assert_eq!(news.relays.len(), 2, "relay 3 is as before");
        let mut told = before.clone();
        told.apply(&news);
        assert_eq!(told, after);
        assert!(!after.is_same_but_for_tabs(&before));
        assert!(before.is_same_but_for_tabs(&status(None, &[(1, true, &[]), (3, true, &[6])])));
    }
}
