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
use shared::replica::io::{CommandRejection, Reply};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

use crate::app::App;
use crate::link;
use crate::node::{NoRoom, NodeHandle, NotAsked, RoomChange, Stopped};
use crate::rejections;
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum RoomOutcome {
    Number(u32),
    Error(String),
}

/// Why nothing came of it, with the HTTP status for that.
#[derive(Clone, Debug)]
struct Refused {
    status: StatusCode,
    reason: String,
}

impl Refused {
    fn new(status: StatusCode, reason: impl ToString) -> Self {
        Refused { status, reason: reason.to_string() }
    }

    fn not_decided_in_time() -> Self {
        Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not decided in time, and may still be: see that a majority of the voters is up, and then look again",
        )
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Refused::new(rejections::of_log(&rejection).api, rejection)
    }
}

impl From<CommandRejection> for Refused {
    fn from(rejection: CommandRejection) -> Self {
        Refused::new(rejections::of_command(&rejection).api, rejection)
    }
}

impl From<NoRoom> for Refused {
    fn from(no_room: NoRoom) -> Self {
        Refused::new(rejections::of_room(&no_room), no_room)
    }
}

impl From<NotAsked> for Refused {
    fn from(not_asked: NotAsked) -> Self {
        Refused::new(rejections::of_voters(&not_asked), not_asked)
    }
}

impl From<Stopped> for Refused {
    fn from(_: Stopped) -> Self {
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, "the relay is stopping")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        refusal(self.status, &self.reason)
    }
}

/// Who votes in each room, and who does not, and why.
pub async fn voters(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Err((status, text)) = link::admit(&headers, app.config.link_secret.as_ref()) {
        return refusal(status, text.trim_end());
    }
    match app.node.membership().await {
        Ok(membership) => Json(Membership::from(membership)).into_response(),
        Err(stopped) => Refused::from(stopped).into_response(),
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
        Err(refused) => refused.into_response(),
    }
}

/// If rooms are refused for different reasons, the answer has the highest status: a change that may still be decided
/// counts more than one that is refused.
fn answer(rooms: BTreeMap<Room, Result<u32, Refused>>) -> Response {
    let refused = || rooms.values().filter_map(|outcome| outcome.as_ref().err());
    let status = refused().map(|refused| refused.status).max();
    let reasons: BTreeSet<&str> = refused().map(|refused| refused.reason.as_str()).collect();
    let error = status.map(|_| reasons.into_iter().collect::<Vec<_>>().join("; "));
    let rooms = rooms.into_iter().map(|(room, outcome)| {
        let outcome = outcome.map_or_else(|refused| RoomOutcome::Error(refused.reason), RoomOutcome::Number);
        (room.as_str().to_owned(), outcome)
    });
    let outcome = ReconfigurationOutcome { error, rooms: rooms.collect() };
    (status.unwrap_or(StatusCode::OK), Json(outcome)).into_response()
}

fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, Json(ReconfigurationOutcome { error: Some(reason.to_owned()), rooms: BTreeMap::new() })).into_response()
}

/// Asks in every room. Where another change comes in between, it asks anew: it may be the same one, since rooms that
/// were opened lately follow the others by themselves.
async fn reconfigure(
    node: &NodeHandle,
    voters: &BTreeSet<RelayId>,
) -> Result<BTreeMap<Room, Result<u32, Refused>>, Refused> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = node.reconfigure(voters.clone()).await??;
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
) -> Result<(BTreeMap<Room, Result<u32, Refused>>, bool), Stopped> {
    let mut rooms = BTreeMap::new();
    let mut has_crossed = false;
    for (room, asked) in asked {
        let outcome = match asked {
            RoomChange::InForce(number) => Ok(number),
            RoomChange::Pending(answer) => match timeout_at(deadline, answer).await {
                Ok(Ok(Ok(Ok(Reply::Decided(_, Ok(Granted::Configuration { number })))))) => Ok(number),
                Ok(Ok(Ok(Ok(Reply::Decided(_, Err(rejection)))))) => {
                    has_crossed |= is_crossing(&rejection);
                    Err(rejection.into())
                }
                Ok(Ok(Ok(Ok(other)))) => unreachable!("a change of the voters was asked for, not {other:?}"),
                Ok(Ok(Ok(Err(rejection)))) => Err(rejection.into()),
                Ok(Ok(Err(no_room))) => Err(no_room.into()),
                Ok(Err(_)) => return Err(Stopped),
                Err(_) => Err(Refused::not_decided_in_time()),
            },
        };
        rooms.insert(room, outcome);
    }
    Ok((rooms, has_crossed))
}

fn is_crossing(rejection: &Rejection) -> bool {
    matches!(rejection, Rejection::OtherConfiguration { .. } | Rejection::ReconfigurationUnderWay { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_change_of_voters_has_the_highest_status_of_its_rooms() {
        let room = |name: &str| Room::try_from(name.to_owned()).unwrap();
        let answered = |outcomes: Vec<(&str, Result<u32, Refused>)>| {
            answer(outcomes.into_iter().map(|(name, outcome)| (room(name), outcome)).collect()).status()
        };
        let closed = || ("closed", Err(NoRoom::Closed.into()));
        let two_voters = || ("people", Err(Rejection::TwoVoters.into()));
        assert_eq!(answered(vec![("people", Ok(1))]), StatusCode::OK);
        assert_eq!(answered(vec![two_voters(), ("other", Ok(1))]), StatusCode::CONFLICT);
        assert_eq!(answered(vec![two_voters(), closed()]), StatusCode::SERVICE_UNAVAILABLE);
        let late = ("late", Err(Refused::not_decided_in_time()));
        assert_eq!(answered(vec![late, two_voters()]), StatusCode::SERVICE_UNAVAILABLE);
    }
}
