//! The WebSocket of one tab. Nothing that a tab sends is trusted.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::extract::ws::WebSocket;
use futures_util::{Sink, Stream};
use shared::id::ReplicaId;
use shared::io::{Message, Violation};
use shared::wire::{Encoder, Frame, Hello, MAX_TAB_FRAME_BYTES, Room};
use tracing::{debug, warn};

use crate::budget::{Bucket, Rate};
use crate::node::{Connection, Me, NodeHandle, Stopped, Visitor};
use crate::outbox::{self, Outbox};
use crate::socket::{self, End, Fault, Incoming, Packet, Rhythm};

/// How long a tab may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// A link that is half dead keeps the id of its tab from other relays, so it must not stay for long.
const RHYTHM: Rhythm = Rhythm { ping_every: Duration::from_secs(5), silence: Duration::from_secs(15) };

/// How much a tab may send: so many messages a second for as long as it likes, and so many at once. The burst lets
/// everything through that a tab may have written offline, and thousands of edits by a script.
const MESSAGES: Rate = Rate { per_second: 1000.0, burst: 10_000.0 };
/// What asks for work in proportion to the whole document counts as this many messages.
const RESYNC_COST: f64 = 100.0;
/// What asks for a whole record.
const RECORD_COST: f64 = 10.0;

/// Serves one tab until its connection ends.
pub async fn serve(socket: WebSocket, node: NodeHandle, address: IpAddr) {
    let mut connection = node.connection();
    let (mut sink, packets) = socket::split_accepted(socket);
    let mut incoming = Incoming::new(packets, MAX_TAB_FRAME_BYTES);
    let (who, end) = match hello(&mut incoming).await {
        Ok((replica, room)) => {
            let who = format!("tab {replica} in room {}", room.as_str());
            debug!("{who} is here");
            (who, converse(&mut sink, &mut incoming, &connection, Visitor { replica, room, address }).await)
        }
        Err(end) => ("a tab without a name".to_owned(), end),
    };
    connection.down().await;
    match &end {
        End::Cut(violation) if *violation != Violation::Stopping => warn!("{who} is cut: {violation}"),
        end => debug!("{who} is gone: {end}"),
    }
    socket::close(sink, incoming, end).await;
}

async fn converse<K, S>(sink: &mut K, incoming: &mut Incoming<S>, connection: &Connection, visitor: Visitor) -> End
where
    K: Sink<Packet> + Unpin,
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    let mut encoder = Encoder::default();
    let Me { voter, replica, schema } = connection.me().clone();
    if let Err(end) = socket::send(sink, &mut encoder, &Frame::Hello(Hello::Relay { voter, replica, schema })).await {
        return end;
    }
    let (outbox, queue) = outbox::queue(encoder);
    socket::run(sink, queue, RHYTHM, read(incoming, connection, visitor, outbox)).await
}

async fn hello<S>(incoming: &mut Incoming<S>) -> Result<(ReplicaId, Room), End>
where
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    match incoming.next(HELLO_WITHIN).await {
        Ok(Frame::Hello(Hello::Tab { secret, room })) => Ok((secret.replica(), Room::try_from(room)?)),
        Ok(_) => Err(malformed("the first frame must be the hello of a tab")),
        Err(End::Silent) => Err(malformed("no hello came in time")),
        Err(end) => Err(end),
    }
}

fn malformed(reason: &str) -> End {
    Violation::Malformed { reason: reason.to_owned() }.into()
}

async fn read<S>(incoming: &mut Incoming<S>, connection: &Connection, visitor: Visitor, outbox: Outbox) -> End
where
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    if let Err(Stopped) = connection.tab_up(visitor, outbox).await {
        return Violation::Stopping.into();
    }
    let mut allowance = Bucket::new(MESSAGES, Instant::now());
    loop {
        let message = match incoming.next(RHYTHM.silence).await {
            Ok(Frame::Message(message)) => message,
            Ok(Frame::Bye(violation)) => return End::Told(violation),
            Ok(Frame::Hello(_) | Frame::InRoom(..) | Frame::Relays(_) | Frame::Opened(_) | Frame::Closed(_)) => {
                return Violation::NotForTabs.into();
            }
            Err(end) => return end,
        };
        if !allowance.try_spend(cost(&message), Instant::now()) {
            return Violation::TooFast { limit: MESSAGES.per_second as u32 }.into();
        }
        if let Err(Stopped) = connection.tab_says(message).await {
            return Violation::Stopping.into();
        }
    }
}

fn cost(message: &Message) -> f64 {
    match message {
        Message::Have { .. }
        | Message::More
        | Message::Digest(_)
        | Message::AskLiveness { .. }
        | Message::Liveness(_) => RESYNC_COST,
        Message::Want { .. } | Message::Watch { .. } => RECORD_COST,
        _ => 1.0,
    }
}
