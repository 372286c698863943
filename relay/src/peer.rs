//! The WebSocket of one tab. Nothing that a tab sends is trusted.

use std::time::{Duration, Instant};

use axum::extract::ws::WebSocket;
use futures_util::{Sink, Stream};
use shared::id::ReplicaId;
use shared::io::{Message, Violation};
use shared::wire::{Encoder, Frame, Hello, MAX_TAB_FRAME_BYTES, Room};
use tracing::debug;

use crate::limited_log::LimitedLog;
use crate::node::{Connection, Me, NodeHandle, Stopped};
use crate::outbox::{self, Outbox};
use crate::socket::{self, End, Fault, Incoming, Packet, Rhythm};

/// How long a tab may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

const RHYTHM: Rhythm = Rhythm { ping_every: Duration::from_secs(10), silence: Duration::from_secs(30) };

/// How much a tab may send: so many messages a second for as long as it likes, and so many at once. The burst lets
/// everything through that a tab may have written offline, and thousands of edits by a script.
const MESSAGES_PER_SECOND: u32 = 1000;
const BURST: u32 = 10_000;
/// What asks for work in proportion to the whole document counts as this many messages.
const RESYNC_COST: u32 = 100;
/// What asks for a whole record.
const RECORD_COST: u32 = 10;

/// Serves one tab until its connection ends.
pub async fn serve(socket: WebSocket, node: NodeHandle) {
    let connection = node.connection();
    let (mut sink, packets) = socket::split_accepted(socket);
    let mut incoming = Incoming::new(packets, MAX_TAB_FRAME_BYTES);
    let (who, end) = match hello(&mut incoming).await {
        Ok((replica, room)) => {
            let who = format!("tab {replica} in room {}", room.as_str());
            debug!("{who} is here");
            (who, converse(&mut sink, &mut incoming, &connection, (replica, room)).await)
        }
        Err(end) => ("a tab without a name".to_owned(), end),
    };
    connection.down().await;
    match &end {
        End::Cut(violation) if *violation != Violation::Stopping => {
            static CUT: LimitedLog = LimitedLog::new();
            CUT.warn(format_args!("{who} is cut: {violation}"));
        }
        end => debug!("{who} is gone: {end}"),
    }
    socket::close(sink, incoming, end).await;
}

async fn converse<K, S>(
    sink: &mut K,
    incoming: &mut Incoming<S>,
    connection: &Connection,
    tab: (ReplicaId, Room),
) -> End
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
    socket::run(sink, queue, RHYTHM, read(incoming, connection, tab, outbox)).await
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

async fn read<S>(incoming: &mut Incoming<S>, connection: &Connection, tab: (ReplicaId, Room), outbox: Outbox) -> End
where
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    let (replica, room) = tab;
    if let Err(Stopped) = connection.tab_up(replica, room, outbox).await {
        return Violation::Stopping.into();
    }
    let mut allowance = Allowance::new(Instant::now());
    loop {
        let message = match incoming.next(RHYTHM.silence).await {
            Ok(Frame::Message(message)) => message,
            Ok(Frame::Bye(violation)) => return End::Told(violation),
            Ok(Frame::Hello(_) | Frame::InRoom(..) | Frame::Relays(_)) => return Violation::NotForTabs.into(),
            Err(end) => return end,
        };
        if !allowance.spend(cost(&message), Instant::now()) {
            return Violation::TooFast { limit: MESSAGES_PER_SECOND }.into();
        }
        if let Err(Stopped) = connection.tab_says(message).await {
            return Violation::Stopping.into();
        }
    }
}

fn cost(message: &Message) -> u32 {
    match message {
        Message::Have { .. }
        | Message::More
        | Message::Digest(_)
        | Message::AskLiveness { .. }
        | Message::Liveness(_) => RESYNC_COST,
        Message::Want { .. } | Message::Watch { .. } => RECORD_COST,
        _ => 1,
    }
}

/// A token bucket (Turner, "New directions in communications", 1986).
#[derive(Debug)]
struct Allowance {
    messages: f64,
    at: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Allowance { messages: f64::from(BURST), at: now }
    }

    /// Takes `cost` messages out, if there are as many.
    fn spend(&mut self, cost: u32, now: Instant) -> bool {
        let earned = now.duration_since(self.at).as_secs_f64() * f64::from(MESSAGES_PER_SECOND);
        self.messages = (self.messages + earned).min(f64::from(BURST));
        self.at = now;
        let enough = self.messages >= f64::from(cost);
        if enough {
            self.messages -= f64::from(cost);
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_more_than_that_does_not_until_time_has_passed() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert!((0..BURST).all(|_| allowance.spend(1, start)));
        assert!(!allowance.spend(1, start));
        let later = start + Duration::from_secs(1);
        assert!((0..MESSAGES_PER_SECOND).all(|_| allowance.spend(1, later)));
        assert!(!allowance.spend(1, later));
    }
}
