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
use crate::rejections;

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
        let problem = |kind| Problem::new(rejections::of_room(&no_room), kind, no_room);
        let later = |kind| problem(kind).with("retry_after_ms", RETRY_AFTER_MS);
        match no_room {
            NoRoom::Stopping => later("stopping"),
            NoRoom::Unknown => problem("outcome-unknown"),
            NoRoom::Missing => problem("room-not-found"),
            NoRoom::TooMany { limit } => later("too-many-rooms").with("limit", limit),
            NoRoom::TooFast => problem("too-many-new-rooms").with("retry_after_ms", RETRY_AFTER_NEW_ROOMS_MS),
            NoRoom::Failed => later("room-failed"),
            NoRoom::Closed => later("room-closed"),
            NoRoom::ReadFailed => problem("internal-error"),
        }
    }
}

impl From<CommandRejection> for Problem {
    fn from(rejection: CommandRejection) -> Self {
        let problem = Problem::new(rejections::of_command(&rejection).api, rejection.code(), &rejection);
        match rejection {
            CommandRejection::Refused(rejection) => problem.with_values_of(rejection),
            CommandRejection::TooManyWaiting { waiting } => {
                problem.with("retry_after_ms", RETRY_AFTER_MS).with("waiting", waiting)
            }
            CommandRejection::Shedding { unsettled, retry_after_ms } => {
                problem.with("unsettled", unsettled).with("retry_after_ms", retry_after_ms)
            }
            CommandRejection::NoMajority => problem.with("retry_after_ms", RETRY_AFTER_MS),
            _ => problem,
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        CommandRejection::Refused(rejection).into()
    }
}

impl Problem {
    /// The same, with what the log says besides.
    fn with_values_of(self, rejection: Rejection) -> Self {
        match rejection {
            Rejection::NumberTaken { number, owner, slot } => {
                self.with("number", number).with("owner", ids::of_record(owner)).with("slot", slot.0)
            }
            Rejection::NumberLeased { number, to } => {
                self.with("number", number).with("leased_to", ids::of_replica(to))
            }
            Rejection::AlreadyNumbered { number, slot } => self.with("number", number).with("slot", slot.0),
            Rejection::Changed { now } => {
                self.with("now", now.map(|now| json!({"number": now.number, "slot": now.slot.0})))
            }
            Rejection::TooFarAhead { number, highest, most } => {
                self.with("number", number).with("highest", highest).with("most", most)
            }
            Rejection::OtherEpoch { epoch } => self.with("epoch", epoch),
            Rejection::ResolvedAlready { resolution } => self.with("resolution", json!(resolution)),
            Rejection::OutOfRange { number } => self.with("number", number),
            Rejection::BadSetting { setting, least, most } => {
                self.with("setting", setting.to_string()).with("least", least).with("most", most)
            }
            _ => self,
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
