//! What those who run the relays look at and change. Here `/cluster/voters`: who votes.

mod membership;
mod reach;
mod words;

pub use reach::{reach, set_reach};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shared::base::id::RelayId;
use shared::base::room::Room;
use shared::ledger::{Granted, Rejection};
use shared::replica::io::Reply;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

use crate::app::App;
use crate::link;
use crate::node::{NodeHandle, RoomChange, Stopped};
use membership::Membership;

/// How long a change may take to be decided.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before asking again, after somebody else's change came in between.
const RETRY: Duration = Duration::from_millis(100);

/// Who is to vote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    voters: BTreeSet<u16>,
}

/// What came of it: in each room the number of the configuration in which they vote, or why not.
#[derive(Debug, Serialize)]
struct ReconfigurationOutcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rooms: BTreeMap<String, RoomOutcome>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum RoomOutcome {
    Number(u32),
    Error(String),
}

/// Who votes in each room, and who does not, and why.
pub async fn voters(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Err((status, text)) = link::admit(&headers, app.config.link_secret.as_ref()) {
        return refusal(status, text.trim_end());
    }
    match app.node.membership().await {
        Ok(membership) => Json(Membership::from(membership)).into_response(),
        Err(Stopped) => stopping(),
    }
}

/// Lets the relays vote that the body names.
pub async fn set_voters(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err((status, text)) = link::admit(&headers, app.config.link_secret.as_ref()) {
        return refusal(status, text.trim_end());
    }
    let named = match Json::<Wanted>::from_bytes(&body) {
        Ok(Json(Wanted { voters })) => voters.into_iter().map(RelayId).collect(),
        Err(error) => {
            let text = format!("{}; send the ids of the voters, as in {{\"voters\": [1, 2, 3]}}", error.body_text());
            return refusal(StatusCode::BAD_REQUEST, &text);
        }
    };
    match reconfigure(&app.node, &named).await {
        Ok(rooms) => answer(rooms),
        Err(NotDone::Refused(reason)) => refusal(StatusCode::CONFLICT, &reason),
        Err(NotDone::Stopping) => stopping(),
    }
}

fn answer(rooms: BTreeMap<String, RoomOutcome>) -> Response {
    let errors = rooms.values().filter_map(|outcome| match outcome {
        RoomOutcome::Error(error) => Some(error.as_str()),
        RoomOutcome::Number(_) => None,
    });
    let errors: BTreeSet<&str> = errors.collect();
    if errors.is_empty() {
        return Json(ReconfigurationOutcome { error: None, rooms }).into_response();
    }
    let error = Some(errors.into_iter().collect::<Vec<_>>().join("; "));
    (StatusCode::CONFLICT, Json(ReconfigurationOutcome { error, rooms })).into_response()
}

fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, Json(ReconfigurationOutcome { error: Some(reason.to_owned()), rooms: BTreeMap::new() })).into_response()
}

fn stopping() -> Response {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "the relay is stopping")
}

/// Why nothing came of it in any room.
enum NotDone {
    Refused(String),
    Stopping,
}

impl From<Stopped> for NotDone {
    fn from(_: Stopped) -> Self {
        NotDone::Stopping
    }
}

/// Asks in every room. Where another change comes in between, it asks anew: it may be the same one, since rooms that
/// were opened lately follow the others by themselves.
async fn reconfigure(node: &NodeHandle, voters: &BTreeSet<RelayId>) -> Result<BTreeMap<String, RoomOutcome>, NotDone> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = node.reconfigure(voters.clone()).await?;
        let asked = asked.map_err(|not_asked| NotDone::Refused(not_asked.to_string()))?;
        let (rooms, has_crossed) = outcomes(asked, deadline).await?;
        if !has_crossed || Instant::now() >= deadline {
            info!(?voters, ?rooms, "asked to let these vote");
            return Ok(rooms);
        }
        sleep(RETRY).await;
    }
}

/// What came of it in each room, and whether another change came in between.
async fn outcomes(
    asked: BTreeMap<Room, RoomChange>,
    deadline: Instant,
) -> Result<(BTreeMap<String, RoomOutcome>, bool), Stopped> {
    let mut rooms = BTreeMap::new();
    let mut has_crossed = false;
    for (room, asked) in asked {
        let outcome = match asked {
            RoomChange::InForce(number) => RoomOutcome::Number(number),
            RoomChange::Pending(answer) => match timeout_at(deadline, answer).await {
                Ok(Ok(Ok(Ok(Reply::Decided(_, Ok(Granted::Configuration { number })))))) => RoomOutcome::Number(number),
                Ok(Ok(Ok(Ok(Reply::Decided(_, Err(rejection)))))) => {
                    has_crossed |= is_crossing(&rejection);
                    RoomOutcome::Error(rejection.to_string())
                }
                Ok(Ok(Ok(Ok(other)))) => unreachable!("a change of the voters was asked for, not {other:?}"),
                Ok(Ok(Ok(Err(rejection)))) => RoomOutcome::Error(rejection.to_string()),
                Ok(Ok(Err(no_room))) => RoomOutcome::Error(no_room.to_string()),
                Ok(Err(_)) => return Err(Stopped),
                Err(_) => RoomOutcome::Error(
                    "not decided in time, and may still be: see that a majority of the voters is up, and then look again"
                        .to_owned(),
                ),
            },
        };
        rooms.insert(room.as_str().to_owned(), outcome);
    }
    Ok((rooms, has_crossed))
}

fn is_crossing(rejection: &Rejection) -> bool {
    matches!(rejection, Rejection::OtherConfiguration { .. } | Rejection::ReconfigurationUnderWay { .. })
}
