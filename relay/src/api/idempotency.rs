//! Requests under a key: asked again, at whichever relay, they are answered again, and not done again.
//!
//! Which request has a key is a fact of the room's log. Here is only what the header says, the hash by which two requests
//! are told apart, and how long a repetition waits for another relay.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::base::room::Room;
use shared::consensus::Slot;
use shared::ledger::{Granted, Key, Keyed, Operation};
use shared::replica::View;
use shared::replica::io::{Command, Reply};
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;

use super::Api;
use super::consistency;
use super::extract::Params;
use super::problem::Problem;
use crate::node::NoRoom;

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;
/// The name of the header.
const HEADER: &str = "idempotency-key";
/// How long a repetition waits for what another relay is at under the same key. Shorter than a request may take.
const UNDER_WAY_FOR: Duration = Duration::from_secs(5);

/// The header, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is read from the head of a request, which the document is to tell of")]
pub struct KeyHeader {
    /// A name that the client chooses anew for each request. The same request may be made again under it, at any relay,
    /// and is done once.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$")]
    key: Option<String>,
}

/// How far a client knew the log.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// How far the client knew the log when it first made the request: the header `Duet-Applied` of any earlier answer. With
    /// it a request whose key is not remembered any more is refused, and never done twice.
    #[serde(default, deserialize_with = "consistency::slot")]
    #[param(maximum = 9_223_372_036_854_775_807_u64)]
    seen: Option<u64>,
}

/// The key of a request, and a hash of what it asks for.
#[derive(Clone, Debug)]
struct Named {
    key: String,
    hash: u64,
}

/// Whether a request is made under a key.
#[derive(Clone, Debug)]
pub struct Once {
    named: Option<Named>,
    seen: Option<Slot>,
}

/// Something that was made, or decided.
#[derive(Clone, Debug)]
pub struct Done {
    status: StatusCode,
    /// As JSON.
    body: String,
    location: Option<HeaderValue>,
}

/// What a request came to.
pub type Answer = Result<Done, Problem>;

impl Done {
    pub fn ok(body: &impl Serialize) -> Self {
        Done { status: StatusCode::OK, body: serde_json::to_string(body).unwrap_or_default(), location: None }
    }

    /// Something was made, and is here.
    pub fn created(body: &impl Serialize, location: &str) -> Self {
        Done { status: StatusCode::CREATED, location: HeaderValue::from_str(location).ok(), ..Done::ok(body) }
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response();
        response.headers_mut().extend(self.location.map(|location| (header::LOCATION, location)));
        response
    }
}

/// Reads the key of a request that changes something, and hashes what it asks for.
pub async fn read_key(request: Request, next: Next) -> Response {
    match with_key(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn with_key(request: Request) -> Result<Request, Problem> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let Some(key) = key_in(request.headers())?.filter(|_| !is_read) else { return Ok(request) };
    let (parts, body) = request.into_parts();
    let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await?;
    let mut request = Request::from_parts(parts, Body::from(bytes.clone()));
    let named = Named { key, hash: hash(request.method(), request.uri().path(), &bytes) };
    request.extensions_mut().insert(named);
    Ok(request)
}

/// The one key in the head of a request, if there is one.
fn key_in(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all(HEADER).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        let detail = "two Idempotency-Key headers: a request has one key, so send one of them";
        return Err(Problem::bad_request(detail));
    }
    let key = key.to_str().ok().map(str::trim).filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
    let wrong = || Problem::bad_request(format!("an Idempotency-Key has 1 to {MAX_KEY_BYTES} ASCII characters"));
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

/// By what two requests are the same: the method, the path, and the body as JSON, however it is written.
fn hash(method: &Method, path: &str, body: &[u8]) -> u64 {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let body = json.map_or_else(|| body.to_vec(), |value| value.to_string().into_bytes());
    let head = format!("{method} {path}\n");
    let digest = Sha256::new().chain_update(head).chain_update(body).finalize();
    let first = digest.first_chunk().expect("a digest has 32 bytes");
    u64::from_be_bytes(*first)
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Params(Since { seen }) = Params::from_request_parts(parts, state).await?;
        Ok(Once { named: parts.extensions.get().cloned(), seen: seen.map(Slot) })
    }
}

impl Named {
    /// The name that every relay makes of this key in a room.
    fn key_in(&self, room: &Room) -> Key {
        let digest = Sha256::new().chain_update(room.as_str()).chain_update([0]).chain_update(&self.key).finalize();
        Key(*digest.first_chunk().expect("a digest has 32 bytes"))
    }
}

impl Api {
    /// Has this relay's replica carry out a command; under a key no relay does it again.
    pub(super) async fn command_once(&self, room: Room, once: Once, command: Command) -> Result<Reply, Problem> {
        let Some(named) = once.named else { return self.command(room, command).await };
        let since = match once.seen {
            Some(seen) => seen,
            None => self.node().read(room.clone(), |view| view.log().decided()).await?,
        };
        let keyed = Keyed { key: named.key_in(&room), hash: named.hash, since };
        let command = Command::Once { keyed, command: Box::new(command) };
        loop {
            let reply = self.command(room.clone(), command.clone()).await?;
            let until = Instant::now() + UNDER_WAY_FOR;
            let has_ended = self.wait_until(&room, move |view| has_ended_here(view, keyed.key));
            let has_ended = timeout_at(until, has_ended).await.map_err(|_| Problem::under_way())?;
            has_ended.map_err(|_| NoRoom::Unknown)?;
            if reply != Reply::UnderWay {
                return Ok(reply);
            }
        }
    }

    /// Has the log decide on an operation; under a key it does not do so again.
    pub(super) async fn decide_once(&self, room: Room, once: Once, operation: Operation) -> Result<Granted, Problem> {
        match self.command_once(room, once, Command::Ask(operation)).await? {
            Reply::Decided(_, Ok(granted)) => Ok(granted),
            other => unreachable!("the log was asked, and says {other:?}"),
        }
    }
}

/// Whether a relay knows what came of the request that has a key, and has all edits of it.
fn has_ended_here(view: View<'_>, key: Key) -> bool {
    let Some(used) = view.ledger().key_use(key) else { return true };
    used.end.is_some_and(|end| end.after.is_none_or(|after| view.document().knows(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(keys: &[&[u8]]) -> HeaderMap {
        keys.iter().map(|key| (HEADER.parse().unwrap(), HeaderValue::from_bytes(key).unwrap())).collect()
    }

    #[test]
    fn a_request_has_one_key_of_1_to_255_ascii_characters() {
        assert_eq!(key_in(&headers(&[])).unwrap(), None);
        assert_eq!(key_in(&headers(&[b"a b"])).unwrap().as_deref(), Some("a b"));
        assert!(key_in(&headers(&[&[b'x'; 255]])).is_ok());
        for wrong in [&[&b""[..]][..], &[b"  "], &[&[b'x'; 256]], &[b"\xe9"], &[b"a", b"a"], &[b"a", b"b"]] {
            assert!(key_in(&headers(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn requests_are_told_apart_by_method_path_and_what_their_bodies_say() {
        let of = |method: Method, path: &str, body: &str| hash(&method, path, body.as_bytes());
        let one = of(Method::POST, "/a", r#"{"x":1,"y":[2]}"#);
        assert_eq!(of(Method::POST, "/a", "{ \"y\" : [2],\n\"x\": 1 }"), one);
        let others = [
            of(Method::PATCH, "/a", r#"{"x":1,"y":[2]}"#),
            of(Method::POST, "/b", r#"{"x":1,"y":[2]}"#),
            of(Method::POST, "/a", r#"{"x":1,"y":[2,2]}"#),
            of(Method::POST, "/a", r#"{"x":1,"y":[2]"#),
            of(Method::POST, "/a", ""),
        ];
        assert!(!others.contains(&one));
    }

    #[test]
    fn a_key_is_another_one_in_another_room() {
        let named = Named { key: "k".to_owned(), hash: 0 };
        let room = |name: &str| Room::try_from(name.to_owned()).unwrap();
        assert_ne!(named.key_in(&room("one")), named.key_in(&room("other")));
    }
}
