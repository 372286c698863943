//! Who votes, who does not, and how that is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::consensus::Configuration;
use shared::ledger::Operation;
use shared::replica::io::Command;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{info, warn};

use super::rooms::OpenRoom;
use super::{Answer, DEFAULT_ROOM, Node, is_blank};

/// After how long without a vote a relay says so. One that has just started may not have heard that it was admitted.
const VOTELESS_BEFORE_WARNING: Duration = Duration::from_secs(3);

/// How a relay is, for those who watch over it.
#[derive(Debug, Serialize)]
pub struct Health {
    status: &'static str,
    id: u16,
    address: String,
    rooms: usize,
    peers_up: BTreeSet<u16>,
    /// Whether this relay has a vote.
    votes: bool,
    /// How often something was made durable since the start.
    commits: u64,
    /// How many entries of all logs are decided.
    decided: u64,
    relays: Vec<RelayHealth>,
    /// The rooms that are closed since they have failed, and what to do.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    closed_rooms: BTreeMap<String, String>,
    /// Why the clock of this machine is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<String>,
}

/// How one of the relays is, as another sees it.
#[derive(Debug, Serialize)]
struct RelayHealth {
    id: u16,
    up: bool,
    votes: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// Who votes, for those who run the relays.
#[derive(Debug, Serialize)]
pub struct Membership {
    founding: Option<Voters>,
    rooms: BTreeMap<String, RoomVoters>,
    /// The relays that are up, this one among them, with the incarnation of each.
    linked: BTreeMap<u16, String>,
}

/// A configuration, for people.
#[derive(Debug, Serialize)]
struct Voters {
    number: u32,
    voters: BTreeMap<u16, String>,
}

#[derive(Debug, Serialize)]
struct RoomVoters {
    #[serde(flatten)]
    configuration: Option<Voters>,
    /// The relays that have no vote, or cannot give it, and why.
    without_vote: BTreeMap<u16, String>,
}

/// What was asked in one room.
#[derive(Debug)]
pub enum Asked {
    /// Nothing: they vote already, by the configuration of this number.
    InForce(u32),
    Pending(oneshot::Receiver<Answer>),
}

/// Why nothing was asked in any room.
#[derive(Debug, Error)]
pub enum NotAsked {
    #[error("no link to {}: start what is missing, or name others", list(.0))]
    NotLinked(BTreeSet<RelayId>),
    #[error(
        "no room is open, and who votes is kept in the rooms: /healthz says which rooms have failed and what to do"
    )]
    NoRoom,
    #[error("the relays have not found one another yet: start all that --peers names, and wait until they are linked")]
    NotFounded,
}

impl From<&Configuration> for Voters {
    fn from(configuration: &Configuration) -> Self {
        let voters = configuration.voters.iter().map(|(voter, &incarnation)| (voter.0, in_hex(incarnation)));
        Voters { number: configuration.number, voters: voters.collect() }
    }
}

fn in_hex(incarnation: ReplicaId) -> String {
    format!("{:016x}", incarnation.0)
}

pub(super) fn list(voters: &BTreeSet<RelayId>) -> String {
    voters.iter().map(RelayId::to_string).collect::<Vec<_>>().join(", ")
}

/// The command that lets relays vote, as it is typed.
#[derive(Debug)]
pub struct AdmitCommand {
    address: String,
    voters: BTreeSet<RelayId>,
}

impl fmt::Display for AdmitCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.voters.iter().map(|voter| voter.0.to_string()).collect();
        write!(f, "curl http://{}/cluster/voters -d '{{\"voters\": [{}]}}'", self.address, ids.join(", "))?;
        f.write_str(" -H \"Authorization: Bearer $RELAY_LINK_SECRET\"")
    }
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
        let relays = all.into_iter().map(|voter| {
            let incarnation = linked.get(&voter).copied();
            let trouble = self.trouble(membership, voter, incarnation);
            RelayHealth { id: voter.0, up: incarnation.is_some(), votes: trouble.is_none(), trouble }
        });
        let closed = self.rooms.closed.iter().map(|(room, closed)| (room.as_str().to_owned(), closed.to_string()));
        let closed_rooms: BTreeMap<_, _> = closed.collect();
        let clock = self.clocks.off().map(|off| off.to_string());
        Health {
            status: if closed_rooms.is_empty() && clock.is_none() { "ok" } else { "degraded" },
            id: self.me.voter.0,
            address: self.own_address(),
            rooms: self.rooms.open.len(),
            peers_up: linked.keys().filter(|&&voter| voter != self.me.voter).map(|voter| voter.0).collect(),
            votes: self.has_vote(),
            commits: self.commits,
            decided: self.rooms.open.values().map(|room| room.machine.view().log().decided().0).sum(),
            relays: relays.collect(),
            closed_rooms,
            clock,
        }
    }

    pub(super) fn describe_membership(&self) -> Membership {
        let linked = self.linked();
        let rooms = self.rooms.open.iter().map(|(name, room)| {
            let configuration = room.configuration();
            let named = configuration.iter().flat_map(|configuration| configuration.voters.keys());
            let all: BTreeSet<RelayId> = named.chain(linked.keys()).copied().collect();
            let without_vote = all
                .into_iter()
                .filter_map(|voter| Some((voter.0, self.trouble(configuration, voter, linked.get(&voter).copied())?)));
            let voters =
                RoomVoters { configuration: configuration.map(Voters::from), without_vote: without_vote.collect() };
            (name.as_str().to_owned(), voters)
        });
        Membership {
            founding: self.founding.known().map(|founding| Voters::from(&founding.configuration)),
            rooms: rooms.collect(),
            linked: linked.iter().map(|(voter, &incarnation)| (voter.0, in_hex(incarnation))).collect(),
        }
    }

    /// Why a relay, which is up under this incarnation, does not vote.
    pub(super) fn trouble(
        &self,
        configuration: Option<&Configuration>,
        voter: RelayId,
        incarnation: Option<ReplicaId>,
    ) -> Option<String> {
        let Some(configuration) = configuration else {
            let missing: BTreeSet<_> = self.founding.missing().collect();
            return Some(if missing.is_empty() {
                "nobody votes yet: the relay with the lowest id waits for those that its --peers names".to_owned()
            } else {
                format!("nobody votes yet: no link to {}, which --peers names; start what is missing", list(&missing))
            });
        };
        match (configuration.voters.get(&voter), incarnation) {
            (None, _) => Some(format!("it is not among the voters; admit it: {}", self.admit_command(voter))),
            (Some(_), None) => Some("there is no link to it: it is down, or cannot be reached".to_owned()),
            (Some(&of_voter), Some(incarnation)) if of_voter != incarnation => Some(format!(
                "its database is not the one that votes: it was wiped, or restored from an older copy; admit it: {}",
                self.admit_command(voter)
            )),
            _ => None,
        }
    }

    /// How to let a relay vote with those who do.
    pub(super) fn admit_command(&self, voter: RelayId) -> AdmitCommand {
        let voters = self.membership().into_iter().flat_map(|configuration| configuration.voters.keys());
        let voters = voters.copied().chain([voter]).collect();
        AdmitCommand { address: self.own_address(), voters }
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
    pub(super) fn reconfigure(&mut self, named: &BTreeSet<RelayId>) -> Result<BTreeMap<Room, Asked>, NotAsked> {
        let linked = self.linked();
        let missing: BTreeSet<_> = named.iter().copied().filter(|voter| !linked.contains_key(voter)).collect();
        if !missing.is_empty() {
            return Err(NotAsked::NotLinked(missing));
        }
        if self.rooms.open.is_empty() {
            return Err(NotAsked::NoRoom);
        }
        let voters: BTreeMap<_, _> = named.iter().map(|voter| (*voter, linked[voter])).collect();
        let mut asked = BTreeMap::new();
        for room in self.rooms.names() {
            let configuration = self.rooms.open[&room].configuration().ok_or(NotAsked::NotFounded)?;
            let from = configuration.number;
            let answer = if configuration.voters == voters {
                Asked::InForce(from)
            } else {
                Asked::Pending(self.ask(&room, Operation::Reconfigure { from, voters: voters.clone() }))
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
