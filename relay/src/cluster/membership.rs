//! Who votes, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::base::id::ReplicaId;
use shared::consensus::Configuration;

use crate::node;

/// Who votes in each room.
#[derive(Debug, Serialize)]
pub struct Membership {
    founding: Option<Voters>,
    rooms: BTreeMap<String, RoomVoters>,
    /// The relays that are up, this one among them, with the incarnation of each.
    linked: BTreeMap<u16, String>,
}

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

impl From<node::Membership> for Membership {
    fn from(membership: node::Membership) -> Self {
        let rooms = membership.rooms.into_iter().map(|(room, voters)| {
            let without_vote = voters.without_vote.iter().map(|(voter, trouble)| (voter.0, trouble.to_string()));
            let configuration = voters.configuration.map(Voters::from);
            (room.as_str().to_owned(), RoomVoters { configuration, without_vote: without_vote.collect() })
        });
        Membership {
            founding: membership.founding.map(Voters::from),
            rooms: rooms.collect(),
            linked: membership.linked.into_iter().map(|(voter, incarnation)| (voter.0, in_hex(incarnation))).collect(),
        }
    }
}

impl From<Configuration> for Voters {
    fn from(configuration: Configuration) -> Self {
        let voters = configuration.voters.iter().map(|(voter, &incarnation)| (voter.0, in_hex(incarnation)));
        Voters { number: configuration.number, voters: voters.collect() }
    }
}

fn in_hex(incarnation: ReplicaId) -> String {
    format!("{:016x}", incarnation.0)
}
