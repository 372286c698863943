//! The links between relays: of each pair, the one with the lower id dials.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::extract::ws::WebSocket;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::{Sink, Stream};
use shared::id::{ReplicaId, VoterId};
use shared::io::Violation;
use shared::wire::{Encoder, Frame, Hello, MAX_FRAME_BYTES};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tracing::{debug, info, warn};

use crate::config::{Config, Secret};
use crate::node::{Connection, Me, NodeHandle, Stopped};
use crate::outbox::{self, Outbox};
use crate::socket::{self, End, Fault, Incoming, Packet, Rhythm};

/// The pings carry the news that a leader lives; a link that is silent for longer than this counts as down. A relay
/// that dies closes its links, which is noticed at once.
const RHYTHM: Rhythm = Rhythm { ping_every: Duration::from_millis(250), silence: Duration::from_millis(1500) };

/// How long connecting, and then the hello, may take.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The waits between attempts to connect double from the one to the other.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The frames of a WebSocket that are longer than this are not even read: what fits in here is refused with a reason.
pub const MAX_PACKET_BYTES: usize = MAX_FRAME_BYTES + 1024;

/// Whether a request to `/link` may come from a relay.
///
/// # Errors
/// The status and the text to refuse it with.
pub fn admit(headers: &HeaderMap, secret: Option<&Secret>) -> Result<(), (StatusCode, &'static str)> {
    // A browser always says which page it acts for, and no page is a relay.
    if headers.contains_key(header::ORIGIN) {
        return Err((StatusCode::FORBIDDEN, "links are for relays, not for pages\n"));
    }
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    match secret {
        Some(secret) if !given.is_some_and(|given| secret.matches(given)) => Err((
            StatusCode::UNAUTHORIZED,
            "wrong or no link secret: set RELAY_LINK_SECRET to the same on all relays\n",
        )),
        _ => Ok(()),
    }
}

/// Serves a link that another relay has dialed.
pub async fn serve(socket: WebSocket, node: NodeHandle, config: &Config) {
    let connection = node.connection();
    let (mut sink, packets) = socket::split_accepted(socket);
    let mut incoming = Incoming::new(packets, MAX_FRAME_BYTES);
    let end = match greet(&mut sink, &mut incoming, &connection).await {
        Ok(found) if config.peers.contains_key(&found.voter) && found.voter < config.voter => {
            run(&mut sink, &mut incoming, &connection, found).await
        }
        Ok(Found { voter: peer, .. }) => {
            let reason = format!("{} expects no link from {peer}: check --id and --peers of both", config.voter);
            warn!("link refused: {reason}");
            Violation::Malformed { reason }.into()
        }
        Err(End::Cut(violation)) => {
            warn!("link refused: {violation}");
            violation.into()
        }
        Err(end) => end,
    };
    connection.down().await;
    socket::close(sink, incoming, end).await;
}

/// Keeps a link to one relay, for as long as the process runs.
pub async fn keep(peer: VoterId, address: String, config: &Config, node: NodeHandle) {
    let mut wait = FIRST_WAIT;
    let mut last_trouble = String::new();
    loop {
        match dial(peer, &address, config, &node).await {
            Ok(End::Cut(Violation::Stopping)) => return,
            Ok(_) => {
                wait = FIRST_WAIT;
                last_trouble.clear();
            }
            // The same trouble once a second is not news.
            Err(trouble) => {
                let trouble = format!("{trouble:#}");
                if trouble == last_trouble {
                    debug!("no link to {peer} at {address}: {trouble}");
                } else {
                    info!("no link to {peer} at {address} yet: {trouble}; trying again");
                    last_trouble = trouble;
                }
            }
        }
        sleep(jittered(wait)).await;
        wait = (wait * 2).min(LAST_WAIT);
    }
}

/// Between half of `wait` and all of it, so that relays which lost one another do not try in step.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().expect("the system gives random numbers");
    wait.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

/// Connects to a relay and serves the link until it ends.
async fn dial(peer: VoterId, address: &str, config: &Config, node: &NodeHandle) -> anyhow::Result<End> {
    let socket = timeout(PATIENCE, connect(address, config.link_secret.as_ref())).await.context("no answer")??;
    let connection = node.connection();
    let (mut sink, packets) = socket::split_dialed(socket);
    let mut incoming = Incoming::new(packets, MAX_FRAME_BYTES);
    let end = match greet(&mut sink, &mut incoming, &connection).await {
        Ok(found) if found.voter == peer => run(&mut sink, &mut incoming, &connection, found).await,
        Ok(found) => bail!("{} is there instead: check --peers", found.voter),
        Err(End::Cut(violation)) => bail!(violation),
        Err(end) => return Err(anyhow!("no hello: {end}")),
    };
    connection.down().await;
    let stopping = end == End::from(Violation::Stopping);
    socket::close(sink, incoming, end).await;
    Ok(if stopping { Violation::Stopping.into() } else { End::Gone })
}

async fn connect(address: &str, secret: Option<&Secret>) -> anyhow::Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{address}/link").into_client_request()?;
    if let Some(secret) = secret {
        request.headers_mut().insert(header::AUTHORIZATION, secret.bearer().parse()?);
    }
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let limits =
        WebSocketConfig::default().max_message_size(Some(MAX_PACKET_BYTES)).max_frame_size(Some(MAX_PACKET_BYTES));
    let (socket, _response) = client_async_with_config(request, tcp, Some(limits)).await?;
    Ok(socket)
}

/// Who is at the other end of a link.
struct Found {
    voter: VoterId,
    incarnation: ReplicaId,
    /// Has written the hello of this side.
    encoder: Encoder,
}

/// Both sides say who they are, and see that they keep the same fields.
async fn greet<K, S>(sink: &mut K, incoming: &mut Incoming<S>, connection: &Connection) -> Result<Found, End>
where
    K: Sink<Packet> + Unpin,
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    let Me { voter, replica, schema } = connection.me().clone();
    let mut encoder = Encoder::default();
    socket::send(sink, &mut encoder, &Frame::Hello(Hello::Link { voter, replica, schema })).await?;
    match incoming.next(PATIENCE).await? {
        Frame::Hello(Hello::Link { schema, .. }) if schema != connection.me().schema => {
            Err(Violation::OtherSchema.into())
        }
        Frame::Hello(Hello::Link { voter, replica, .. }) => Ok(Found { voter, incarnation: replica, encoder }),
        Frame::Bye(violation) => Err(End::Told(violation)),
        _ => Err(Violation::Malformed { reason: "the first frame must be the hello of a relay".to_owned() }.into()),
    }
}

async fn run<K, S>(sink: &mut K, incoming: &mut Incoming<S>, connection: &Connection, peer: Found) -> End
where
    K: Sink<Packet> + Unpin,
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    let Found { voter, incarnation, encoder } = peer;
    info!("link to {voter} is up");
    let (outbox, queue) = outbox::queue(encoder);
    let end = socket::run(sink, queue, RHYTHM, read(incoming, connection, (voter, incarnation), outbox)).await;
    info!("link to {voter} is down: {end}");
    end
}

async fn read<S>(
    incoming: &mut Incoming<S>,
    connection: &Connection,
    (voter, incarnation): (VoterId, ReplicaId),
    outbox: Outbox,
) -> End
where
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    if let Err(Stopped) = connection.link_up(voter, incarnation, outbox).await {
        return Violation::Stopping.into();
    }
    loop {
        let (room, message) = match incoming.next(RHYTHM.silence).await {
            Ok(Frame::InRoom(room, message)) => (room, message),
            Ok(Frame::Bye(violation)) => return End::Told(violation),
            Ok(_) => return Violation::Malformed { reason: "a link carries messages in rooms".to_owned() }.into(),
            Err(end) => return end,
        };
        if let Err(Stopped) = connection.link_says(room, message).await {
            return Violation::Stopping.into();
        }
    }
}
