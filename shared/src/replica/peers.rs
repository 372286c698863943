//! The links of a replica, and who is known to be where.

use std::collections::BTreeMap;

use crate::id::{ReplicaId, VoterId};
use crate::io::{Message, PeerId, PeerKind};
use crate::paxos::Ballot;
use crate::presence::{RelayPresence, RelayStatus, Status};

#[derive(Debug)]
pub(super) struct Peers {
    /// The addresses of all voters; empty in a tab.
    addresses: BTreeMap<VoterId, String>,
    links: BTreeMap<PeerId, Link>,
    /// The tabs at the other relays, as those have told.
    presences: BTreeMap<VoterId, RelayPresence>,
    /// In a tab: how its relay says that things stand.
    status: Option<Status>,
    /// Whether links or presences have changed since the peers were told how things stand.
    changed: bool,
    /// The leader that the peers were told of.
    told_leader: Option<Ballot>,
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
            links: BTreeMap::new(),
            presences: BTreeMap::new(),
            status: None,
            changed: false,
            told_leader: None,
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
        self.links.iter().rev().find(|(_, link)| link.kind == PeerKind::Relay(voter)).map(|(&peer, _)| peer)
    }

    /// The newest link to any relay: a tab's way to the others.
    pub(super) fn any_relay(&self) -> Option<PeerId> {
        self.links.iter().rev().find(|(_, link)| matches!(link.kind, PeerKind::Relay(_))).map(|(&peer, _)| peer)
    }

    pub(super) fn tabs(&self) -> Vec<PeerId> {
        let tabs = self.links.iter().filter(|(_, link)| matches!(link.kind, PeerKind::Tab(_)));
        tabs.map(|(&peer, _)| peer).collect()
    }

    pub(super) fn all_but(&self, peer: Option<PeerId>) -> Vec<PeerId> {
        self.links.keys().copied().filter(|&other| Some(other) != peer).collect()
    }

    pub(super) fn set_presence(&mut self, voter: VoterId, presence: RelayPresence) {
        self.changed = true;
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
    pub(super) fn own_status(&self, me: VoterId, leader: Option<Ballot>) -> Status {
        let relays = self.addresses.iter().map(|(&voter, address)| {
            let tabs = if voter == me {
                self.own_tabs()
            } else {
                self.presences.get(&voter).map(|presence| presence.tabs.clone()).unwrap_or_default()
            };
            RelayStatus { voter, address: address.clone(), up: voter == me || self.link_to(voter).is_some(), tabs }
        });
        Status { me, leader, relays: relays.collect() }
    }

    /// For each peer that does not know how things stand by now, the message that says it.
    pub(super) fn news_of_status(&mut self, me: VoterId, leader: Option<Ballot>) -> Vec<(PeerId, Message)> {
        if !std::mem::take(&mut self.changed) && self.told_leader == leader {
            return Vec::new();
        }
        self.told_leader = leader;
        let presence = Message::Presence(RelayPresence { tabs: self.own_tabs() });
        let status = Message::Status(self.own_status(me, leader));
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

    fn own_tabs(&self) -> Vec<ReplicaId> {
        let tabs = self.links.values().filter_map(|link| match link.kind {
            PeerKind::Tab(replica) => Some(replica),
            PeerKind::Relay(_) => None,
        });
        tabs.collect()
    }
}
