//! `/nodes`: the relays.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::replica::presence::Status;
use utoipa::ToSchema;

use super::Api;
use super::consistency::{Read, ReadAs};
use super::extract::{InRoom, Params, RoomPath};
use super::ids;
use super::problem::Problem;

/// The relays, as one of them sees them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Nodes {
    /// The relay that answers.
    me: u16,
    /// The relay that leads the room, if one is known.
    leader: Option<u16>,
    nodes: Vec<Relay>,
}

/// A relay.
#[derive(Debug, Serialize, ToSchema)]
pub struct Relay {
    id: u16,
    /// Where tabs and relays reach it: host and port.
    #[schema(example = "127.0.0.1:5000")]
    address: String,
    /// Whether there is a link to it, or it is the one that answers.
    up: bool,
    /// Whether it has a vote.
    votes: bool,
    leads: bool,
    /// The tabs that are connected to it in this room.
    tabs: Vec<String>,
}

impl From<Status> for Nodes {
    fn from(status: Status) -> Self {
        let leader = status.leader.map(|ballot| ballot.voter);
        let nodes = status.relays.into_iter().map(|relay| Relay {
            id: relay.voter.0,
            address: relay.address,
            up: relay.up,
            votes: relay.votes,
            leads: leader == Some(relay.voter),
            tabs: relay.tabs.into_iter().map(ids::of_replica).collect(),
        });
        Nodes { me: status.me.0, leader: leader.map(|voter| voter.0), nodes: nodes.collect() }
    }
}

/// The relays, and who of them votes and leads
#[utoipa::path(
    get, path = "/nodes", tag = "nodes", operation_id = "list_nodes",
    params(RoomPath, ReadAs),
    responses((status = 200, description = "The relays, as this one sees them", body = Nodes), Problem)
)]
pub async fn get(
    State(api): State<Api>,
    InRoom(room): InRoom,
    Params(read_as): Params<ReadAs>,
) -> Result<Read<Json<Nodes>>, Problem> {
    let read = api.read(room, read_as, |view| view.status()).await?;
    read.and_then(|status| {
        let status = status.ok_or_else(|| Problem::unavailable("not-ready", "this relay knows of no relays yet"))?;
        Ok(Json(status.into()))
    })
}
