//! Why a request of an original client is not done, and how it is told.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::base::room::BadRoom;
use shared::ledger::Rejection;
use shared::replica::io::CommandRejection;
use thiserror::Error;

use super::PATIENCE;
use super::input::{Input, MAX_BODY_BYTES};
use super::people::Person;
use crate::node::NoRoom;
use crate::rejections;

/// After how many seconds those may try again who are turned away for a passing reason.
const RETRY_AFTER: u32 = 1;

/// Why a request is not done.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error("{0}")]
    BadRoom(BadRoom),
    #[error("the query of the URL cannot be read: {0}")]
    BadQuery(String),
    #[error("this is not the link secret of the relay: send the right one, or none to ask as everybody does")]
    NotOperator,
    #[error("the method is not the right one for this route: see docs/reference/legacy-api.md")]
    WrongMethod,
    #[error("the body is not declared as JSON: send it with `Content-Type: application/json`")]
    NotDeclaredJson,
    #[error("the body ended too early: send all of it")]
    BrokenBody,
    #[error("the body is longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    #[error("there is no name: send a JSON object such as {}", Person::EXAMPLE)]
    NoName,
    #[error("this is no JSON: {0}; send a JSON object such as {1}")]
    NotJson(String, &'static str),
    #[error("{0}; send a JSON object such as {1}")]
    WrongFields(String, &'static str),
    #[error("there is no event `{0}`: see docs/reference/legacy-api.md")]
    UnknownEvent(String),
    #[error("the records of this relay have no field of text that could be the name")]
    NoTitle,
    #[error(transparent)]
    Rejected(#[from] CommandRejection),
    #[error("no majority of the voters can be reached from here: nothing was done; try again, or ask another relay")]
    NoMajority,
    #[error(
        "not decided within {} s, and it may still be: look with /get_data before you try again", PATIENCE.as_secs()
    )]
    Undecided,
    #[error(
        "the relay is stopping: {0} was added, but the number was not proposed: send the same again to another relay"
    )]
    NameAlone(String),
    #[error("the room could not be read within {} s: try again later, or ask another relay", PATIENCE.as_secs())]
    ReadTooLong,
    #[error("too much is under way for this client: wait for answers before you ask for more")]
    Busy,
    #[error("too many clients are connected: try again later, or ask another relay")]
    Full,
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// How much is repeated of what a client has sent, in characters.
const MAX_REPEATED: usize = 200;

/// A refusal as the body of an answer.
#[derive(Debug, Serialize)]
pub struct Told {
    error: String,
}

impl Refusal {
    /// Fields are missing, or of another type.
    pub fn wrong_fields(reason: impl ToString, example: &'static str) -> Self {
        Refusal::WrongFields(shortened(&reason.to_string()), example)
    }

    pub fn unknown_event(event: &str) -> Self {
        Refusal::UnknownEvent(shortened(event))
    }

    pub fn told(&self) -> Told {
        Told { error: self.to_string() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Refusal::NotOperator => StatusCode::UNAUTHORIZED,
            Refusal::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::NotDeclaredJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::BadRoom(_)
            | Refusal::BadQuery(_)
            | Refusal::BrokenBody
            | Refusal::NotJson(..)
            | Refusal::NoName => StatusCode::BAD_REQUEST,
            Refusal::WrongFields(..) | Refusal::UnknownEvent(_) | Refusal::NoTitle => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Rejected(rejection) => rejections::of_command(rejection).legacy,
            Refusal::NoRoom(no_room) => rejections::of_room(no_room),
            Refusal::NoMajority
            | Refusal::Undecided
            | Refusal::NameAlone(_)
            | Refusal::ReadTooLong
            | Refusal::Busy
            | Refusal::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn retry_after_seconds(&self) -> u32 {
        match self {
            Refusal::Rejected(CommandRejection::Shedding { retry_after_ms, .. }) => retry_after_ms.div_ceil(1000),
            _ => RETRY_AFTER,
        }
    }
}

/// Whoever sends much is not sent all of it back.
pub fn shortened(text: &str) -> String {
    text.chars().take(MAX_REPEATED).collect()
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Refusal::Rejected(CommandRejection::Refused(rejection))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(self.told())).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after_seconds()));
        }
        response
    }
}
