//! How a relay is, for those who watch over it: `/healthz` for people, `/livez` and `/readyz` for what starts processes
//! and sends them work.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::timeout;

use crate::app::App;
use crate::node::{Health, NodeHandle, Obstacle, RelayHealth, Stopped, Trouble};

/// How long the node, and its disk, may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// After how many seconds it is worth asking again.
const RETRY_AFTER: &str = "1";

const STOPPING: &str = "the relay is stopping: ask another one";

/// Whether a relay can do its work.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    /// Why not, and what to do.
    reasons: Vec<String>,
}

/// How a relay is.
#[derive(Debug, Serialize)]
struct Report {
    status: &'static str,
    id: u16,
    address: String,
    rooms: usize,
    peers_up: Vec<u16>,
    /// Whether this relay has a vote.
    votes: bool,
    /// How often something was made durable since the start.
    commits: u64,
    /// How many entries of all logs are decided.
    decided: u64,
    relays: Vec<RelayReport>,
    /// The rooms that are closed since they have failed, and what to do.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    closed_rooms: BTreeMap<String, String>,
    /// Why the clock of this machine is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<String>,
}

/// How one of the relays is, as another sees it.
#[derive(Debug, Serialize)]
struct RelayReport {
    id: u16,
    up: bool,
    votes: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl From<Health> for Report {
    fn from(health: Health) -> Self {
        let is_other = |relay: &&RelayHealth| relay.is_up && relay.id != health.id;
        let closed = health.closed_rooms.iter().map(|(room, closed)| (room.as_str().to_owned(), closed.to_string()));
        Report {
            status: if health.closed_rooms.is_empty() && health.clock.is_none() { "ok" } else { "degraded" },
            id: health.id.0,
            address: health.address,
            rooms: health.rooms,
            peers_up: health.relays.iter().filter(is_other).map(|relay| relay.id.0).collect(),
            votes: health.has_vote,
            commits: health.commits,
            decided: health.decided,
            relays: health.relays.iter().map(RelayReport::from).collect(),
            closed_rooms: closed.collect(),
            clock: health.clock.map(|off| off.to_string()),
        }
    }
}

impl From<&RelayHealth> for RelayReport {
    fn from(relay: &RelayHealth) -> Self {
        let trouble = relay.trouble.as_ref().map(Trouble::to_string);
        RelayReport { id: relay.id.0, up: relay.is_up, votes: trouble.is_none(), trouble }
    }
}

/// All that there is to know.
pub async fn health(State(app): State<App>) -> Response {
    match app.node.health().await {
        Ok(health) => Json(Report::from(health)).into_response(),
        Err(Stopped) => (StatusCode::SERVICE_UNAVAILABLE, "the relay is stopping\n").into_response(),
    }
}

/// Whether the process does anything: if not, start it anew.
pub async fn live(State(app): State<App>) -> Response {
    let reason = match timeout(PATIENCE, app.node.obstacles()).await {
        Ok(Ok(_)) => return "ok\n".into_response(),
        Ok(Err(Stopped)) => "the relay is stopping\n".to_owned(),
        Err(_) => format!("the relay has not answered within {} s: start it anew\n", PATIENCE.as_secs()),
    };
    (StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
}

/// Whether the relay can do its work: if not, ask another one.
pub async fn ready(State(app): State<App>) -> Response {
    let reasons = reasons(&app.node).await;
    let readiness = Readiness { ready: reasons.is_empty(), reasons };
    if readiness.ready {
        return Json(readiness).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], Json(readiness)).into_response()
}

async fn reasons(node: &NodeHandle) -> Vec<String> {
    let late = |what: &str| format!("{what} within {} s: look at its log and its disk", PATIENCE.as_secs());
    let mut reasons: Vec<String> = match timeout(PATIENCE, node.obstacles()).await {
        Ok(Ok(obstacles)) => obstacles.iter().map(Obstacle::to_string).collect(),
        Ok(Err(Stopped)) => return vec![STOPPING.to_owned()],
        Err(_) => return vec![late("the relay has not answered")],
    };
    match timeout(PATIENCE, node.disk_writes()).await {
        Ok(Ok(())) => {}
        Ok(Err(Stopped)) => return vec![STOPPING.to_owned()],
        Err(_) => reasons.push(late("the disk has written nothing")),
    }
    reasons
}
