//! `/cluster/reach`: how far above the highest number a number of a room may be.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shared::base::room::Room;
use shared::ledger::Operation;
use shared::replica::io::{Command, Reply};
use tokio::time::timeout;

use super::{PATIENCE, Refused, refusal};
use crate::app::App;
use crate::link;

/// The room of those who name none.
const DEFAULT_ROOM: &str = "people";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomQuery {
    room: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    most: u64,
}

/// How far numbers may go.
#[derive(Debug, Serialize)]
struct Reach {
    room: String,
    /// How far above the highest number.
    most: u64,
    highest: u64,
}

/// Says how far numbers may go in a room.
pub async fn reach(State(app): State<App>, headers: HeaderMap, Query(place): Query<RoomQuery>) -> Response {
    match admit(&app, &headers, place) {
        Ok(room) => read(&app, room).await,
        Err((status, reason)) => refusal(status, &reason),
    }
}

/// Has the log set how far numbers may go in a room.
pub async fn set_reach(
    State(app): State<App>,
    headers: HeaderMap,
    Query(place): Query<RoomQuery>,
    body: Bytes,
) -> Response {
    let room = match admit(&app, &headers, place) {
        Ok(room) => room,
        Err((status, reason)) => return refusal(status, &reason),
    };
    let most = match Json::<Wanted>::from_bytes(&body) {
        Ok(Json(Wanted { most })) => most,
        Err(error) => {
            let text = format!("{}; send how far, as in {{\"most\": 5000000}}", error.body_text());
            return refusal(StatusCode::BAD_REQUEST, &text);
        }
    };
    let asked = app.node.command(room.clone(), Command::Ask(Operation::SetReach { most }));
    match timeout(PATIENCE, asked).await {
        Ok(Ok(Ok(Reply::Decided(_, Ok(_))))) => read(&app, room).await,
        Ok(Ok(Ok(Reply::Decided(_, Err(rejection))))) => Refused::from(rejection).into_response(),
        Ok(Ok(Ok(other))) => unreachable!("the log was asked, and does not answer {other:?}"),
        Ok(Ok(Err(rejection))) => Refused::from(rejection).into_response(),
        Ok(Err(no_room)) => Refused::from(no_room).into_response(),
        Err(_) => Refused::not_decided_in_time().into_response(),
    }
}

async fn read(app: &App, room: Room) -> Response {
    let name = room.as_str().to_owned();
    match app.node.read(room, |view| (view.ledger().reach(), view.ledger().highest())).await {
        Ok((most, highest)) => Json(Reach { room: name, most, highest }).into_response(),
        Err(no_room) => Refused::from(no_room).into_response(),
    }
}

/// Lets operators in, and reads which room they mean.
fn admit(app: &App, headers: &HeaderMap, place: RoomQuery) -> Result<Room, (StatusCode, String)> {
    link::admit(headers, app.config.link_secret.as_ref())
        .map_err(|(status, text)| (status, text.trim_end().to_owned()))?;
    let name = place.room.unwrap_or_else(|| DEFAULT_ROOM.to_owned());
    Room::try_from(name).map_err(|violation| (StatusCode::BAD_REQUEST, violation.to_string()))
}
