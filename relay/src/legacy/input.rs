//! What comes from clients, which may be anything.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use shared::wire::Room;

use super::refusal::Refusal;
use super::socket_io;
use super::{DEFAULT_ROOM, Original};
use crate::api;
use crate::app::App;

/// The longest body that is looked at.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The longest body that is read to its end, so that whoever sends it can hear that it is too long.
const MAX_DRAINED_BYTES: usize = 4 * 1024 * 1024;

/// What a client may ask with.
pub trait Input: DeserializeOwned {
    /// For those who got it wrong.
    const EXAMPLE: &'static str;
    /// Whether no body at all means the same as an empty object.
    const MAY_BE_EMPTY: bool = false;

    /// # Errors
    /// If fields are missing, or of another type. Those that are not known are ignored, as the original did.
    fn from_object(object: Map<String, Value>) -> Result<Self, Refusal> {
        serde_json::from_value(Value::Object(object)).map_err(|error| Refusal::wrong_fields(error, Self::EXAMPLE))
    }
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
    #[derive(Debug, Deserialize)]
    struct Any(Value);

    impl Input for Any {
        const EXAMPLE: &'static str = "{}";
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
