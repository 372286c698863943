//! Who votes, who does not, and how that is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::base::sorted::SortedMap;
use shared::consensus::Configuration;
use shared::ledger::Operation;
use shared::replica::io::Command;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{info, warn};

use super::failures::Closed;
use super::rooms::OpenRoom;
use super::{Answer, DEFAULT_ROOM, Node, is_blank};
use crate::clocks::Off;

/// After how long without a vote a relay says so. One that has just started may not have heard that it was admitted.
const VOTELESS_BEFORE_WARNING: Duration = Duration::from_secs(3);

/// How a relay is, for those who watch over it.
#[derive(Debug)]
pub struct Health {
    pub id: RelayId,
    /// Host and port.
    pub address: String,
    /// How many rooms are open.
    pub rooms: usize,
    /// Whether this relay has a vote.
    pub has_vote: bool,
    /// How often something was made durable since the start.
    pub commits: u64,
    /// How many entries of all logs are decided.
    pub decided: u64,
    pub relays: Vec<RelayHealth>,
    /// The rooms that are closed since they have failed.
    pub closed_rooms: BTreeMap<Room, Closed>,
    /// Set if the clock of this machine is wrong.
    pub clock: Option<Off>,
}

/// How one of the relays is, as another sees it.
#[derive(Debug)]
pub struct RelayHealth {
    pub id: RelayId,
    pub is_up: bool,
    /// Why it does not vote.
    pub trouble: Option<Trouble>,
}

/// Who votes, for those who run the relays.
#[derive(Debug)]
pub struct Membership {
    pub founding: Option<Configuration>,
    pub rooms: BTreeMap<Room, RoomVoters>,
    /// The relays that are up, this one among them, with the incarnation of each.
    pub linked: BTreeMap<RelayId, ReplicaId>,
}

/// Who votes in one room.
#[derive(Debug)]
pub struct RoomVoters {
    pub configuration: Option<Configuration>,
    /// The relays that have no vote, or cannot give it.
    pub without_vote: BTreeMap<RelayId, Trouble>,
}

/// Why a relay does not vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody votes yet: the relay that founds has no link to these. If there are none, another relay founds.
    NotFounded {
        missing: BTreeSet<RelayId>,
    },
    NotAmongVoters(Admission),
    NoLink,
    /// Its database is not the one that votes.
    OtherIncarnation(Admission),
}

/// The change by which a relay gets a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The relay to ask: host and port.
    pub address: String,
    /// Who votes then.
    pub voters: BTreeSet<RelayId>,
}

/// What was asked in one room.
#[derive(Debug)]
pub enum RoomChange {
    /// Nothing: they vote already, by the configuration of this number.
    InForce(u32),
    Pending(oneshot::Receiver<Answer>),
}

/// Why nothing was asked in any room.
#[derive(Debug)]
pub enum NotAsked {
    /// There is no link to these.
    NotLinked(BTreeSet<RelayId>),
    /// No room is open, and who votes is kept in the rooms.
    NoRoom,
    /// The relays have not found one another yet.
    NotFounded,
}

impl Node {
    /// Who votes, as far as is known here: rooms that were opened lately follow the others.
    pub(super) fn membership(&self) -> Option<&Configuration> {
        let of_rooms = self.rooms.open.values().filter_map(OpenRoom::configuration);
        of_rooms
            .max_by_key(|configuration| configuration.number)
            .or(self.founding.known().map(|founding| &founding.configuration))
    }

    /// The incarnations of the relays that are up, this one among them.
    pub(super) fn linked(&self) -> BTreeMap<RelayId, ReplicaId> {
        let links = self.peers.values().filter_map(|peer| peer.place.link());
        let others = links.filter(|link| link.is_open()).map(|link| (link.remote.voter, link.remote.incarnation));
        others.chain([(self.me.voter, self.me.replica)]).collect()
    }

    pub(super) fn health(&self) -> Health {
        let linked = self.linked();
        let membership = self.membership();
        let all: BTreeSet<RelayId> = membership
            .iter()
            .flat_map(|configuration| configuration.voters.keys())
            .chain(linked.keys())
            .copied()
            .collect();
        let relays = all.into_iter().map(|id| {
            let incarnation = linked.get(&id).copied();
            RelayHealth { id, is_up: incarnation.is_some(), trouble: self.trouble(membership, id, incarnation) }
        });
        Health {
            id: self.me.voter,
            address: self.own_address(),
            rooms: self.rooms.open.len(),
            has_vote: self.has_vote(),
            commits: self.commits,
            decided: self.rooms.open.values().map(|room| room.machine.view().log().decided().0).sum(),
            relays: relays.collect(),
            closed_rooms: self.rooms.closed.clone(),
            clock: self.clocks.off(),
        }
    }

    pub(super) fn describe_membership(&self) -> Membership {
        let linked = self.linked();
        let rooms = self.rooms.open.iter().map(|(name, room)| {
            let configuration = room.configuration();
            let named = configuration.iter().flat_map(|configuration| configuration.voters.keys());
            let all: BTreeSet<RelayId> = named.chain(linked.keys()).copied().collect();
            let trouble = |voter| self.trouble(configuration, voter, linked.get(&voter).copied());
            let without_vote = all.into_iter().filter_map(|voter| Some((voter, trouble(voter)?))).collect();
            (name.clone(), RoomVoters { configuration: configuration.cloned(), without_vote })
        });
        Membership {
            founding: self.founding.known().map(|founding| founding.configuration.clone()),
            rooms: rooms.collect(),
            linked: linked.clone(),
        }
    }

    /// Why a relay, which is up under this incarnation, does not vote.
    pub(super) fn trouble(
        &self,
        configuration: Option<&Configuration>,
        voter: RelayId,
        incarnation: Option<ReplicaId>,
    ) -> Option<Trouble> {
        let Some(configuration) = configuration else {
            return Some(Trouble::NotFounded { missing: self.founding.missing().collect() });
        };
        match (configuration.voters.get(&voter), incarnation) {
            (None, _) => Some(Trouble::NotAmongVoters(self.admission(voter))),
            (Some(_), None) => Some(Trouble::NoLink),
            (Some(&of_voter), Some(incarnation)) if of_voter != incarnation => {
                Some(Trouble::OtherIncarnation(self.admission(voter)))
            }
            _ => None,
        }
    }

    /// How to let a relay vote with those who do.
    pub(super) fn admission(&self, voter: RelayId) -> Admission {
        let voters = self.membership().into_iter().flat_map(|configuration| configuration.voters.keys());
        Admission { address: self.own_address(), voters: voters.copied().chain([voter]).collect() }
    }

    fn own_address(&self) -> String {
        self.directory.addresses().remove(&self.me.voter).unwrap_or_default()
    }

    fn has_vote(&self) -> bool {
        self.membership().is_some_and(|configuration| configuration.has(self.me.voter, self.me.replica))
    }

    /// Notes whether this relay has lost its vote, or got one.
    pub(super) fn look_for_vote(&mut self) {
        if self.membership().is_none() || self.has_vote() {
            if self.voteless_since.take().is_some() {
                info!("this relay has a vote");
            }
            self.warned_of_no_vote = false;
        } else {
            self.voteless_since.get_or_insert_with(Instant::now);
        }
    }

    /// When to warn that this relay has no vote.
    pub(super) fn vote_deadline(&self) -> Option<Instant> {
        let since = self.voteless_since.filter(|_| !self.warned_of_no_vote)?;
        Some(since + VOTELESS_BEFORE_WARNING)
    }

    pub(super) fn warn_of_no_vote(&mut self) {
        if self.vote_deadline().is_some_and(|at| at <= Instant::now()) {
            self.warned_of_no_vote = true;
            let incarnation = Some(self.me.replica);
            if let Some(trouble) = self.trouble(self.membership(), self.me.voter, incarnation) {
                warn!("this relay has no vote: {trouble}");
            }
        }
    }

    /// Asks in every room that these relays vote, in the incarnations in which they are linked now.
    pub(super) fn reconfigure(&mut self, named: &BTreeSet<RelayId>) -> Result<BTreeMap<Room, RoomChange>, NotAsked> {
        let linked = self.linked();
        let missing: BTreeSet<_> = named.iter().copied().filter(|voter| !linked.contains_key(voter)).collect();
        if !missing.is_empty() {
            return Err(NotAsked::NotLinked(missing));
        }
        if self.rooms.open.is_empty() {
            return Err(NotAsked::NoRoom);
        }
        let voters: SortedMap<_, _> = named.iter().map(|voter| (*voter, linked[voter])).collect();
        let mut asked = BTreeMap::new();
        for room in self.rooms.names() {
            let configuration = self.rooms.open[&room].configuration().ok_or(NotAsked::NotFounded)?;
            let from = configuration.number;
            let answer = if configuration.voters == voters {
                RoomChange::InForce(from)
            } else {
                RoomChange::Pending(self.ask(&room, Operation::Reconfigure { from, voters: voters.clone() }))
            };
            asked.insert(room, answer);
        }
        Ok(asked)
    }

    fn ask(&mut self, room: &Room, operation: Operation) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        self.command(room, Command::Ask(operation), answer);
        answered
    }

    /// A room begins with the founding configuration. Where the membership has changed since, whoever leads the room
    /// sees to it that it follows.
    pub(super) fn follow_membership(&mut self) {
        let Some(membership) = self.membership().cloned() else { return };
        for room in self.rooms.names() {
            let open = &self.rooms.open[&room];
            // The log of a room in which there is nothing yet stays as it is, so that the room can be dropped.
            if room.as_str() != DEFAULT_ROOM && is_blank(open.machine.view()) {
                continue;
            }
            let leads = open.machine.view().leader().is_some_and(|ballot| ballot.voter == self.me.voter);
            let lags = open.configuration().is_some_and(|of_room| {
                of_room.number == 0 && membership.number > 0 && of_room.voters != membership.voters
            });
            if leads && lags {
                info!(room = room.as_str(), "the room is to follow the others in who votes");
                // If it is refused now, since some are away, it is asked again when they are back.
                drop(self.ask(&room, Operation::Reconfigure { from: 0, voters: membership.voters.clone() }));
            }
        }
    }
}
