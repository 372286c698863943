//! `/mode`: how numbers are given now, and why.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::ledger::{Level, Load, Mode, Operation, Reason};
use shared::replica::View;
use utoipa::ToSchema;

use super::Api;
use super::consistency::{Read, ReadAs};
use super::extract::{Body, InRoom, Params, RoomPath};
use super::idempotency::{KeyHeader, Once, Since};
use super::problem::Problem;
use crate::settings::Settings;

/// How numbers are given now, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModeNow {
    /// Counted up with each change.
    epoch: u64,
    #[schema(value_type = LevelName)]
    level: Level,
    /// `hybrid`: the log decides on numbers at once. `crdt_only`: it settles them later.
    #[schema(value_type = String, example = "hybrid")]
    mode: &'static str,
    /// Why the epoch began: `founded`, `load`, `calm`, `by_hand` or `resumed`.
    #[schema(value_type = String, example = "load")]
    reason: Reason,
    /// The slot that began it.
    since: u64,
    /// What was measured when it began.
    #[schema(value_type = LoadFigures)]
    load: Load,
    settings: Settings,
    /// What the leader has measured last. Null before there was anything to measure.
    #[schema(value_type = Option<LoadFigures>)]
    measured: Option<Load>,
    /// Whether this relay reaches no majority: the numbers that it gives are provisional, but for leased ones.
    locally_offline: bool,
    /// How many numbers are left of what is leased to this relay.
    leased_left: u64,
    /// How many provisional numbers wait to be settled.
    unsettled: usize,
}

/// A level.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes a type of the core")]
pub enum LevelName {
    Batching,
    Leases,
    Provisional,
    Shedding,
}

/// What was measured in one window.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of the core")]
pub struct LoadFigures {
    /// How long the window was, in milliseconds.
    window_ms: u32,
    /// How many numbers were asked for.
    requests: u32,
    /// For how long the oldest request has been waiting at its end, in milliseconds.
    waiting_ms: u32,
    /// The time from a request's coming to its decision, which 99 of 100 kept to, in milliseconds.
    p99_ms: u32,
    /// How many provisional numbers were not settled.
    unsettled: u32,
}

/// Which level to take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedMode {
    level: WantedLevel,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum WantedLevel {
    Batching,
    Leases,
    Provisional,
    Shedding,
    /// Load decides again.
    Auto,
}

impl ModeNow {
    fn of(view: View<'_>) -> Self {
        let epoch = view.ledger().epoch();
        ModeNow {
            epoch: epoch.number,
            level: epoch.level,
            mode: match epoch.mode() {
                Mode::Hybrid => "hybrid",
                Mode::CrdtOnly => "crdt_only",
            },
            reason: epoch.reason,
            since: epoch.since.0,
            load: epoch.load,
            settings: view.ledger().dynamic().into(),
            measured: view.load(),
            locally_offline: view.is_locally_offline(),
            leased_left: view.leased(),
            unsettled: view.unsettled_count(),
        }
    }
}

/// How numbers are given now, and why
#[utoipa::path(
    get, path = "/mode", tag = "mode", operation_id = "get_mode",
    params(RoomPath, ReadAs),
    responses((status = 200, description = "How numbers are given", body = ModeNow), Problem)
)]
pub async fn get(
    State(api): State<Api>,
    InRoom(room): InRoom,
    Params(read_as): Params<ReadAs>,
) -> Result<Read<Json<ModeNow>>, Problem> {
    api.read(room, read_as, |view| Json(ModeNow::of(view))).await
}

/// Takes a level by hand, or lets load decide again
///
/// By hand the room stays on the level until somebody asks for another one, or for `auto`.
#[utoipa::path(
    post, path = "/mode", tag = "mode", operation_id = "set_mode",
    params(RoomPath, KeyHeader, Since),
    request_body = WantedMode,
    responses((status = 200, description = "How numbers are given", body = ModeNow), Problem)
)]
pub async fn set(
    State(api): State<Api>,
    InRoom(room): InRoom,
    once: Once,
    Body(WantedMode { level }): Body<WantedMode>,
) -> Result<Read<Json<ModeNow>>, Problem> {
    let operation = api.node().read(room.clone(), move |view| operation(view, level)).await?;
    api.decide_once(room.clone(), once, operation).await?;
    api.read_after(room, |view| Json(ModeNow::of(view))).await
}

fn operation(view: View<'_>, wanted: WantedLevel) -> Operation {
    let load = view.load().unwrap_or_default();
    let by_hand = |level| Operation::SetMode { from: None, level, reason: Reason::ByHand, load };
    match wanted {
        WantedLevel::Batching => by_hand(Level::Batching),
        WantedLevel::Leases => by_hand(Level::Leases),
        WantedLevel::Provisional => by_hand(Level::Provisional),
        WantedLevel::Shedding => by_hand(Level::Shedding),
        WantedLevel::Auto => {
            let epoch = view.ledger().epoch();
            Operation::SetMode { from: Some(epoch.number), level: epoch.level, reason: Reason::Resumed, load }
        }
    }
}
