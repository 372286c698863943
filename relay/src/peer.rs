//! The WebSocket of one tab. Nothing that a tab sends is trusted.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::WebSocket;
use futures_util::{Sink, Stream};
use shared::base::dot::DotSet;
use shared::base::id::ReplicaId;
use shared::base::room::Room;
use shared::protocol::{self, Encoder, Frame, Hello, MAX_TAB_FRAME_BYTES};
use shared::replica::io::{Message, Violation};
use tracing::debug;

use crate::budget::{Account, Bucket, Rate};
use crate::limited_log::LimitedLog;
use crate::node::{Connection, Me, NodeHandle, Stopped, Visitor, is_answered_at_length};
use crate::outbox::{self, Gauge, Overflow, Pongs};
use crate::socket::{self, End, Fault, Incoming, Packet, Rhythm};

/// How long a tab may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// A link that is half dead keeps the id of its tab from other relays, so it must not stay for long.
const RHYTHM: Rhythm =
    Rhythm { ping_every: Duration::from_secs(5), ping: Bytes::new, silence: Duration::from_secs(15) };

/// How much a tab may send: so many messages a second for as long as it likes, and so many at once. The burst lets
/// everything through that a tab may have written offline, and thousands of edits by a script.
const MESSAGES: Rate = Rate { per_second: 1000.0, burst: 10_000.0 };
/// What asks for work in proportion to the whole document counts as this many messages.
const RESYNC_COST: f64 = 100.0;
/// What asks for a whole record, or for a part of the log.
const RECORD_COST: f64 = 10.0;

/// What a version or an interval of dots takes in memory besides its bytes, about, in bytes.
const BYTES_OF_VERSION: usize = 512;
const BYTES_OF_INTERVAL: usize = 32;

/// Serves one tab until its connection ends.
pub async fn serve(socket: WebSocket, node: NodeHandle, address: IpAddr) {
    let mut connection = node.connection();
    let (mut sink, packets) = socket::split_accepted(socket);
    let mut incoming = Incoming::new(packets, MAX_TAB_FRAME_BYTES);
    let (who, end) = match hello(&mut incoming).await {
        Ok((replica, room)) => {
            let account = Arc::new(connection.account(address));
            let who = format!("tab {replica} in room {}", room.as_str());
            debug!("{who} is here");
            (who, converse(&mut sink, &mut incoming, &connection, Visitor { replica, room, account }).await)
        }
        Err(end) => ("a tab without a name".to_owned(), end),
    };
    connection.down().await;
    match &end {
        End::Cut(Violation::Diverged) | End::Told(Violation::Diverged) => {
            static DIVERGED: LimitedLog = LimitedLog::new();
            DIVERGED.warn(format_args!(
                "{who} cannot go on here, since it knows another log than this relay. If the databases of the relays were put \
                 back from older copies, stop all relays and restore them from one of these copies with `relay backup` and \
                 `relay restore`: docs/how-to/back-up-and-restore.md says how"
            ));
        }
        End::Cut(violation) if *violation != Violation::Stopping => {
            static CUT: LimitedLog = LimitedLog::new();
            CUT.warn(format_args!("{who} is cut: {violation}"));
        }
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
    let account = Arc::clone(&visitor.account);
    if let Err(end) = socket::send(sink, &mut encoder, &Frame::Hello(Hello::Relay { voter, replica, schema })).await {
        return end;
    }
    let (outbox, queue) = outbox::to_tab(encoder, connection.waiting_for_tabs());
    let (gauge, pongs) = (queue.gauge(), outbox.pongs());
    let read = async {
        match connection.tab_up(visitor, outbox).await {
            Ok(()) => read(incoming, connection, &account, (&gauge, &pongs)).await,
            Err(Stopped) => Violation::Stopping.into(),
        }
    };
    socket::run(sink, queue, RHYTHM, read).await
}

async fn hello<S>(incoming: &mut Incoming<S>) -> Result<(ReplicaId, Room), End>
where
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    match incoming.next(HELLO_WITHIN).await {
        Ok(Frame::Hello(Hello::Tab { secret, room })) => {
            Ok((secret.replica(), Room::try_from(room).map_err(Violation::from)?))
        }
        Ok(_) => Err(malformed("the first frame must be the hello of a tab")),
        Err(End::Silent) => Err(malformed("no hello came in time")),
        Err(end) => Err(end),
    }
}

fn malformed(reason: &str) -> End {
    Violation::Malformed { reason: reason.to_owned() }.into()
}

async fn read<S>(
    incoming: &mut Incoming<S>,
    connection: &Connection,
    account: &Account,
    (gauge, pongs): (&Gauge, &Pongs),
) -> End
where
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    let mut allowance = Bucket::new(MESSAGES, Instant::now());
    loop {
        // A tab that has used up its budget, or does not read the answers, is not read: it sends more slowly.
        account.settled().await;
        gauge.short().await;
        let bytes = match incoming.next_bytes(RHYTHM.silence).await {
            Ok(bytes) => bytes,
            Err(end) => return end,
        };
        let most = protocol::bytes_to_decode(&bytes, MAX_TAB_FRAME_BYTES);
        let Ok(mut memory) = connection.reserve(most).await else { return Violation::Stopping.into() };
        let message = match incoming.decode(&bytes) {
            Ok(Frame::Message(message)) => message,
            Ok(Frame::Ping) => {
                // It costs as much as any message, so that nobody can ping without end.
                if !allowance.try_spend(1.0, Instant::now()) {
                    return Violation::TooFast { limit: MESSAGES.per_second as u32 }.into();
                }
                match pongs.push() {
                    Ok(()) => continue,
                    Err(Overflow) => return Violation::SlowPeer.into(),
                }
            }
            Ok(Frame::Bye(violation)) => return End::Told(violation),
            Ok(
                Frame::Hello(_)
                | Frame::InRoom(..)
                | Frame::Relays(_)
                | Frame::Opened(_)
                | Frame::Closed(_)
                | Frame::Updated(..),
            ) => {
                return Violation::NotForTabs.into();
            }
            Err(end) => return end,
        };
        let bytes = bytes.len() + overhead(&message);
        memory.keep(bytes);
        account.charge_decoded(bytes);
        if !allowance.try_spend(cost(&message), Instant::now()) {
            return Violation::TooFast { limit: MESSAGES.per_second as u32 }.into();
        }
        let asks_for_much = is_answered_at_length(&message);
        let Ok(handled) = connection.tab_says(message, bytes, memory).await else {
            return Violation::Stopping.into();
        };
        if asks_for_much {
            // The answer is to be in the outbox before more is asked for. If the node has dropped it, that is over, too.
            let _or_dropped = handled.await;
        }
    }
}

/// How many bytes a message takes in memory besides those that have arrived, about.
fn overhead(message: &Message) -> usize {
    let of_dots = |dots: &DotSet| dots.interval_count() * BYTES_OF_INTERVAL;
    match message {
        Message::Delta(delta) => {
            let versions = delta.versions.iter().map(|(_, version)| version.as_bytes().len() + BYTES_OF_VERSION);
            of_dots(&delta.context) + versions.sum::<usize>()
        }
        Message::Edit(edit) => of_dots(&edit.superseded) + BYTES_OF_VERSION,
        Message::Have { context, .. } => of_dots(context),
        Message::Digest(digest) => of_dots(&digest.context),
        Message::Liveness(liveness) => of_dots(&liveness.context) + of_dots(&liveness.live),
        Message::Want { dots, .. } => of_dots(dots),
        _ => 0,
    }
}

fn cost(message: &Message) -> f64 {
    match message {
        Message::Have { .. }
        | Message::More
        | Message::Digest(_)
        | Message::AskLiveness { .. }
        | Message::Liveness(_) => RESYNC_COST,
        Message::Want { .. } | Message::Watch { .. } | Message::Fetch { .. } | Message::FetchPart { .. } => RECORD_COST,
        _ => 1.0,
    }
}
