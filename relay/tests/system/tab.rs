//! Tabs of tests: the client of programs, watched over at every step; and WebSockets that say whatever one likes.

use std::sync::Mutex;
use std::time::Duration;

use client::native::{Client as Replica, CommandError, LinkEnd, Settings};
use futures_util::{SinkExt, StreamExt};
use shared::base::dot::DotSet;
use shared::base::id::{RecordId, ReplicaId, ReplicaSecret};
use shared::base::room::Room;
use shared::ledger::{Operation, Outcome};
use shared::merge::document::SoundVersions;
use shared::protocol::{Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use shared::replica::io::{Command, CommandRejection, Reply, Violation};
use shared::replica::{Audit, View};
use shared::schema::{FieldEdit, Schema};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message as Packet};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::cluster::PATIENCE;

/// A client in memory, in the room `people`, which keeps connected to one of some relays. It ends when this is dropped.
pub struct Tab {
    client: Replica,
    audit: JoinHandle<()>,
}

impl Tab {
    /// A new tab, and waits until it is connected. It moves on to another one of `urls` whenever a connection is lost.
    pub async fn open(urls: &[String]) -> Self {
        Self::open_with(&Schema::people(), urls).await
    }

    /// The same, in a room of this schema.
    pub async fn open_with(schema: &Schema, urls: &[String]) -> Self {
        let tab = Self::start(new_secret(), schema.clone(), urls).await;
        tab.until("it is connected", |view| view.is_connected()).await;
        tab
    }

    /// A tab whose id this secret proves. It need not ever be connected.
    pub async fn under(secret: ReplicaSecret, urls: &[String]) -> Self {
        Self::start(secret, Schema::people(), urls).await
    }

    async fn start(secret: ReplicaSecret, schema: Schema, urls: &[String]) -> Self {
        let settings = Settings::new(people()).schema(schema).under(secret).relays(addresses(urls)).no_other_relays();
        let client = Replica::open(settings).await.expect("a client in memory");
        let audit = tokio::spawn(audit(client.clone()));
        Tab { client, audit }
    }

    /// From now on the tab keeps connected to one of `urls`.
    pub fn go_online(&self, urls: &[String]) {
        self.client.connect_to(addresses(urls)).expect("addresses of relays");
    }

    /// What the tab sees.
    pub fn view<T>(&self, read: impl FnOnce(View<'_>) -> T) -> T {
        self.client.look(|session, _| read(session.view()))
    }

    /// The own dots that a relay has acknowledged as durable.
    pub fn acknowledged(&self) -> DotSet {
        self.client.look(|session, _| session.stored().clone())
    }

    /// How often a connection was lost.
    pub fn losses(&self) -> usize {
        self.client.link_ends().iter().filter(|end| **end != LinkEnd::Unreachable).count()
    }

    /// The reasons that relays gave when they ended a link.
    pub fn byes(&self) -> Vec<Violation> {
        let bye = |end| if let LinkEnd::Refused(violation) = end { Some(violation) } else { None };
        self.client.link_ends().into_iter().filter_map(bye).collect()
    }

    /// Why the tab has left relays.
    pub fn left(&self) -> Vec<Violation> {
        let cut = |end| if let LinkEnd::Cut(violation) = end { Some(violation) } else { None };
        self.client.link_ends().into_iter().filter_map(cut).collect()
    }

    /// Waits until the tab sees something.
    pub async fn until(&self, what: &str, condition: impl Fn(View<'_>) -> bool) {
        let wait = self.client.until(|session| condition(session.view()));
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not in time: {what}")).expect("the tab goes on");
    }

    /// Waits until something holds.
    pub async fn until_so(&self, what: &str, condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "not in time: {what}");
    }

    /// Gives a command; the answer comes when it is done or decided.
    pub async fn command(&self, command: Command) -> Result<Reply, CommandRejection> {
        match timeout(PATIENCE, self.client.command(command)).await.expect("an answer in time") {
            Ok(reply) => Ok(reply),
            Err(CommandError::Rejected(rejection)) => Err(rejection),
            Err(other) => panic!("{other}"),
        }
    }

    pub async fn add(&self, name: &str) -> RecordId {
        let fields = vec![("name".to_owned(), FieldEdit::Assign(name.to_owned()))];
        timeout(PATIENCE, self.client.add(fields)).await.expect("an answer in time").expect("it is added")
    }

    pub async fn edit(&self, record: RecordId, field: &str, value: &str) {
        let edit = self.client.edit(record, field, FieldEdit::Assign(value.to_owned()));
        timeout(PATIENCE, edit).await.expect("an answer in time").expect("it is edited");
    }

    pub async fn ask(&self, operation: Operation) -> Outcome {
        match self.command(Command::Ask(operation)).await {
            Ok(Reply::Decided(_, outcome)) => outcome,
            other => panic!("not decided: {other:?}"),
        }
    }

    /// Ends the tab's connection. It comes back when it is told to go online.
    pub fn disconnect(&self) {
        self.client.disconnect();
    }

    pub fn has_name(view: View<'_>, name: &str) -> bool {
        view.records().any(|record| record.shown("name") == name)
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        // It has the other handle on the client.
        self.audit.abort();
    }
}

/// Checks the invariants of a client's replica after every step.
async fn audit(client: Replica) {
    let audited = Mutex::new((client.replica(), Audit::default(), SoundVersions::default()));
    let _stopped = client
        .until(|session| {
            let (of, audit, sound) = &mut *audited.lock().expect("no invariant is broken");
            let me = session.view().me();
            if *of != me {
                (*of, *audit, *sound) = (me, Audit::default(), SoundVersions::default());
            }
            session.replica().into_iter().for_each(|replica| audit.check(replica, sound));
            false
        })
        .await;
}

pub fn people() -> Room {
    Room::try_from("people".to_owned()).expect("a name of a room")
}

/// The hosts and ports in the URLs of WebSockets.
fn addresses(urls: &[String]) -> impl Iterator<Item = String> {
    let address = |url: &String| url.strip_prefix("ws://")?.strip_suffix("/ws").map(str::to_owned);
    urls.iter().map(move |url| address(url).expect("the URL of a relay"))
}

pub fn new_replica_id() -> ReplicaId {
    ReplicaId(getrandom::u64().expect("the system gives random numbers"))
}

/// A secret that proves an id which nobody has had.
pub fn new_secret() -> ReplicaSecret {
    let mut bytes = [0; ReplicaSecret::BYTES];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    ReplicaSecret::new(bytes)
}

/// A WebSocket to a relay, for sending whatever one likes.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoder: Encoder,
    decoder: Decoder,
    /// How the relay has closed it.
    pub closed: Option<CloseFrame>,
}

impl Client {
    pub async fn connect(request: impl tungstenite::client::IntoClientRequest + Unpin) -> tungstenite::Result<Self> {
        let (socket, _response) = connect_async(request).await?;
        Ok(Client { socket, encoder: Encoder::default(), decoder: Decoder::new(MAX_FRAME_BYTES), closed: None })
    }

    /// Sends a frame. A relay that has closed meanwhile says so when reading.
    pub async fn send(&mut self, frame: &Frame) {
        let bytes = self.encoder.frame(frame);
        self.send_packet(Packet::Binary(bytes.into())).await;
    }

    pub async fn send_packet(&mut self, packet: Packet) {
        let _has_closed = self.socket.send(packet).await;
    }

    /// The next frame of the relay, or nothing when the connection has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.socket.next().await? {
                Ok(Packet::Binary(bytes)) => return Some(self.decoder.frame(&bytes).expect("a frame")),
                Ok(Packet::Close(frame)) => self.closed = frame,
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// What the relay says in parting, after anything else that it says.
    pub async fn bye(&mut self) -> Option<Violation> {
        let mut bye = None;
        while let Some(frame) = timeout(PATIENCE, self.next()).await.expect("the connection ends in time") {
            if let Frame::Bye(violation) = frame {
                bye = Some(violation);
            }
        }
        bye
    }
}
