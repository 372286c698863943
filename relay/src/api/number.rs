//! `/records/{id}/number`: the number of a record, by what it rests on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::ledger::finality::Numbering;
use shared::replica::io::{Command, Reply};
use shared::replica::{AgreedState, AgreedView};
use utoipa::ToSchema;

use super::Api;
use super::consistency::Read;
use super::extract::{Body, OfRecord, RecordPath};
use super::idempotency::{KeyHeader, Once, Since};
use super::ids;
use super::problem::Problem;

/// The number of a record. Only `final` has a `value`: what may still change is `for_now`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Number {
    /// It is the record's, until somebody asks to free it.
    Final {
        value: u64,
        /// Where in the log it was decided. Missing as long as only the lease says so from which it was given.
        #[serde(skip_serializing_if = "Option::is_none")]
        slot: Option<u64>,
    },
    /// Given without agreement: the log will make it final, replace it, or reject it.
    Provisional {
        for_now: u64,
        /// All, if replicas have given it different ones.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<u64>,
    },
    /// Asked for, and not decided, or not released.
    Pending {
        /// Missing if it is to be the next one.
        #[serde(skip_serializing_if = "Option::is_none")]
        wanted: Option<u64>,
    },
}

impl Number {
    pub fn of(view: &AgreedView) -> Option<Number> {
        match view.state() {
            AgreedState::None => None,
            AgreedState::Final(held) => Some(Number::Final { value: held.get().number, slot: Some(held.get().slot.0) }),
            AgreedState::Leased(number) => Some(Number::Final { value: number.into_inner(), slot: None }),
            AgreedState::Unreleased(decided) => Some(Number::Pending { wanted: Some(decided.number) }),
            AgreedState::Provisional(oldest) => {
                let given: Vec<u64> = view.provisional.iter().map(|unsettled| unsettled.for_now().number).collect();
                let for_now = oldest.for_now().number;
                let differ = given.iter().any(|&number| number != for_now);
                Some(Number::Provisional { for_now, candidates: if differ { given } else { Vec::new() } })
            }
            AgreedState::Pending { wanted } => Some(Number::Pending { wanted }),
        }
    }
}

impl Number {
    /// The name of its state.
    pub fn state(&self) -> &'static str {
        match self {
            Number::Final { .. } => "final",
            Number::Provisional { .. } => "provisional",
            Number::Pending { .. } => "pending",
        }
    }

    /// What to write down beside the state.
    pub fn value_for_now(&self) -> Option<u64> {
        match *self {
            Number::Final { value, .. } => Some(value),
            Number::Provisional { for_now, .. } => Some(for_now),
            Number::Pending { wanted } => wanted,
        }
    }
}

impl From<Numbering> for Number {
    fn from(numbering: Numbering) -> Self {
        match numbering {
            Numbering::Final(number) => Number::Final { value: number.into_inner(), slot: None },
            Numbering::Provisional(number) => {
                Number::Provisional { for_now: *number.for_now(), candidates: Vec::new() }
            }
        }
    }
}

/// Which number is wanted: a certain one, or `"next"`.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "a number is wanted as a positive whole number, or as \"next\"")]
pub enum WhichNumber {
    This(u64),
    Next(Next),
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Next {
    Next,
}

impl WhichNumber {
    /// The number, or `None` for the next one.
    pub fn number(self) -> Option<u64> {
        match self {
            WhichNumber::This(number) => Some(number),
            WhichNumber::Next(Next::Next) => None,
        }
    }
}

/// Which number a record is to get.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedNumber {
    number: WhichNumber,
}

/// A record and its number.
#[derive(Debug, Serialize, ToSchema)]
pub struct Numbered {
    id: String,
    number: Option<Number>,
}

/// Gives a record a number
///
/// How, and so whether it is final at once, depends on the mode of the room; under an `Idempotency-Key` the log is asked in
/// every mode. Asking for the number that the record has
/// is refused: free it first.
#[utoipa::path(
    put, path = "/records/{id}/number", tag = "records", operation_id = "give_number",
    params(RecordPath, KeyHeader, Since),
    request_body = WantedNumber,
    responses((status = 200, description = "The record has this number", body = Numbered), Problem)
)]
pub async fn put(
    State(api): State<Api>,
    OfRecord(room, record): OfRecord,
    once: Once,
    Body(WantedNumber { number }): Body<WantedNumber>,
) -> Result<Read<Json<Numbered>>, Problem> {
    let command = Command::Number { record, number: number.number() };
    let given = match api.command_once(room.clone(), once, command).await? {
        Reply::Numbered(numbering) => Number::from(numbering),
        other => unreachable!("a number was asked for, not {other:?}"),
    };
    let read = api.read_after(room, move |view| view.record(record)).await?;
    // Whoever removes the record meanwhile does not make untrue what was given.
    read.and_then(|record_now| {
        let number = record_now.and_then(|now| Number::of(&now.number)).unwrap_or(given);
        Ok(Json(Numbered { id: ids::of_record(record), number: Some(number) }))
    })
}

/// Takes a record's number from it
///
/// The number is free again, but it is not the next one: it has to be asked for. Also of a record that is removed.
#[utoipa::path(
    delete, path = "/records/{id}/number", tag = "records", operation_id = "free_number",
    params(RecordPath, KeyHeader, Since),
    responses((status = 204, description = "The record has no number"), Problem)
)]
pub async fn delete(
    State(api): State<Api>,
    OfRecord(room, record): OfRecord,
    once: Once,
) -> Result<StatusCode, Problem> {
    api.command_once(room, once, Command::Free { record }).await?;
    Ok(StatusCode::NO_CONTENT)
}
