//! `/settings`: the settings of the dynamic method.

use axum::Json;
use axum::extract::State;
use shared::ledger::Operation;

use super::Api;
use super::consistency::{Read, ReadAs};
use super::extract::{Body, InRoom, Params, RoomPath};
use super::idempotency::{KeyHeader, Once, Since};
use super::problem::Problem;
use crate::settings::Settings;

/// The settings of the dynamic method in this room
#[utoipa::path(
    get, path = "/settings", tag = "mode", operation_id = "get_settings",
    params(RoomPath, ReadAs),
    responses((status = 200, description = "The settings in force", body = Settings), Problem)
)]
pub async fn get(
    State(api): State<Api>,
    InRoom(room): InRoom,
    Params(read_as): Params<ReadAs>,
) -> Result<Read<Json<Settings>>, Problem> {
    api.read(room, read_as, |view| Json(Settings::from(view.ledger().dynamic()))).await
}

/// Changes settings
///
/// Only those named change. The log decides, so that the change is a fact at one place for everybody.
#[utoipa::path(
    patch, path = "/settings", tag = "mode", operation_id = "change_settings",
    params(RoomPath, KeyHeader, Since),
    request_body = Settings,
    responses((status = 200, description = "The settings in force", body = Settings), Problem)
)]
pub async fn change(
    State(api): State<Api>,
    InRoom(room): InRoom,
    once: Once,
    Body(changed): Body<Settings>,
) -> Result<Read<Json<Settings>>, Problem> {
    let present = api.node().read(room.clone(), |view| view.ledger().dynamic()).await?;
    api.decide_once(room.clone(), once, Operation::SetDynamic { dynamic: changed.over(present) }).await?;
    api.read_after(room, |view| Json(Settings::from(view.ledger().dynamic()))).await
}
