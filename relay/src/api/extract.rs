//! What a request says, with problems in place of axum's own refusals.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::base::id::RecordId;
use shared::base::room::Room;
use shared::ledger::ConflictId;
use utoipa::IntoParams;

use super::ids;
use super::problem::Problem;

/// The body, which is JSON.
pub struct Body<T>(pub T);

/// What stands behind the question mark.
pub struct Params<T>(pub T);

/// The room in the path.
pub struct InRoom(pub Room);

/// The room and the record in the path.
pub struct OfRecord(pub Room, pub RecordId);

/// The room and the conflict in the path.
pub struct OfConflict(pub Room, pub ConflictId);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RoomPath {
    /// The name of the room.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    room: Room,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RecordPath {
    /// The name of the room.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    room: Room,
    /// The id of the record.
    #[param(pattern = "^[0-9A-Fa-f]{16}[.][1-9][0-9]{0,13}$")]
    id: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ConflictPath {
    /// The name of the room.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    room: Room,
    /// The id of the conflict: the slot that settled the number, a dot and a count.
    #[param(pattern = "^[0-9]{1,18}[.][0-9]{1,4}$")]
    id: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        Ok(Body(json?.0))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        Ok(Params(query?.0))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for InRoom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: RoomPath = in_path(parts, state).await?;
        Ok(InRoom(path.room))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfRecord {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: RecordPath = in_path(parts, state).await?;
        Ok(OfRecord(path.room, ids::record(&path.id)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfConflict {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: ConflictPath = in_path(parts, state).await?;
        Ok(OfConflict(path.room, ids::conflict(&path.id)?))
    }
}

async fn in_path<T: DeserializeOwned + Send>(parts: &mut Parts, state: &(impl Send + Sync)) -> Result<T, Problem> {
    let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
    Ok(path?.0)
}
