//! What goes wrong, as `application/problem+json` (RFC 9457).

use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::ledger::Rejection;
use shared::replica::io::CommandRejection;
use utoipa::{IntoResponses, ToSchema};

use super::ids::{self, NotAnId};
use crate::node::NoRoom;

/// After how long whoever is turned away for now may come again, in milliseconds, where nothing better is known.
const RETRY_AFTER_MS: u32 = 1000;

/// The same for those who have opened too many rooms.
const RETRY_AFTER_NEW_ROOMS_MS: u32 = 60_000;

/// Why a request was not done.
#[derive(Clone, Debug, Serialize, ToSchema, IntoResponses)]
#[response(status = "default", description = "Why the request was not done", content_type = "application/problem+json")]
pub struct Problem {
    /// Names the kind of problem; it does not change, and programs may go by it.
    #[serde(rename = "type")]
    #[schema(example = "urn:duet:problem:number-taken")]
    kind: String,
    #[schema(example = "Number taken")]
    title: String,
    #[schema(example = 409)]
    status: u16,
    /// What happened, and what to do.
    #[schema(example = "number 42 belongs to another record already, since slot 17")]
    detail: String,
    /// What programs may want to know besides, such as `owner`, `slot` or `retry_after_ms`.
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Problem {
    /// A problem of a kind, which is a few words with hyphens between them.
    pub fn new(status: StatusCode, kind: &str, detail: impl ToString) -> Self {
        let mut title = kind.replace('-', " ");
        title[..1].make_ascii_uppercase();
        let kind = format!("urn:duet:problem:{kind}");
        Problem { kind, title, status: status.as_u16(), detail: detail.to_string(), more: Map::new() }
    }

    /// The same, with something more for programs.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub fn not_found(detail: impl ToString) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// The request is well-formed, and cannot be meant.
    pub fn unprocessable(detail: impl ToString) -> Self {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", detail)
    }

    pub fn bad_request(detail: impl ToString) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// It cannot be done for now.
    pub fn unavailable(kind: &str, detail: impl ToString) -> Self {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, detail);
        problem.with("retry_after_ms", RETRY_AFTER_MS)
    }

    /// Another relay has the key of the request, and does not say what came of it.
    pub fn under_way() -> Self {
        let detail = "another relay is at this request, or has ended in the midst of it: ask again later under the same Idempotency-Key, which does it once at the most";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let retry_after = self.more.get("retry_after_ms").and_then(Value::as_u64);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(ms) = retry_after {
            // The header knows whole seconds only (RFC 9110, §10.2.3).
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
        }
        response
    }
}

impl From<NotAnId> for Problem {
    fn from(not_an_id: NotAnId) -> Self {
        Problem::bad_request(not_an_id)
    }
}

impl From<NoRoom> for Problem {
    fn from(no_room: NoRoom) -> Self {
        match no_room {
            NoRoom::Stopping => Problem::unavailable("stopping", no_room),
            NoRoom::Unknown => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", no_room),
            NoRoom::Missing => Problem::new(StatusCode::NOT_FOUND, "room-not-found", no_room),
            NoRoom::TooMany { limit } => Problem::unavailable("too-many-rooms", no_room).with("limit", limit),
            NoRoom::TooFast => Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-new-rooms", no_room)
                .with("retry_after_ms", RETRY_AFTER_NEW_ROOMS_MS),
            NoRoom::Failed => Problem::unavailable("room-failed", no_room),
            NoRoom::Closed => Problem::unavailable("room-closed", no_room),
            NoRoom::ReadFailed => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", no_room),
        }
    }
}

impl From<CommandRejection> for Problem {
    fn from(rejection: CommandRejection) -> Self {
        let kind_of = |status, kind| Problem::new(status, kind, &rejection);
        match rejection {
            CommandRejection::Refused(refused) => refused.into(),
            CommandRejection::UnknownRecord => kind_of(StatusCode::NOT_FOUND, "unknown-record"),
            CommandRejection::Schema(_) => kind_of(StatusCode::UNPROCESSABLE_ENTITY, "schema-violation"),
            CommandRejection::TooLarge => kind_of(StatusCode::PAYLOAD_TOO_LARGE, "record-too-large"),
            CommandRejection::TooManyWaiting { waiting } => {
                Problem::unavailable("too-many-waiting", &rejection).with("waiting", waiting)
            }
            CommandRejection::Shedding { unsettled, retry_after_ms } => Problem::unavailable("shedding", &rejection)
                .with("unsettled", unsettled)
                .with("retry_after_ms", retry_after_ms),
            CommandRejection::NoMajority => Problem::unavailable("no-majority", &rejection),
            CommandRejection::NotForTabs => kind_of(StatusCode::FORBIDDEN, "not-allowed"),
            CommandRejection::OutOfDots(_)
            | CommandRejection::NothingToUndo
            | CommandRejection::ChangedSince
            | CommandRejection::VotersAway { .. }
            | CommandRejection::Restored
            | CommandRejection::StillInUse { .. } => kind_of(StatusCode::CONFLICT, "refused"),
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let conflict = |kind| Problem::new(StatusCode::CONFLICT, kind, rejection);
        match rejection {
            Rejection::NumberTaken { number, owner, slot } => {
                let problem = conflict("number-taken").with("number", number);
                problem.with("owner", ids::of_record(owner)).with("slot", slot.0)
            }
            Rejection::NumberLeased { number, to } => {
                conflict("number-leased").with("number", number).with("leased_to", ids::of_replica(to))
            }
            Rejection::AlreadyNumbered { number, slot } => {
                conflict("already-numbered").with("number", number).with("slot", slot.0)
            }
            Rejection::NotNumbered => conflict("not-numbered"),
            Rejection::Changed { now } => {
                conflict("changed").with("now", now.map(|now| json!({"number": now.number, "slot": now.slot.0})))
            }
            Rejection::Exhausted => conflict("exhausted"),
            Rejection::TooFarAhead { number, highest, most } => {
                conflict("too-far-ahead").with("number", number).with("highest", highest).with("most", most)
            }
            Rejection::Forgotten => conflict("forgotten"),
            Rejection::Repeated => conflict("repeated"),
            Rejection::KeyUsedOtherwise => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-used-otherwise", rejection)
            }
            Rejection::OtherEpoch { epoch } => conflict("other-epoch").with("epoch", epoch),
            Rejection::ResolvedAlready { resolution } => {
                conflict("resolved-already").with("resolution", json!(resolution))
            }
            Rejection::UnknownConflict => Problem::not_found(rejection),
            Rejection::OutOfRange { number } => Problem::unprocessable(rejection).with("number", number),
            Rejection::RangeLength { .. } => Problem::unprocessable(rejection),
            Rejection::BadSetting { setting, least, most } => {
                let problem = Problem::unprocessable(rejection).with("setting", setting.to_string());
                problem.with("least", least).with("most", most)
            }
            Rejection::OtherConfiguration { .. }
            | Rejection::ReconfigurationUnderWay { .. }
            | Rejection::NoVoters
            | Rejection::TwoVoters
            | Rejection::TooManyVoters => conflict("refused"),
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let kind = match rejection.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported-media-type",
            StatusCode::PAYLOAD_TOO_LARGE => "body-too-large",
            StatusCode::UNPROCESSABLE_ENTITY => "unprocessable",
            _ => return Problem::bad_request(rejection.body_text()),
        };
        Problem::new(rejection.status(), kind, rejection.body_text())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(rejection.status(), "body-too-large", rejection.body_text()),
            _ => Problem::bad_request(rejection.body_text()),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Problem::bad_request(rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Problem::bad_request(rejection.body_text())
    }
}
