//! What writing to a room over HTTP costs, and which requests create a room. A read creates none, and is told how to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::base::room::Room;

use super::problem::Problem;
use super::state::Api;

/// Where the rooms are.
pub const ROOMS: &str = "/api/v1/rooms";
/// The longest body, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// Charges a request that writes to the budget of its address, and opens its room if it may create one.
pub async fn open_for_writes(State(api): State<Api>, request: Request, next: Next) -> Response {
    let address = address(request.extensions());
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        api.node().pay(address, body_bytes(request.headers())).await;
    }
    if let Some(room) = room_to_create(request.method(), request.uri().path())
        && let Err(no_room) = api.node().enter(room, address).await
    {
        return Problem::from(no_room).into_response();
    }
    next.run(request).await
}

/// Where a request comes from. Requests of which that is not known count as those of one address.
pub fn address(extensions: &Extensions) -> IpAddr {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(remote)| remote.ip())
}

/// How long a body is, as far as is known before it is read.
pub fn body_bytes(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(MAX_BODY_BYTES).min(MAX_BODY_BYTES)
}

/// The room that a request creates if there is none. Who changes or removes something that is in a room creates none.
fn room_to_create(method: &Method, path: &str) -> Option<Room> {
    let (room, resource) = path.strip_prefix(ROOMS)?.strip_prefix('/')?.split_once('/')?;
    let is_about_what_is_there = resource.contains('/');
    let writes = matches!(*method, Method::POST | Method::PUT | Method::PATCH) && !is_about_what_is_there;
    writes.then(|| Room::try_from(room.to_owned()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_adds_to_a_room_creates_it() {
        let creates = |method: Method, path: &str| room_to_create(&method, path).is_some();
        for (method, path) in [
            (Method::POST, "/api/v1/rooms/new/records"),
            (Method::POST, "/api/v1/rooms/new/mode"),
            (Method::PATCH, "/api/v1/rooms/new/settings"),
            (Method::POST, "/api/v1/rooms/new/claims"),
        ] {
            assert!(creates(method.clone(), path), "{method} {path}");
        }
        for (method, path) in [
            (Method::GET, "/api/v1/rooms/new/records"),
            (Method::PATCH, "/api/v1/rooms/new/records/1.1"),
            (Method::PUT, "/api/v1/rooms/new/records/1.1/number"),
            (Method::DELETE, "/api/v1/rooms/new/records/1.1"),
            (Method::POST, "/api/v1/rooms/new/conflicts/1.1"),
            (Method::POST, "/api/v1/rooms/a%2Fb/records"),
            (Method::POST, "/api/v1/rooms/new"),
        ] {
            assert!(!creates(method.clone(), path), "{method} {path}");
        }
    }
}
