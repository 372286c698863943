//! The original's Socket.IO events. Those of one client are done one after the other, in the order in which it sent them.

use std::convert::Infallible;
use std::future::ready;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use shared::base::room::Room;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Event, HttpExtension, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use tokio::sync::mpsc;
use tracing::debug;

use super::input::Input;
use super::people::{Proposal, in_background};
use super::refusal::{Refusal, Told, shortened};
use super::{Original, updates};
use crate::api;
use crate::app::App;
use crate::node::NodeHandle;
use crate::places::{ConnectionPlace, Limits, Places};

/// Where the endpoint is.
pub const PATH: &str = "/socket.io";
/// How many clients may be connected.
const MAX_CLIENTS: usize = 1024;
/// How many events of one client may wait for the one that is being done.
const MAX_EVENTS: usize = 32;
/// How many answers may wait for one client; it misses those beyond.
const MAX_WAITING: usize = 64;
/// The longest packet of a client, in bytes. Far longer than what is of use, so that clients are told what was wrong.
const MAX_PACKET_BYTES: usize = 1024 * 1024;

/// One client, from its handshake on.
#[derive(Clone)]
struct Client {
    node: NodeHandle,
    room: Room,
    /// Where it comes from.
    address: IpAddr,
    /// Its place among all clients.
    _place: Arc<ConnectionPlace>,
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
    let entrance = Entrance { app: app.clone(), places: Places::new(Limits::shared(MAX_CLIENTS)) };
    Router::new()
        .route_service(PATH, service.clone())
        .route_service(&format!("{PATH}/"), service)
        .layer(middleware::from_fn_with_state(entrance, admit))
}

/// Where clients come in.
#[derive(Clone)]
struct Entrance {
    app: App,
    places: Places,
}

/// Takes one of the places for a handshake.
async fn admit(State(entrance): State<Entrance>, request: Request, next: Next) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    let Original { node, room, .. } = Original::from_request_parts(&mut parts, &entrance.app).await?;
    let has_session = parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("sid=")));
    if !has_session {
        let address = api::address(&parts.extensions);
        let place = Arc::new(entrance.places.take(address).map_err(|_| Refusal::Full)?);
        // It is never given to another one.
        place.speaks();
        parts.extensions.insert(Client { node, room, address, _place: place });
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

async fn greet(socket: SocketRef, HttpExtension(client): HttpExtension<Client>) -> Result<(), Infallible> {
    socket.join(client.room.as_str().to_owned());
    let (events, queue) = mpsc::channel(MAX_EVENTS);
    tokio::spawn(do_in_order(client, queue));
    // The library calls a handler before it reads the next event, and awaits it beside those of the next ones: so the
    // queue must be reached without awaiting.
    let enqueue = move |socket: SocketRef, Event(event): Event, TryData(argument): TryData<Value>, ack: AckSender| {
        let answer = Answer { socket, event, ack };
        if let Err(full) = events.try_send(Said { answer, argument: argument.unwrap_or_default() }) {
            full.into_inner().answer.refuse(&Refusal::Busy);
        }
        ready(())
    };
    socket.on_fallback(enqueue);
    Ok(())
}

/// An event of a client.
struct Said {
    answer: Answer,
    /// The first argument; `null` if there is none.
    argument: Value,
}

/// Does what a client wants until it is gone.
async fn do_in_order(client: Client, mut queue: mpsc::Receiver<Said>) {
    while let Some(Said { answer, argument }) = queue.recv().await {
        // It costs the budget of the address as any other request does.
        client.node.pay(client.address, argument.to_string().len()).await;
        let original = Original::new(client.node.clone(), client.room.clone());
        match answer.event.as_str() {
            "update_data" => answer.acknowledge(update(original, client.address, argument).await),
            "get_socket_list" => answer.emit("socket_list", original.sockets().await),
            "get_data" => {
                let people = original.people().await;
                let _stopping = in_background(move || answer.emit("data", people)).await;
            }
            "get_highest_number" => answer.emit("highest_number", original.highest().await),
            unknown => {
                let refusal = Refusal::unknown_event(unknown);
                answer.refuse(&refusal);
            }
        }
    }
}

async fn update(original: Original, address: IpAddr, argument: Value) -> Result<Proposal, Refusal> {
    let Value::Object(argument) = argument else {
        return Err(Refusal::wrong_fields("the first argument is no JSON object", Proposal::EXAMPLE));
    };
    let proposal = Proposal::from_object(argument)?;
    original.enter(address).await?;
    original.update(&proposal).await?;
    Ok(proposal)
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
