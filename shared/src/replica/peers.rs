//! The links of a replica, and who is known to be where.

use std::time::Duration;

use litemap::LiteMap;
use smallvec::SmallVec;

use super::accounts::Accounts;
use crate::base::id::{RelayId, ReplicaId};
use crate::base::sorted::{SortedMap, SortedSet};
use crate::consensus::{Ballot, Configuration};
use crate::replica::io::{Message, PeerId, PeerKind};
use crate::replica::observation::End;
use crate::replica::presence::{PresenceNews, RelayPresence, RelayStatus, Status, StatusNews};

/// For how long tabs that come and go are gathered before others are told of them.
const GATHERING: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Peers {
    /// The addresses of the relays, this one among them; empty in a tab.
    addresses: SortedMap<RelayId, String>,
    links: LiteMap<PeerId, PeerKind>,
    /// The presences that other relays have told. Invariant: only links to relays have told one.
    presences: Accounts<RelayPresence>,
    /// In a tab: how its relay says that things stand.
    statuses: Accounts<Status>,
    /// In a tab without a link: the last that a relay has said of it.
    last_status: Option<Status>,
    telling: Telling,
}

/// How things stand, as the peers of a relay were told. They were all told the same, so that the same news are for all.
#[derive(Debug, Default)]
struct Telling {
    /// Whether links or presences have changed since this was looked at.
    changed: bool,
    /// The leader and the number of the configuration when it was looked at.
    seen: (Option<Ballot>, u32),
    /// `None` before anybody was told anything.
    told: Option<Told>,
    told_at: Duration,
    /// When the tabs are told of that have come and gone since.
    tell_at: Option<Duration>,
    /// Links over which nothing was told yet.
    newcomers: Vec<PeerId>,
}

#[derive(Debug)]
struct Told {
    /// To tabs.
    status: Status,
    /// To relays.
    presence: RelayPresence,
}

impl Peers {
    pub(super) fn new(addresses: SortedMap<RelayId, String>) -> Self {
        Peers {
            addresses,
            links: LiteMap::new(),
            presences: Accounts::default(),
            statuses: Accounts::default(),
            last_status: None,
            telling: Telling::default(),
        }
    }

    pub(super) fn up(&mut self, peer: PeerId, kind: PeerKind) {
        self.telling.changed = true;
        self.telling.newcomers.push(peer);
        self.links.insert(peer, kind);
    }

    pub(super) fn down(&mut self, peer: PeerId) -> Option<PeerKind> {
        self.telling.changed = true;
        self.telling.newcomers.retain(|&newcomer| newcomer != peer);
        self.presences.end(peer);
        self.last_status = self.statuses.end(peer).or(self.last_status.take());
        self.links.remove(&peer)
    }

    pub(super) fn kind(&self, peer: PeerId) -> Option<PeerKind> {
        self.links.get(&peer).copied()
    }

    /// The newest link to a relay.
    pub(super) fn link_to(&self, voter: RelayId) -> Option<PeerId> {
        let is_it = |kind: &PeerKind| matches!(*kind, PeerKind::Relay(other, _) if other == voter);
        self.links.iter().rev().find(|(_, kind)| is_it(kind)).map(|(&peer, _)| peer)
    }

    /// The incarnation in which a relay is linked.
    pub(super) fn incarnation(&self, voter: RelayId) -> Option<ReplicaId> {
        self.links.values().rev().find_map(|kind| match *kind {
            PeerKind::Relay(other, incarnation) if other == voter => Some(incarnation),
            _ => None,
        })
    }

    /// The latest leader that a relay has said that it sees, and the newest link to it, or else to that relay.
    pub(super) fn way_to_a_leader(&self) -> Option<(Ballot, PeerId)> {
        let told = self.presences.oldest_first().rev().filter_map(|(link, presence)| match self.links.get(&link) {
            Some(PeerKind::Relay(voter, _)) => Some((*voter, presence)),
            Some(PeerKind::Tab(_)) | None => None,
        });
        // Only what a relay has told over its newest link counts.
        let mut known: SmallVec<[RelayId; 8]> = SmallVec::new();
        let mut latest: Option<(Ballot, RelayId)> = None;
        for (voter, presence) in told {
            if !known.contains(&voter) {
                known.push(voter);
                latest = latest.max(presence.leader.map(|ballot| (ballot, voter)));
            }
        }
        let (ballot, through) = latest?;
        self.link_to(ballot.voter).or_else(|| self.link_to(through)).map(|link| (ballot, link))
    }

    /// Those who learn what is decided from this relay: tabs, and relays to whom no leader speaks, `voters` being
    /// those to whom one does if they see it.
    pub(super) fn learners(&self, voters: &Configuration) -> Vec<PeerId> {
        let presences = self.presences();
        let is_learner = |kind: PeerKind| match kind {
            PeerKind::Tab(_) => true,
            PeerKind::Relay(voter, incarnation) => {
                let sees_leader = presences.get(&voter).is_none_or(|presence| presence.leader.is_some());
                !voters.has(voter, incarnation) || !sees_leader
            }
        };
        self.links.iter().filter(|(_, kind)| is_learner(**kind)).map(|(&peer, _)| peer).collect()
    }

    /// The newest link to any relay: a tab's way to the others.
    pub(super) fn any_relay(&self) -> Option<PeerId> {
        self.links.iter().rev().find(|(_, kind)| matches!(kind, PeerKind::Relay(..))).map(|(&peer, _)| peer)
    }

    pub(super) fn all_but(&self, peer: Option<PeerId>) -> Vec<PeerId> {
        self.links.keys().copied().filter(|&other| Some(other) != peer).collect()
    }

    /// A relay tells of itself from the start.
    pub(super) fn set_presence(&mut self, peer: PeerId, voter: RelayId, presence: RelayPresence) {
        self.telling.changed = true;
        self.addresses.insert(voter, presence.address.clone());
        self.presences.begin(peer, presence);
    }

    pub(super) fn change_presence(&mut self, peer: PeerId, news: PresenceNews) {
        self.telling.changed = true;
        self.presences.go_on(peer, news);
    }

    /// A relay tells a tab how things stand from the start.
    pub(super) fn set_status(&mut self, peer: PeerId, status: Status) {
        self.statuses.begin(peer, status);
    }

    pub(super) fn change_status(&mut self, peer: PeerId, news: StatusNews) {
        self.statuses.go_on(peer, news);
    }

    /// How things stand, in a tab that has been told.
    pub(super) fn status(&self) -> Option<&Status> {
        self.statuses.oldest_first().next_back().map(|(_, status)| status).or(self.last_status.as_ref())
    }

    /// Returns the presence of each linked relay: the one told over the newest link that has told one.
    fn presences(&self) -> SortedMap<RelayId, &RelayPresence> {
        let told = self.presences.oldest_first().filter_map(|(link, presence)| match self.links.get(&link) {
            Some(PeerKind::Relay(voter, _)) => Some((*voter, presence)),
            Some(PeerKind::Tab(_)) | None => None,
        });
        told.collect()
    }

    /// How things stand, as seen by the relay `me`.
    pub(super) fn own_status(
        &self,
        (me, incarnation): (RelayId, ReplicaId),
        leader: Option<Ballot>,
        configuration: &Configuration,
    ) -> Status {
        let presences = self.presences();
        let relays = self.addresses.iter().map(|(&voter, address)| {
            let tabs = if voter == me {
                self.own_tabs()
            } else {
                presences.get(&voter).map(|presence| presence.tabs.clone()).unwrap_or_default()
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

    /// The messages by which the peers learn how things stand by now. Tabs that come and go are told of a few times a second
    /// at the most; anything else at once.
    pub(super) fn news_of_status(
        &mut self,
        now: Duration,
        me: (RelayId, ReplicaId),
        leader: Option<Ballot>,
        configuration: &Configuration,
    ) -> Vec<(PeerId, Message)> {
        let seen = (leader, configuration.number);
        let has_changed = std::mem::take(&mut self.telling.changed) || self.telling.seen != seen;
        if !has_changed && self.telling.tell_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.telling.seen = seen;
        let address = self.addresses.get(&me.0).cloned().unwrap_or_default();
        let presence = RelayPresence { tabs: self.own_tabs(), address, leader };
        let mut news = self.tell(now, Told { status: self.own_status(me, leader, configuration), presence });
        let newcomers = std::mem::take(&mut self.telling.newcomers);
        if let Some(Told { status, presence }) = &self.telling.told {
            news.extend(newcomers.into_iter().map(|peer| match self.links.get(&peer) {
                Some(PeerKind::Relay(..)) => (peer, Message::Presence(presence.clone())),
                Some(PeerKind::Tab(_)) | None => (peer, Message::Status(status.clone())),
            }));
        }
        news
    }

    /// Tells those who were told before what is new, if it is time for it.
    fn tell(&mut self, now: Duration, latest: Told) -> Vec<(PeerId, Message)> {
        let Telling { told, told_at, tell_at, newcomers, .. } = &mut self.telling;
        let Some(before) = told else {
            (*told, *told_at) = (Some(latest), now);
            return Vec::new();
        };
        let is_urgent = !latest.status.is_same_but_for_tabs(&before.status);
        if !is_urgent && now < *told_at + GATHERING {
            let is_new = latest.status != before.status;
            *tell_at = is_new.then_some(*told_at + GATHERING);
            return Vec::new();
        }
        let is_status_new = latest.status != before.status;
        let is_presence_new = latest.presence != before.presence;
        let status = Message::StatusNews(latest.status.news_since(&before.status));
        let presence = Message::PresenceNews(latest.presence.news_since(&before.presence));
        (*told, *told_at, *tell_at) = (Some(latest), now, None);
        let were_told = self.links.iter().filter(|(peer, _)| !newcomers.contains(peer));
        let news = were_told.filter_map(|(&peer, kind)| match kind {
            PeerKind::Tab(_) => is_status_new.then(|| (peer, status.clone())),
            PeerKind::Relay(..) => is_presence_new.then(|| (peer, presence.clone())),
        });
        news.collect()
    }

    /// When the tabs are to be told of that have come and gone.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.telling.tell_at
    }

    /// The links to relays.
    pub(super) fn relays(&self) -> Vec<PeerId> {
        self.links.iter().filter(|(_, kind)| matches!(kind, PeerKind::Relay(..))).map(|(&peer, _)| peer).collect()
    }

    /// All links with their other ends, those to relays first.
    pub(super) fn ends(&self) -> Vec<(PeerId, End)> {
        let end = |kind: &PeerKind| match *kind {
            PeerKind::Relay(voter, _) => End::Relay(voter),
            PeerKind::Tab(tab) => End::Tab(tab),
        };
        let mut ends: Vec<_> = self.links.iter().map(|(&peer, kind)| (peer, end(kind))).collect();
        ends.sort_by_key(|&(_, end)| end);
        ends
    }

    /// The links to tabs.
    pub(super) fn tabs(&self) -> Vec<PeerId> {
        self.links.iter().filter(|(_, kind)| matches!(kind, PeerKind::Tab(_))).map(|(&peer, _)| peer).collect()
    }

    /// The tabs that are linked here and, as relays with lower ids than `me` have told, to those.
    pub(super) fn tabs_also_below(&self, me: RelayId) -> Vec<ReplicaId> {
        let mut tabs = self.own_tabs();
        let presences = self.presences();
        tabs.retain(|tab| presences.range(..me).any(|(_, presence)| presence.tabs.contains(tab)));
        tabs
    }

    /// The ids under which somebody is linked to this relay, or to one that has told of it.
    pub(super) fn present(&self) -> SortedSet<ReplicaId> {
        let linked = self.links.values().map(|kind| match *kind {
            PeerKind::Tab(id) | PeerKind::Relay(_, id) => id,
        });
        linked.chain(self.presences().into_values().flat_map(|presence| presence.tabs.iter().copied())).collect()
    }

    /// The links to one tab.
    pub(super) fn links_of_tab(&self, tab: ReplicaId) -> Vec<PeerId> {
        self.links.iter().filter(|(_, kind)| **kind == PeerKind::Tab(tab)).map(|(&peer, _)| peer).collect()
    }

    /// The tabs that are linked, ascending.
    pub(super) fn own_tabs(&self) -> Vec<ReplicaId> {
        let tabs = self.links.values().filter_map(|kind| match kind {
            PeerKind::Tab(replica) => Some(*replica),
            PeerKind::Relay(..) => None,
        });
        let mut tabs: Vec<_> = tabs.collect();
        tabs.sort_unstable();
        tabs.dedup();
        tabs
    }
}
