//! What the WebSockets of tabs and of relays have in common: packets, pings, and how a connection ends.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws;
use futures_util::{Sink, SinkExt, Stream, StreamExt, future};
use shared::protocol::{Decoder, Encoder, Frame};
use shared::replica::io::Violation;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::{WebSocketStream, tungstenite as ts};

use crate::outbox::{Frames, Queue};

/// How long to wait for the peer's goodbye. Closing at once could take back what it has not read yet.
const LINGER: Duration = Duration::from_secs(1);

/// The close codes of RFC 6455, §7.4.1, and one of our own.
const POLICY_VIOLATION: u16 = 1008;
const GOING_AWAY: u16 = 1001;
const REPLACED: u16 = 4001;
/// How long a reason for closing may be (RFC 6455, §5.5), in bytes.
const MAX_REASON_BYTES: usize = 123;

/// A WebSocket message.
#[derive(Debug)]
pub enum Packet {
    Binary(Bytes),
    Text,
    Ping(Bytes),
    Pong,
    Close(u16, String),
}

/// The socket cannot go on.
#[derive(Debug)]
pub enum Fault {
    Gone,
    Oversized,
}

/// How often a side pings and with which payload, and how long the other may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    pub ping_every: Duration,
    pub ping: fn() -> Bytes,
    pub silence: Duration,
}

/// Why a connection ends.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The other side closed, or the network broke.
    Gone,
    /// Nothing came for too long.
    Silent,
    /// The other side says why it ends the connection.
    Told(Violation),
    /// This side ends it.
    Cut(Violation),
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        End::Cut(violation)
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Gone => f.write_str("it is gone"),
            End::Silent => f.write_str("it is silent"),
            End::Told(violation) => write!(f, "it says: {violation}"),
            End::Cut(violation) => write!(f, "cut: {violation}"),
        }
    }
}

/// The two halves of a WebSocket that axum has accepted.
pub fn split_accepted(
    socket: ws::WebSocket,
) -> (impl Sink<Packet> + Unpin, impl Stream<Item = Result<Packet, Fault>> + Unpin) {
    let (sink, stream) = socket.split();
    let sink = sink.with(|packet| future::ready(Ok::<_, axum::Error>(to_axum(packet))));
    let stream = stream.map(|message| match message {
        Ok(message) => Ok(from_axum(message)),
        Err(error) => Err(error.into_inner().downcast_ref().map_or(Fault::Gone, fault)),
    });
    (sink, stream)
}

/// The two halves of a WebSocket that this relay has opened.
pub fn split_dialed<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
) -> (impl Sink<Packet> + Unpin, impl Stream<Item = Result<Packet, Fault>> + Unpin) {
    let (sink, stream) = socket.split();
    let sink = sink.with(|packet| future::ready(Ok::<_, ts::Error>(to_ts(packet))));
    let stream = stream.map(|message| message.map(from_ts).map_err(|error| fault(&error)));
    (sink, stream)
}

fn fault(error: &ts::Error) -> Fault {
    if matches!(error, ts::Error::Capacity(_)) { Fault::Oversized } else { Fault::Gone }
}

fn to_axum(packet: Packet) -> ws::Message {
    match packet {
        Packet::Binary(bytes) => ws::Message::Binary(bytes),
        Packet::Text => ws::Message::Text(ws::Utf8Bytes::default()),
        Packet::Ping(payload) => ws::Message::Ping(payload),
        Packet::Pong => ws::Message::Pong(Bytes::new()),
        Packet::Close(code, reason) => ws::Message::Close(Some(ws::CloseFrame { code, reason: reason.into() })),
    }
}

fn from_axum(message: ws::Message) -> Packet {
    match message {
        ws::Message::Binary(bytes) => Packet::Binary(bytes),
        ws::Message::Text(_) => Packet::Text,
        ws::Message::Ping(payload) => Packet::Ping(payload),
        ws::Message::Pong(_) => Packet::Pong,
        ws::Message::Close(frame) => frame.map_or(Packet::Close(GOING_AWAY, String::new()), |frame| {
            Packet::Close(frame.code, frame.reason.to_string())
        }),
    }
}

fn to_ts(packet: Packet) -> ts::Message {
    match packet {
        Packet::Binary(bytes) => ts::Message::Binary(bytes),
        Packet::Text => ts::Message::Text(ts::Utf8Bytes::default()),
        Packet::Ping(payload) => ts::Message::Ping(payload),
        Packet::Pong => ts::Message::Pong(Bytes::new()),
        Packet::Close(code, reason) => {
            ts::Message::Close(Some(ts::protocol::CloseFrame { code: code.into(), reason: reason.into() }))
        }
    }
}

fn from_ts(message: ts::Message) -> Packet {
    match message {
        ts::Message::Binary(bytes) => Packet::Binary(bytes),
        ts::Message::Text(_) => Packet::Text,
        ts::Message::Ping(payload) => Packet::Ping(payload),
        ts::Message::Pong(_) | ts::Message::Frame(_) => Packet::Pong,
        ts::Message::Close(frame) => frame.map_or(Packet::Close(GOING_AWAY, String::new()), |frame| {
            Packet::Close(frame.code.into(), frame.reason.to_string())
        }),
    }
}

/// Takes the payloads of pings.
type TakePing = Box<dyn FnMut(&[u8]) + Send>;

/// The frames that arrive over one connection.
pub struct Incoming<S> {
    packets: S,
    decoder: Decoder,
    /// The longest frame, in bytes.
    limit: usize,
    on_ping: TakePing,
}

impl<S: Stream<Item = Result<Packet, Fault>> + Unpin> Incoming<S> {
    pub fn new(packets: S, limit: usize) -> Self {
        Incoming { packets, decoder: Decoder::new(limit), limit, on_ping: Box::new(|_| {}) }
    }

    /// From now on gives the payloads of pings to `take`.
    pub fn on_ping(&mut self, take: impl FnMut(&[u8]) + Send + 'static) {
        self.on_ping = Box::new(take);
    }

    /// The next frame that arrives.
    ///
    /// # Errors
    /// How the connection ends, if it does.
    pub async fn next(&mut self, silence: Duration) -> Result<Frame, End> {
        let bytes = self.next_bytes(silence).await?;
        self.decode(&bytes)
    }

    /// The frame that some bytes stand for, which have arrived after those that were decoded before.
    ///
    /// # Errors
    /// How the connection ends, if they stand for none.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Frame, End> {
        self.decoder.frame(bytes).map_err(|error| Violation::from(error).into())
    }

    /// The bytes of the next frame that arrives.
    ///
    /// # Errors
    /// How the connection ends, if it does.
    pub async fn next_bytes(&mut self, silence: Duration) -> Result<Bytes, End> {
        loop {
            let Ok(packet) = timeout(silence, self.packets.next()).await else { return Err(End::Silent) };
            match packet {
                Some(Ok(Packet::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Packet::Text)) => {
                    let reason = "it is a text message, and this protocol is binary".to_owned();
                    return Err(Violation::Malformed { reason }.into());
                }
                Some(Ok(Packet::Ping(payload))) => (self.on_ping)(&payload),
                Some(Ok(Packet::Pong)) => {}
                Some(Ok(Packet::Close(..)) | Err(Fault::Gone)) | None => return Err(End::Gone),
                Some(Err(Fault::Oversized)) => return Err(Violation::Oversized { limit: self.limit }.into()),
            }
        }
    }
}

/// Sends one frame at once, ahead of the queue that the encoder is for.
///
/// # Errors
/// [`End::Gone`] if the connection is broken.
pub async fn send<S>(sink: &mut S, encoder: &mut Encoder, frame: &Frame) -> Result<(), End>
where
    S: Sink<Packet> + Unpin,
{
    sink.send(Packet::Binary(encoder.frame(frame).into())).await.map_err(|_| End::Gone)
}

/// Runs a connection: `read` takes what arrives until the connection ends, while the queue goes out. The two do not
/// wait for one another, so a side that is slow to read still pings.
pub async fn run<S>(sink: &mut S, queue: Queue, rhythm: Rhythm, read: impl Future<Output = End>) -> End
where
    S: Sink<Packet> + Unpin,
{
    let gauge = queue.gauge();
    let Queue { mut frames, cut } = queue;
    tokio::select! {
        // A node that ends without a word is stopping.
        cut = cut => End::Cut(cut.unwrap_or(Violation::Stopping)),
        end = read => end,
        () = gauge.stalled() => Violation::SlowPeer.into(),
        Err(_) = write(sink, &mut frames, rhythm) => End::Gone,
    }
}

async fn write<S>(sink: &mut S, frames: &mut Frames, rhythm: Rhythm) -> Result<(), S::Error>
where
    S: Sink<Packet> + Unpin,
{
    let mut pings = interval_at(Instant::now() + rhythm.ping_every, rhythm.ping_every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            frame = frames.next() => {
                let mut waiting = Some(frame);
                while let Some(frame) = waiting {
                    let bytes = frame.len();
                    sink.feed(Packet::Binary(frame)).await?;
                    frames.taken(bytes);
                    waiting = frames.try_next();
                }
                sink.flush().await?;
            }
            _ = pings.tick() => sink.send(Packet::Ping((rhythm.ping)())).await?,
        }
    }
}

/// Ends a connection: says why, if it is this side that ends it, and waits a moment for the other side to take note.
pub async fn close<K, S>(mut sink: K, mut incoming: Incoming<S>, end: End)
where
    K: Sink<Packet> + Unpin,
    S: Stream<Item = Result<Packet, Fault>> + Unpin,
{
    let goodbye = async {
        let (code, reason) = match end {
            End::Gone | End::Silent | End::Told(_) => return sink.close().await,
            End::Cut(violation) => {
                let code = match violation {
                    Violation::Stopping => GOING_AWAY,
                    Violation::Replaced => REPLACED,
                    _ => POLICY_VIOLATION,
                };
                let reason = violation.to_string();
                // Whatever still waited for the socket is dropped, so the encoder that wrote it is of no more use. A
                // goodbye needs nothing of what went before.
                let bye = Encoder::default().frame(&Frame::Bye(violation));
                sink.feed(Packet::Binary(bye.into())).await?;
                (code, reason)
            }
        };
        sink.send(Packet::Close(code, shortened(reason))).await?;
        while let Some(Ok(_)) = incoming.packets.next().await {}
        Ok(())
    };
    let _either_way_it_is_over = timeout(LINGER, goodbye).await;
}

fn shortened(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        let reason = shortened(format!("x{}", "ä".repeat(100)));
        assert_eq!(reason.len(), MAX_REASON_BYTES);
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
