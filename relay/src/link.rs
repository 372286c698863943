//! The links between relays: of each pair, the one with the lower id dials, and the other only if that does not happen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::extract::ws::WebSocket;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::{Sink, Stream};
use shared::base::id::RelayId;
use shared::protocol::{Encoder, Frame, Hello, MAX_FRAME_BYTES};
use shared::replica::access::{self, Act, Principal};
use shared::replica::io::Violation;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tracing::{debug, info};

use crate::clocks::Clocks;
use crate::config::{Config, Secret};
use crate::limited_log::LimitedLog;
use crate::node::{Connection, Me, NodeHandle, Others, Remote, Stopped};
use crate::outbox::{self, Outbox};
use crate::socket::{self, End, Fault, Incoming, Packet, Rhythm};

/// The pings carry the news that a leader lives; a link that is silent for longer than this counts as down. A relay
/// that dies closes its links, which is noticed at once.
/// With each ping a relay tells the time.
const RHYTHM: Rhythm =
    Rhythm { ping_every: Duration::from_millis(250), ping: Clocks::ping, silence: Duration::from_millis(1500) };

/// How long connecting, and then the hello, may take.
const PATIENCE: Duration = Duration::from_millis(1500);

/// After how long without a link the higher id dials: the lower one may not know of it.
const UNKNOWN_AFTER: Duration = Duration::from_secs(2);

/// The waits between attempts to connect double from the one to the other.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The frames of a WebSocket that are longer than this are not even read: what fits in here is refused with a reason.
pub const MAX_PACKET_BYTES: usize = MAX_FRAME_BYTES + 1024;

/// How much is read from a WebSocket at a time, at the least. It is cleared before each read, so the default of 128 KiB
/// would cost more than all the rest when many peers say little.
pub const READ_BUFFER_BYTES: usize = 8 << 10;

/// Admits a request only if it carries the link secret. Where the request comes from proves nothing: behind a proxy on
/// the same machine everybody comes from loopback.
///
/// # Errors
/// The status and the text to refuse it with.
pub fn admit(headers: &HeaderMap, secret: Option<&Secret>) -> Result<(), (StatusCode, &'static str)> {
    // A browser always says which page it acts for, and no page is a relay.
    if headers.contains_key(header::ORIGIN) {
        return Err((StatusCode::FORBIDDEN, "this is for relays and those who run them, not for pages\n"));
    }
    if access::may(principal(headers, secret), &Act::Operate).is_ok() {
        return Ok(());
    }
    match secret {
        Some(_) => Err((
            StatusCode::UNAUTHORIZED,
            "wrong or no link secret: start all relays with the same RELAY_LINK_SECRET; by hand, send `Authorization: Bearer $RELAY_LINK_SECRET`\n",
        )),
        None => Err((
            StatusCode::FORBIDDEN,
            "this relay has no link secret, so it takes no links and no commands of operators: run `export RELAY_LINK_SECRET=$(openssl rand -hex 32)` once, and start every relay with this same RELAY_LINK_SECRET\n",
        )),
    }
}

/// Who sends a request with these headers.
fn principal(headers: &HeaderMap, secret: Option<&Secret>) -> Principal {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let is_operator = secret.zip(given).is_some_and(|(secret, given)| secret.matches(given));
    if is_operator { Principal::Operator } else { Principal::Editor }
}

static REFUSED: LimitedLog = LimitedLog::new();

/// Serves a link that another relay has dialed.
pub async fn serve(socket: WebSocket, node: NodeHandle) {
    let mut connection = node.connection();
    let (mut sink, packets) = socket::split_accepted(socket);
    let mut incoming = Incoming::new(packets, MAX_FRAME_BYTES);
    let me = connection.me().voter;
    let end = match greet(&mut sink, &mut incoming, &connection, None).await {
        Ok(found) if found.remote.voter != me => run(&mut sink, &mut incoming, &connection, found).await,
        Ok(_) => {
            let reason = format!("there are two of {me}: give each its own --id");
            REFUSED.warn(format_args!("link refused: {reason}"));
            Violation::Malformed { reason }.into()
        }
        Err(End::Cut(violation)) => {
            REFUSED.warn(format_args!("link refused: {violation}"));
            violation.into()
        }
        Err(end) => end,
    };
    connection.down().await;
    socket::close(sink, incoming, end).await;
}

/// Keeps links to all relays that are known of, for as long as the process runs.
pub async fn keep_all(config: Arc<Config>, node: NodeHandle) {
    let mut others = node.others();
    let mut kept = BTreeSet::new();
    loop {
        let new: Vec<RelayId> = others.borrow_and_update().keys().copied().filter(|&peer| kept.insert(peer)).collect();
        for peer in new {
            let (config, node) = (Arc::clone(&config), node.clone());
            tokio::spawn(async move { keep(peer, &config, &node).await });
        }
        if others.changed().await.is_err() {
            return;
        }
    }
}

/// Keeps a link to one relay.
async fn keep(peer: RelayId, config: &Config, node: &NodeHandle) {
    let mut others = node.others();
    let mut wait = FIRST_WAIT;
    let mut last_trouble = String::new();
    while let Ok(address) = until_due(config.voter, peer, &mut others).await {
        match dial(peer, &address, config, node).await {
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

/// Waits until there is no link to a relay and it is for this side to dial. Gives the address.
async fn until_due(
    me: RelayId,
    peer: RelayId,
    others: &mut watch::Receiver<Others>,
) -> Result<String, watch::error::RecvError> {
    let is_linked = |others: &Others| others.get(&peer).is_some_and(|other| other.is_linked);
    loop {
        drop(others.wait_for(|others| !is_linked(others)).await?);
        if me < peer {
            break;
        }
        match timeout(UNKNOWN_AFTER, others.wait_for(is_linked)).await {
            Ok(linked) => drop(linked?),
            Err(_) => break,
        }
    }
    Ok(others.borrow().get(&peer).map(|other| other.address.clone()).unwrap_or_default())
}

/// Between half of `wait` and all of it, so that relays which lost one another do not try in step.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().expect("the system gives random numbers");
    wait.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

/// Connects to a relay and serves the link until it ends.
async fn dial(peer: RelayId, address: &str, config: &Config, node: &NodeHandle) -> anyhow::Result<End> {
    let socket = timeout(PATIENCE, connect(address, config.link_secret.as_ref())).await.context("no answer")??;
    let mut connection = node.connection();
    let (mut sink, packets) = socket::split_dialed(socket);
    let mut incoming = Incoming::new(packets, MAX_FRAME_BYTES);
    let me = connection.me().voter;
    let end = match greet(&mut sink, &mut incoming, &connection, Some(me)).await {
        Ok(found) if found.remote.voter == peer => run(&mut sink, &mut incoming, &connection, found).await,
        Ok(found) => bail!("{} is there instead: check --peers", found.remote.voter),
        Err(End::Cut(violation)) => bail!(violation),
        Err(end) => return Err(anyhow!("no hello: {end}")),
    };
    connection.down().await;
    let outcome = match &end {
        End::Cut(Violation::Stopping) => Ok(Violation::Stopping.into()),
        // What keeps the two apart would do so again at once.
        End::Cut(violation) | End::Told(violation) if !is_passing(violation) => Err(anyhow!("{violation}")),
        _ => Ok(End::Gone),
    };
    socket::close(sink, incoming, end).await;
    outcome
}

/// Whether a link may well come about after it was cut for this.
fn is_passing(violation: &Violation) -> bool {
    matches!(violation, Violation::Stopping | Violation::Replaced | Violation::SlowPeer)
}

async fn connect(address: &str, secret: Option<&Secret>) -> anyhow::Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{address}/link").into_client_request()?;
    if let Some(secret) = secret {
        request.headers_mut().insert(header::AUTHORIZATION, secret.bearer().parse()?);
    }
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_PACKET_BYTES))
        .max_frame_size(Some(MAX_PACKET_BYTES))
        .read_buffer_size(READ_BUFFER_BYTES);
    let (socket, _response) = client_async_with_config(request, tcp, Some(limits)).await?;
    Ok(socket)
}

/// Who is at the other end of a link.
struct Found {
    remote: Remote,
    /// Has written the hello of this side.
    encoder: Encoder,
}

/// Both sides say who they are, and see that they keep the same fields. `dialer` is this side, if it has dialed.
async fn greet<K, S>(
    sink: &mut K,
    incoming: &mut Incoming<S>,
    connection: &Connection,
    dialer: Option<RelayId>,
) -> Result<Found, End>
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
        Frame::Hello(Hello::Link { voter, replica: incarnation, .. }) => {
            let dialer = dialer.unwrap_or(voter);
            Ok(Found { remote: Remote { voter, incarnation, dialer }, encoder })
        }
        Frame::Bye(violation) => Err(End::Told(violation)),
        _ => Err(Violation::Malformed { reason: "the first frame must be the hello of a relay".to_owned() }.into()),
    }
}

async fn run<K, S>(sink: &mut K, incoming: &mut Incoming<S>, connection: &Connection, peer: Found) -> End
where
    K: Sink<Packet> + Unpin,
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    let Found { remote, encoder } = peer;
    info!("link to {} is up", remote.voter);
    let (outbox, queue) = outbox::to_relay(encoder);
    let clocks = connection.clocks();
    incoming.on_ping(move |payload| clocks.hear(remote.voter, payload));
    let end = socket::run(sink, queue, RHYTHM, read(incoming, connection, remote, outbox)).await;
    info!("link to {} is down: {end}", remote.voter);
    end
}

async fn read<S>(incoming: &mut Incoming<S>, connection: &Connection, remote: Remote, outbox: Outbox) -> End
where
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    if let Err(Stopped) = connection.link_up(remote, outbox).await {
        return Violation::Stopping.into();
    }
    loop {
        let told = match incoming.next(RHYTHM.silence).await {
            Ok(Frame::InRoom(room, message)) => connection.link_says(room, message).await,
            Ok(Frame::Relays(relays)) => connection.link_tells(relays).await,
            Ok(Frame::Opened(room)) => connection.link_opened(room).await,
            Ok(Frame::Closed(room)) => connection.link_closed(room).await,
            Ok(Frame::Updated(room, update)) => connection.link_updated(room, update).await,
            Ok(Frame::Bye(violation)) => return End::Told(violation),
            Ok(_) => return Violation::Malformed { reason: "a link carries messages in rooms".to_owned() }.into(),
            Err(end) => return end,
        };
        if let Err(Stopped) = told {
            return Violation::Stopping.into();
        }
    }
}
