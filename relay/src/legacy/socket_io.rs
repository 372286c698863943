//! The original's Socket.IO events.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::wire::Room;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Event, HttpExtension, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::debug;

use super::input::Input;
use super::people::{Entry, Person, in_background};
use super::refusal::{Refusal, Told, shortened};
use super::{Original, updates};
use crate::api;
use crate::app::App;
use crate::node::NodeHandle;

/// Where the endpoint is.
pub const PATH: &str = "/socket.io";
/// How many clients may be connected.
const MAX_CLIENTS: usize = 1024;
/// How many events of one client may be under way.
const MAX_EVENTS: usize = 32;
/// How many answers may wait for one client; it misses those beyond.
const MAX_WAITING: usize = 64;
/// The longest packet of a client, in bytes. Far longer than what is of use, so that clients are told what was wrong.
const MAX_PACKET_BYTES: usize = 1024 * 1024;

/// One client, from its handshake on.
#[derive(Clone)]
pub struct Client {
    node: NodeHandle,
    room: Room,
    /// Where it comes from.
    address: IpAddr,
    /// A permit for each event that may be under way.
    events: Arc<Semaphore>,
    /// Its place among all clients.
    _place: Arc<OwnedSemaphorePermit>,
}

impl Client {
    pub fn room(&self) -> Room {
        self.room.clone()
    }
}

/// What an `error` event says.
#[derive(Serialize)]
struct Failed<'a> {
    /// The event that failed.
    event: String,
    #[serde(flatten)]
    told: &'a Told,
}

/// The Socket.IO endpoint.
pub fn router(app: &App) -> Router<App> {
    let builder = SocketIo::builder().max_payload(MAX_PACKET_BYTES as u64).max_buffer_size(MAX_WAITING);
    let builder = builder.ws_max_message_size(MAX_PACKET_BYTES).ws_max_frame_size(MAX_PACKET_BYTES);
    let (service, io) = builder.build_svc();
    // All before a client learns that it is connected: it misses nothing then, and nothing that it says is missed.
    io.ns("/", (async || {}).with(greet));
    tokio::spawn(updates::tell(io, app.node.clone()));
    let entrance = Entrance { app: app.clone(), places: Arc::new(Semaphore::new(MAX_CLIENTS)) };
    Router::new()
        .route_service(PATH, service.clone())
        .route_service(&format!("{PATH}/"), service)
        .layer(middleware::from_fn_with_state(entrance, admit))
}

/// Where clients come in.
#[derive(Clone)]
struct Entrance {
    app: App,
    places: Arc<Semaphore>,
}

/// Takes one of the places for a handshake.
async fn admit(State(entrance): State<Entrance>, request: Request, next: Next) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    let Original { node, room, .. } = Original::from_request_parts(&mut parts, &entrance.app).await?;
    let has_session = parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("sid=")));
    if !has_session {
        let place = Arc::new(entrance.places.try_acquire_owned().map_err(|_| Refusal::Full)?);
        let events = Arc::new(Semaphore::new(MAX_EVENTS));
        let address = api::address(&parts.extensions);
        parts.extensions.insert(Client { node, room, address, events, _place: place });
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

async fn greet(socket: SocketRef, HttpExtension(client): HttpExtension<Client>) -> Result<(), Infallible> {
    socket.join(client.room.as_str().to_owned());
    socket.on_fallback(on_event);
    Ok(())
}

async fn on_event(
    socket: SocketRef,
    HttpExtension(client): HttpExtension<Client>,
    Event(event): Event,
    TryData(argument): TryData<Map<String, Value>>,
    ack: AckSender,
) {
    let answer = Answer { socket, event: event.clone(), ack };
    let Ok(_permit) = client.events.try_acquire() else { return answer.refuse(&Refusal::Busy) };
    let original = Original::new(client.node, client.room);
    match event.as_str() {
        "update_data" => {
            let no_object = |_| Refusal::wrong_fields("the first argument is no JSON object", Person::EXAMPLE);
            answer.acknowledge(update(original, client.address, argument.map_err(no_object)).await);
        }
        "get_socket_list" => answer.emit("socket_list", original.nodes().await),
        "get_data" => {
            let rows = original.rows().await;
            let _stopping = in_background(move || answer.emit("data", rows)).await;
        }
        "get_highest_number" => answer.emit("highest_number", original.highest().await),
        unknown => answer.refuse(&Refusal::unknown_event(unknown)),
    }
}

async fn update(
    original: Original,
    address: IpAddr,
    argument: Result<Map<String, Value>, Refusal>,
) -> Result<Entry, Refusal> {
    let person = Person::from_object(argument?)?;
    original.enter(address).await?;
    original.update(person).await
}

/// Where the answer to an event goes. A client that asks for an acknowledgement gets the answer in that, too.
struct Answer {
    socket: SocketRef,
    event: String,
    ack: AckSender,
}

impl Answer {
    /// Answers with another event.
    fn emit(self, reply: &str, outcome: Result<impl Serialize, Refusal>) {
        match outcome {
            Ok(answer) => {
                self.send(reply, &answer);
                self.acknowledge(Ok(answer));
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn acknowledge(self, outcome: Result<impl Serialize, Refusal>) {
        match outcome {
            Ok(answer) => {
                if let Err(error) = self.ack.send(&answer) {
                    debug!(%error, "a client of Socket.IO misses an acknowledgement");
                }
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn refuse(self, refusal: &Refusal) {
        let told = &refusal.told();
        self.send("error", &Failed { event: shortened(&self.event), told });
        self.acknowledge(Ok(told));
    }

    fn send(&self, event: &str, data: &impl Serialize) {
        if let Err(error) = self.socket.emit(event, data) {
            debug!(%error, event, "a client of Socket.IO misses an event");
        }
    }
}
