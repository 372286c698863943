//! What comes from clients, which may be anything.

use std::fmt::Display;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use shared::base::room::Room;

use super::refusal::{Refusal, shortened};
use super::socket_io;
use super::{DEFAULT_ROOM, Original};
use crate::api;
use crate::app::App;

/// The longest body that is looked at.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The longest body that is read to its end, so that whoever sends it can hear that it is too long.
const MAX_DRAINED_BYTES: usize = 4 * 1024 * 1024;

/// What a client may ask with.
pub trait Input: Sized {
    /// For those who got it wrong.
    const EXAMPLE: &'static str;
    /// Whether no body at all means the same as an empty object.
    const MAY_BE_EMPTY: bool = false;

    /// Reads it out of an object. Members that are not known are ignored, as the original did.
    ///
    /// # Errors
    /// Which member is missing, or of another type.
    fn from_members(members: &Members) -> Result<Self, String>;

    /// # Errors
    /// If members are missing, or of another type.
    fn from_object(object: Map<String, Value>) -> Result<Self, Refusal> {
        Self::from_members(&Members(object)).map_err(|reason| Refusal::wrong_fields(reason, Self::EXAMPLE))
    }
}

/// The members of an object that a client has sent. Each value is taken as it is, or refused.
pub struct Members(Map<String, Value>);

impl Members {
    /// A text; `None` if there is none, or `null`.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(must_be(name, "a text", other)),
        }
    }

    /// A text that must be there, though it may be empty.
    ///
    /// # Errors
    /// If it is missing, or anything else.
    pub fn wanted_text(&self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| self.no_value(name, "a text"))
    }

    /// A whole number of 64 bits, written as a number. A text with digits is none, nor is a fraction.
    ///
    /// # Errors
    /// If it is missing, or anything else.
    pub fn whole_number(&self, name: &str) -> Result<i64, String> {
        self.number(name, "a whole number of 64 bits", Number::as_i64)
    }

    /// The same of a number that is not negative.
    ///
    /// # Errors
    /// If it is missing, or anything else.
    pub fn count(&self, name: &str) -> Result<u64, String> {
        self.number(name, "a whole number of 64 bits, 0 or more", Number::as_u64)
    }

    fn number<T>(&self, name: &str, wanted: &str, read: impl Fn(&Number) -> Option<T>) -> Result<T, String> {
        match self.0.get(name) {
            Some(Value::Number(number)) => read(number).ok_or_else(|| must_be(name, wanted, number)),
            _ => Err(self.no_value(name, wanted)),
        }
    }

    /// Yes or no; `None` if neither is said.
    ///
    /// # Errors
    /// If it is anything else, also `null`.
    pub fn yes_or_no(&self, name: &str) -> Result<Option<bool>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(is_so)) => Ok(Some(*is_so)),
            Some(other) => Err(must_be(name, "true or false", other)),
        }
    }

    fn no_value(&self, name: &str, wanted: &str) -> String {
        match self.0.get(name) {
            None => format!("`{name}` is missing: it must be {wanted}"),
            Some(other) => must_be(name, wanted, other),
        }
    }
}

fn must_be(name: &str, wanted: &str, given: impl Display) -> String {
    format!("`{name}` must be {wanted}, not {}", shortened(&given.to_string()))
}

/// The body of a request.
pub struct JsonBody<T>(pub T);

impl<T: Input, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let is_json = is_declared_json(request.headers());
        let body = read(request.into_body()).await?;
        if T::MAY_BE_EMPTY && body.is_empty() {
            return T::from_object(Map::new()).map(JsonBody);
        }
        if !is_json {
            return Err(Refusal::NotDeclaredJson);
        }
        T::from_object(parse(&body, T::EXAMPLE)?).map(JsonBody)
    }
}

fn is_declared_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::BrokenBody)?;
        length += chunk.len();
        if length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&chunk);
        } else if length > MAX_DRAINED_BYTES {
            break;
        }
    }
    if length > MAX_BODY_BYTES { Err(Refusal::TooLong) } else { Ok(bytes) }
}

fn parse(body: &[u8], example: &'static str) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::wrong_fields("this is no object", example)),
        Err(error) => Err(Refusal::NotJson(error.to_string(), example)),
    }
}

#[derive(Deserialize)]
struct RoomParameter {
    room: Option<String>,
}

/// Looks for which room a client asks.
impl FromRequestParts<App> for Original {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let query = Query::<RoomParameter>::try_from_uri(&parts.uri);
        let Query(RoomParameter { room }) = query.map_err(|error| Refusal::BadQuery(error.body_text()))?;
        let room = room.unwrap_or_else(|| DEFAULT_ROOM.to_owned());
        let original = Original::new(app.node.clone(), Room::try_from(room).map_err(Refusal::BadRoom)?);
        // Clients of Socket.IO post what they say, and say only later what it is about.
        if parts.method == Method::POST && !parts.uri.path().starts_with(socket_io::PATH) {
            let address = api::address(&parts.extensions);
            original.node.pay(address, api::body_bytes(&parts.headers)).await;
            original.enter(address).await?;
        }
        Ok(original)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parsed(content_type: Option<&str>, body: impl Into<Body>) -> Result<Value, Refusal> {
        let mut request = Request::new(body.into());
        if let Some(content_type) = content_type {
            request.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        JsonBody::<Any>::from_request(request, &()).await.map(|JsonBody(Any(value))| value)
    }

    /// Any object.
    #[derive(Debug)]
    struct Any(Value);

    impl Input for Any {
        const EXAMPLE: &'static str = "{}";

        fn from_members(Members(object): &Members) -> Result<Self, String> {
            Ok(Any(Value::Object(object.clone())))
        }
    }

    const JSON: Option<&str> = Some("application/json");

    #[tokio::test]
    async fn a_body_is_json_if_it_says_so() {
        for declared in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert!(parsed(Some(declared), "{}").await.is_ok(), "{declared}");
        }
        for declared in [None, Some("text/plain"), Some("application/jsonp")] {
            assert!(matches!(parsed(declared, "{}").await, Err(Refusal::NotDeclaredJson)), "{declared:?}");
        }
    }

    #[test]
    fn each_value_is_taken_as_it_is_or_refused_with_the_reason() {
        let number = |json: &str| {
            let object = serde_json::from_str(&format!(r#"{{"n": {json}}}"#)).expect("an object");
            Members(object).whole_number("n")
        };
        for (json, expected) in
            [("7", 7), ("-7", -7), ("9223372036854775807", i64::MAX), ("9007199254740993", 9007199254740993)]
        {
            assert_eq!(number(json), Ok(expected));
        }
        for json in ["null", "true", "\"7\"", "[7]", "7.5", "7.0", "1e3", "9223372036854775808", "-0.1"] {
            let refused = number(json).expect_err(json);
            assert!(refused.starts_with("`n` must be a whole number of 64 bits, not "), "{json}: {refused}");
        }
        let members = Members(Map::from_iter([("t".to_owned(), Value::from(" Zo\u{eb}\n"))]));
        assert_eq!(members.wanted_text("t").as_deref(), Ok(" Zo\u{eb}\n"));
        assert_eq!(members.wanted_text("u"), Err("`u` is missing: it must be a text".to_owned()));
        assert_eq!(
            members.whole_number("t"),
            Err("`t` must be a whole number of 64 bits, not \" Zo\u{eb}\\n\"".to_owned())
        );
    }

    #[tokio::test]
    async fn only_objects_are_taken() {
        for body in ["[]", "null", "7", "\"{}\""] {
            assert!(matches!(parsed(JSON, body).await, Err(Refusal::WrongFields(..))), "{body}");
        }
        for body in ["", "{", "{} {}", "\u{feff}{}"] {
            assert!(matches!(parsed(JSON, body).await, Err(Refusal::NotJson(..))), "{body}");
        }
    }

    #[tokio::test]
    async fn a_body_may_be_so_long_and_no_longer() {
        let padded = |length: usize| format!("{{}}{}", " ".repeat(length - 2));
        assert!(parsed(JSON, padded(MAX_BODY_BYTES)).await.is_ok());
        for length in [MAX_BODY_BYTES + 1, MAX_DRAINED_BYTES + 1] {
            assert!(matches!(parsed(JSON, padded(length)).await, Err(Refusal::TooLong)));
        }
    }
}
