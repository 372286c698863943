//! The links of a replica, and who is known to be where.

use std::collections::BTreeMap;

use litemap::LiteMap;

use crate::id::{ReplicaId, VoterId};
use crate::io::{Message, PeerId, PeerKind};
use crate::observation::End;
use crate::paxos::{Ballot, Configuration};
use crate::presence::{RelayPresence, RelayStatus, Status};

#[derive(Debug)]
pub(super) struct Peers {
    /// The addresses of the relays, this one among them; empty in a tab.
    addresses: BTreeMap<VoterId, String>,
    links: LiteMap<PeerId, Link>,
    /// What the other relays have told of themselves.
    presences: BTreeMap<VoterId, RelayPresence>,
    /// In a tab: how its relay says that things stand.
    status: Option<Status>,
    /// Whether links or presences have changed since the peers were told how things stand.
    changed: bool,
    /// The leader that the peers were told of, and the number of the configuration.
    told: (Option<Ballot>, u32),
}

#[derive(Debug)]
struct Link {
    kind: PeerKind,
    /// What this peer was last told of presence or status.
    told: Option<Message>,
}

impl Peers {
    pub(super) fn new(addresses: BTreeMap<VoterId, String>) -> Self {
        Peers {
            addresses,
            links: LiteMap::new(),
            presences: BTreeMap::new(),
            status: None,
            changed: false,
            told: (None, 0),
        }
    }

    pub(super) fn up(&mut self, peer: PeerId, kind: PeerKind) {
        self.changed = true;
        self.links.insert(peer, Link { kind, told: None });
    }

    pub(super) fn down(&mut self, peer: PeerId) -> Option<PeerKind> {
        self.changed = true;
        self.links.remove(&peer).map(|link| link.kind)
    }

    pub(super) fn kind(&self, peer: PeerId) -> Option<PeerKind> {
        self.links.get(&peer).map(|link| link.kind)
    }

    /// The newest link to a relay.
    pub(super) fn link_to(&self, voter: VoterId) -> Option<PeerId> {
        let is_it = |link: &Link| matches!(link.kind, PeerKind::Relay(other, _) if other == voter);
        self.links.iter().rev().find(|(_, link)| is_it(link)).map(|(&peer, _)| peer)
    }

    /// The incarnation in which a relay is linked.
    pub(super) fn incarnation(&self, voter: VoterId) -> Option<ReplicaId> {
        self.links.values().rev().find_map(|link| match link.kind {
            PeerKind::Relay(other, incarnation) if other == voter => Some(incarnation),
            _ => None,
        })
    }

    /// The latest leader that a relay has said that it sees, and the newest link to it, or else to that relay.
    pub(super) fn way_to_a_leader(&self) -> Option<(Ballot, PeerId)> {
        let seen =
            self.presences.iter().filter_map(|(&voter, presence)| Some((presence.leader?, self.link_to(voter)?)));
        let (ballot, through) = seen.max_by_key(|&(ballot, _)| ballot)?;
        Some((ballot, self.link_to(ballot.voter).unwrap_or(through)))
    }

    /// Those who learn what is decided from this relay: tabs, and relays to whom no leader speaks, `voters` being
    /// those to whom one does if they see it.
    pub(super) fn learners(&self, voters: &Configuration) -> Vec<PeerId> {
        let is_learner = |kind: PeerKind| match kind {
            PeerKind::Tab(_) => true,
            PeerKind::Relay(voter, incarnation) => {
                let sees_leader = self.presences.get(&voter).is_none_or(|presence| presence.leader.is_some());
                !voters.has(voter, incarnation) || !sees_leader
            }
        };
        self.links.iter().filter(|(_, link)| is_learner(link.kind)).map(|(&peer, _)| peer).collect()
    }

    /// The newest link to any relay: a tab's way to the others.
    pub(super) fn any_relay(&self) -> Option<PeerId> {
        self.links.iter().rev().find(|(_, link)| matches!(link.kind, PeerKind::Relay(..))).map(|(&peer, _)| peer)
    }

    pub(super) fn all_but(&self, peer: Option<PeerId>) -> Vec<PeerId> {
        self.links.keys().copied().filter(|&other| Some(other) != peer).collect()
    }

    pub(super) fn set_presence(&mut self, voter: VoterId, presence: RelayPresence) {
        self.changed = true;
        self.addresses.insert(voter, presence.address.clone());
        self.presences.insert(voter, presence);
    }

    pub(super) fn clear_presence(&mut self, voter: VoterId) {
        self.changed = true;
        self.presences.remove(&voter);
    }

    pub(super) fn set_status(&mut self, status: Status) {
        self.status = Some(status);
    }

    /// How things stand, in a tab that has been told.
    pub(super) fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    /// How things stand, as seen by the relay `me`.
    pub(super) fn own_status(
        &self,
        (me, incarnation): (VoterId, ReplicaId),
        leader: Option<Ballot>,
        configuration: &Configuration,
    ) -> Status {
        let relays = self.addresses.iter().map(|(&voter, address)| {
            let tabs = if voter == me {
                self.own_tabs()
            } else {
                self.presences.get(&voter).map(|presence| presence.tabs.clone()).unwrap_or_default()
            };
            let up_as = if voter == me { Some(incarnation) } else { self.incarnation(voter) };
            let votes = match up_as {
                Some(incarnation) => configuration.has(voter, incarnation),
                None => configuration.voters.contains_key(&voter),
            };
            RelayStatus { voter, address: address.clone(), up: up_as.is_some(), votes, tabs }
        });
        Status { me, leader, relays: relays.collect() }
    }

    /// For each peer that does not know how things stand by now, the message that says it.
    pub(super) fn news_of_status(
        &mut self,
        me: (VoterId, ReplicaId),
        leader: Option<Ballot>,
        configuration: &Configuration,
    ) -> Vec<(PeerId, Message)> {
        let now = (leader, configuration.number);
        if !std::mem::take(&mut self.changed) && self.told == now {
            return Vec::new();
        }
        self.told = now;
        let address = self.addresses.get(&me.0).cloned().unwrap_or_default();
        let presence = Message::Presence(RelayPresence { tabs: self.own_tabs(), address, leader });
        let status = Message::Status(self.own_status(me, leader, configuration));
        let mut news = Vec::new();
        for (&peer, link) in &mut self.links {
            let message = if matches!(link.kind, PeerKind::Tab(_)) { &status } else { &presence };
            if link.told.as_ref() != Some(message) {
                link.told = Some(message.clone());
                news.push((peer, message.clone()));
            }
        }
        news
    }

    /// The links to relays.
    pub(super) fn relays(&self) -> Vec<PeerId> {
        let is_relay = |link: &Link| matches!(link.kind, PeerKind::Relay(..));
        self.links.iter().filter(|(_, link)| is_relay(link)).map(|(&peer, _)| peer).collect()
    }

    /// All links with their other ends, those to relays first.
    pub(super) fn ends(&self) -> Vec<(PeerId, End)> {
        let end = |link: &Link| match link.kind {
            PeerKind::Relay(voter, _) => End::Relay(voter),
            PeerKind::Tab(tab) => End::Tab(tab),
        };
        let mut ends: Vec<_> = self.links.iter().map(|(&peer, link)| (peer, end(link))).collect();
        ends.sort_by_key(|&(_, end)| end);
        ends
    }

    /// The links to tabs.
    pub(super) fn tabs(&self) -> Vec<PeerId> {
        let is_tab = |link: &Link| matches!(link.kind, PeerKind::Tab(_));
        self.links.iter().filter(|(_, link)| is_tab(link)).map(|(&peer, _)| peer).collect()
    }

    pub(super) fn own_tabs(&self) -> Vec<ReplicaId> {
        let tabs = self.links.values().filter_map(|link| match link.kind {
            PeerKind::Tab(replica) => Some(replica),
            PeerKind::Relay(..) => None,
        });
        tabs.collect()
    }
}
