//! `/claims`: requests to the log as they are, whatever the mode. The path and the JSON call them claims.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::ledger::{Granted, Operation, Request, RequestId};
use shared::replica::io::{Command, Reply};
use utoipa::ToSchema;

use super::Api;
use super::consistency::{Read, ReadAs};
use super::extract::{Body, InRoom, Params, RoomPath};
use super::idempotency::{Answer, Done, KeyHeader, Once, Since};
use super::ids;
use super::number::Number;
use super::problem::Problem;

/// An operation about numbers. Unlike `PUT …/number` it always waits for the log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
pub enum WantedRequest {
    /// Give `number` to `record`, if nobody has it.
    Assign { record: String, number: u64 },
    /// Give the next number above the highest to `record`.
    Allocate { record: String },
    /// Raise the highest number to `number`: what is at or below it is not allocated any more.
    Raise { number: u64 },
    /// Free the number of `record`.
    Release { record: String },
    /// Give `record` the number `to`, or none, if its number is `from`, or it has none.
    CompareAndSet { record: String, from: Option<u64>, to: Option<u64> },
}

/// What the log has decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decided {
    /// The name of the request.
    #[serde(rename = "claim")]
    request: String,
    #[serde(flatten)]
    granted: Effect,
}

/// What a granted operation did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Effect {
    Number {
        #[schema(required)]
        number: Option<Number>,
    },
    Released {
        released: u64,
    },
    Highest {
        highest: u64,
    },
}

/// A request on its way to a decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingRequest {
    #[serde(rename = "claim")]
    request: String,
    /// What is asked for. Relays ask for things of their own, too, such as leases.
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
}

/// The requests that are not decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingRequests {
    #[serde(rename = "claims")]
    requests: Vec<PendingRequest>,
}

impl TryFrom<WantedRequest> for Operation {
    type Error = Problem;

    fn try_from(wanted: WantedRequest) -> Result<Self, Problem> {
        Ok(match wanted {
            WantedRequest::Assign { record, number } => Operation::Assign { record: ids::record(&record)?, number },
            WantedRequest::Allocate { record } => Operation::Allocate { record: ids::record(&record)? },
            WantedRequest::Raise { number } => Operation::Raise { number },
            WantedRequest::Release { record } => Operation::Release { record: ids::record(&record)? },
            WantedRequest::CompareAndSet { record, from, to } => {
                Operation::CompareAndSet { record: ids::record(&record)?, from, to }
            }
        })
    }
}

impl Decided {
    fn new(request: RequestId, granted: Granted) -> Self {
        let number =
            |numbered: shared::ledger::Numbered| Number::Final { value: numbered.number, slot: Some(numbered.slot.0) };
        let granted = match granted {
            Granted::Final(numbered) => Effect::Number { number: Some(number(numbered)) },
            Granted::Set { number: set } => Effect::Number { number: set.map(number) },
            Granted::Released { number } => Effect::Released { released: number },
            Granted::Highest { number } => Effect::Highest { highest: number },
            other => unreachable!("nobody can ask here for {other:?}"),
        };
        Decided { request: name(request), granted }
    }
}

impl From<&Request> for PendingRequest {
    fn from(request: &Request) -> Self {
        let (operation, number) = match *request.operation.plain() {
            Operation::Assign { number, .. } => ("assign", Some(number)),
            Operation::Allocate { .. } => ("allocate", None),
            Operation::Raise { number } => ("raise", Some(number)),
            Operation::Release { .. } => ("release", None),
            Operation::CompareAndSet { to, .. } => ("compare_and_set", to),
            Operation::GrantRange { .. } => ("grant_range", None),
            Operation::SetMode { .. } => ("set_mode", None),
            Operation::SetDynamic { .. } => ("set_dynamic", None),
            Operation::Settle { .. } => ("settle", None),
            Operation::Resolve { .. } => ("resolve", None),
            Operation::SetPolicy { .. } => ("set_policy", None),
            Operation::Waive => ("waive", None),
            Operation::Reconfigure { .. } => ("reconfigure", None),
            Operation::Retire { .. } => ("retire", None),
            Operation::SetReach { .. } => ("set_reach", None),
            Operation::Leap { number } => ("leap", Some(number)),
            Operation::Once { .. } => ("begin", None),
            Operation::Finish { .. } => ("finish", None),
        };
        let record = request.operation.record().map(ids::of_record);
        PendingRequest { request: name(request.id), operation, record, number }
    }
}

fn name(request: RequestId) -> String {
    format!("{}.{}", ids::of_replica(request.replica), request.seq)
}

/// The requests that this relay knows of and that are not decided
#[utoipa::path(
    get, path = "/claims", tag = "claims", operation_id = "list_claims",
    params(RoomPath, ReadAs),
    responses((status = 200, description = "What is asked for and not decided, as far as this relay knows", body = PendingRequests), Problem)
)]
pub async fn pending(
    State(api): State<Api>,
    InRoom(room): InRoom,
    Params(read_as): Params<ReadAs>,
) -> Result<Read<Json<PendingRequests>>, Problem> {
    api.read(room, read_as, |view| {
        Json(PendingRequests { requests: view.pending_requests().map(PendingRequest::from).collect() })
    })
    .await
}

/// Asks the log
///
/// In every mode, and whatever else is given without the log.
#[utoipa::path(
    post, path = "/claims", tag = "claims", operation_id = "ask_claim",
    params(RoomPath, KeyHeader, Since),
    request_body = WantedRequest,
    responses((status = 200, description = "What the log has decided", body = Decided), Problem)
)]
pub async fn ask(
    State(api): State<Api>,
    InRoom(room): InRoom,
    once: Once,
    Body(wanted): Body<WantedRequest>,
) -> Answer {
    let operation = Operation::try_from(wanted)?;
    match api.command_once(room, once, Command::Ask(operation)).await? {
        Reply::Decided(request, Ok(granted)) => Ok(Done::ok(&Decided::new(request, granted))),
        other => unreachable!("the log was asked, and says {other:?}"),
    }
}
