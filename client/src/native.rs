//! The host of a program over tokio: one WebSocket to one relay, and records in memory.
//!
//! A [`Client`] works offline until it [connects](Client::connect). It takes in what the relay says while its owner waits
//! in [`step`](Client::step) or [`listen_until`](Client::listen_until): there is no task behind it. Nothing here outlives
//! the process, so an edit is safe once a relay has stored it.

use std::sync::LazyLock;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use shared::base::id::{RecordId, ReplicaSecret};
use shared::base::room::Room;
use shared::ledger::Operation;
use shared::protocol::{DecodeError, Decoder, Encoder, Frame, Hello, MAX_FRAME_BYTES};
use shared::replica::View;
use shared::replica::io::{Message, Now, Violation};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::{self, Message as Packet};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::notification::Entry;
use crate::session::{Action, NewRecord, NotRegistered, Session};

/// How long a client waits where nothing is due and nobody says anything.
const LONG: Duration = Duration::from_secs(3600);

/// The link to a relay has ended, or there is none.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The client is not connected.
    #[error("the client is not connected to a relay: connect it first")]
    NotConnected,
    /// The WebSocket cannot be opened, or has failed.
    #[error("the WebSocket to the relay has failed: {0}. Connect again, to this relay or to another one")]
    WebSocket(#[from] tungstenite::Error),
    /// The relay has closed the link without a word.
    #[error("the relay has closed the link. Connect again, to this relay or to another one")]
    Closed,
    /// The relay has ended the link for cause.
    #[error("the relay has refused this client: {0}")]
    Refused(Violation),
    /// The relay broke the protocol, so that this client has ended the link.
    #[error("the relay broke the protocol: {0}. Is it a relay of this version?")]
    BrokenProtocol(Violation),
    /// The relay has sent bytes that are no frame.
    #[error("the relay has sent what is no frame: {0}. Is it a relay of this version?")]
    NoFrame(#[from] DecodeError),
}

/// A replica in memory, which one owner drives.
pub struct Client {
    session: Session,
    secret: ReplicaSecret,
    link: Option<Link>,
    /// The serial number of the last notification that the owner has taken.
    taken: u64,
}

struct Link {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    // Both remember what was said over a link.
    encoder: Encoder,
    decoder: Decoder,
}

impl Client {
    /// Makes a new replica in memory. The secret proves its id to relays: no other replica may have it.
    #[must_use]
    pub fn in_memory(secret: ReplicaSecret) -> Self {
        Client { session: Session::new(secret.replica(), now()), secret, link: None, taken: 0 }
    }

    /// Connects to the relay whose WebSocket is at `url`, such as `ws://127.0.0.1:5000/ws`, in place of any other.
    ///
    /// # Errors
    /// If the relay cannot be reached, or does not take this client.
    pub async fn connect(&mut self, url: &str, room: &Room) -> Result<(), LinkError> {
        self.disconnect();
        let (socket, _response) = connect_async(url).await?;
        let mut link = Link { socket, encoder: Encoder::default(), decoder: Decoder::new(MAX_FRAME_BYTES) };
        link.send(&Frame::Hello(Hello::Tab { secret: self.secret.clone(), room: room.as_str().to_owned() })).await?;
        match link.receive().await? {
            Frame::Hello(Hello::Relay { voter, replica, schema }) => {
                self.link = Some(link);
                let sends = self.session.connected(now(), voter, replica, schema);
                self.send_or_cut(sends).await
            }
            Frame::Bye(violation) => Err(LinkError::Refused(violation)),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends the link. The client works offline until it connects again.
    pub fn disconnect(&mut self) {
        if self.link.take().is_some() {
            self.session.disconnected(now());
        }
    }

    /// Does an action of the user at once, and tells the relay if there is one. What is done offline is sent over the
    /// next link.
    ///
    /// # Errors
    /// If the link has ended. The action is done all the same.
    pub async fn act(&mut self, action: Action) -> Result<(), LinkError> {
        let sends = self.session.act(now(), action);
        self.send(sends).await
    }

    /// Asks the ledger for an operation. The log answers.
    ///
    /// # Errors
    /// If the link has ended. The operation is asked for over the next one.
    pub async fn ask(&mut self, operation: Operation) -> Result<(), LinkError> {
        let sends = self.session.ask(now(), operation);
        self.send(sends).await
    }

    /// Adds a record, with a number if one is wanted: both or neither. The inner result says why nothing was done.
    ///
    /// # Errors
    /// If the link has ended. The record is added all the same.
    pub async fn register(&mut self, record: NewRecord) -> Result<Result<RecordId, NotRegistered>, LinkError> {
        let (sends, outcome) = self.session.register(now(), record);
        self.send(sends).await?;
        Ok(outcome)
    }

    /// Waits for a message of the relay, or until something is due, and takes it in.
    ///
    /// # Errors
    /// If there is no link, or it has ended.
    pub async fn step(&mut self) -> Result<(), LinkError> {
        self.step_until(Instant::now() + LONG).await
    }

    /// Takes in what comes until then.
    ///
    /// # Errors
    /// If there is no link, or it has ended.
    pub async fn listen_until(&mut self, until: Instant) -> Result<(), LinkError> {
        while Instant::now() < until {
            self.step_until(until).await?;
        }
        Ok(())
    }

    /// Takes steps until the view of the replica is as wanted.
    ///
    /// # Errors
    /// If there is no link, or it has ended.
    pub async fn until(&mut self, is_wanted: impl Fn(View<'_>) -> bool) -> Result<(), LinkError> {
        while !is_wanted(self.session.view()) {
            self.step().await?;
        }
        Ok(())
    }

    /// Returns the session: its view of the replica, and everything that is kept for people to read.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the notifications since the last time, the oldest first. Of very many the session keeps the latest.
    pub fn take_notifications(&mut self) -> Vec<Entry> {
        let mut news: Vec<Entry> =
            self.session.feed().entries().take_while(|entry| entry.serial > self.taken).cloned().collect();
        news.reverse();
        self.taken = news.last().map_or(self.taken, |entry| entry.serial);
        news
    }

    async fn step_until(&mut self, until: Instant) -> Result<(), LinkError> {
        let due = self.session.deadline().map(|at| Instant::now() + at.saturating_sub(now().monotonic));
        let link = self.link.as_mut().ok_or(LinkError::NotConnected)?;
        let frame = match timeout_at(due.unwrap_or(until).min(until), link.receive()).await {
            Err(_elapsed) => {
                let sends = self.session.wake(now());
                return self.send(sends).await;
            }
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => {
                self.disconnect();
                return Err(error);
            }
        };
        match frame {
            Frame::Message(message) => {
                let sends = self.session.receive(now(), message);
                self.send_or_cut(sends).await
            }
            Frame::Ping => Ok(()),
            Frame::Bye(violation) => {
                self.disconnect();
                Err(LinkError::Refused(violation))
            }
            other => {
                self.disconnect();
                Err(unexpected(&other))
            }
        }
    }

    /// Sends what comes of a step, or ends the link that the step has made impossible.
    async fn send_or_cut(&mut self, sends: Result<Vec<Message>, Violation>) -> Result<(), LinkError> {
        match sends {
            Ok(sends) => self.send(sends).await,
            Err(violation) => {
                self.disconnect();
                Err(LinkError::BrokenProtocol(violation))
            }
        }
    }

    async fn send(&mut self, messages: Vec<Message>) -> Result<(), LinkError> {
        // Without a link there is nothing to send to: it goes over the next one.
        let Some(link) = &mut self.link else { return Ok(()) };
        for message in messages {
            if let Err(error) = link.send(&Frame::Message(message)).await {
                self.disconnect();
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Link {
    async fn send(&mut self, frame: &Frame) -> Result<(), LinkError> {
        let bytes = self.encoder.frame(frame).to_vec();
        Ok(self.socket.send(Packet::Binary(bytes.into())).await?)
    }

    /// Nothing is lost if the caller stops waiting.
    async fn receive(&mut self) -> Result<Frame, LinkError> {
        loop {
            if let Packet::Binary(bytes) = self.socket.next().await.ok_or(LinkError::Closed)?? {
                return Ok(self.decoder.frame(&bytes)?);
            }
        }
    }
}

fn unexpected(frame: &Frame) -> LinkError {
    LinkError::BrokenProtocol(Violation::Malformed { reason: format!("a relay does not say this to a tab: {frame:?}") })
}

#[expect(clippy::disallowed_types, reason = "the host is where the time comes from")]
fn now() -> Now {
    use std::time::SystemTime;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let wall_ms = since_1970.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Now { monotonic: START.elapsed(), wall_ms }
}
