//! Somebody else at work: a replica as in a tab, without a page, at a real relay.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use shared::base::id::{RecordId, ReplicaSecret};
use shared::protocol::{Decoder, Encoder, Frame, Hello, MAX_FRAME_BYTES};
use shared::replica::io::{Command, CommandId, Input, Now, Output, PeerId, PeerKind, Recovered, Reply};
use shared::replica::{Config, Replica, Role};
use shared::schema::{FieldEdit, NAME, NOTE, Schema, TAGS};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const LINK: PeerId = PeerId(0);
const GIVEN_NAMES: [&str; 10] = ["Anna", "Bert", "Cem", "Dana", "Egor", "Fatima", "Gustav", "Hana", "Igor", "Jun"];
const FAMILY_NAMES: [&str; 9] = ["Berg", "Dahl", "Aydin", "Roth", "Novak", "Ivanov", "Sato", "Moreau", "Okoye"];

/// A replica of the room `people`, which works offline until it connects.
pub struct Writer {
    secret: ReplicaSecret,
    replica: Replica,
    commands: u64,
    people: Vec<RecordId>,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    encoder: Encoder,
    decoder: Decoder,
}

impl Writer {
    /// A replica whose id this secret proves.
    #[must_use]
    pub fn new(secret: ReplicaSecret) -> Self {
        let config = Config { replica: secret.replica(), schema: Schema::people(), role: Role::Tab };
        Writer {
            secret,
            replica: Replica::recover(config, Recovered::default(), now()),
            commands: 0,
            people: Vec::new(),
            socket: None,
            encoder: Encoder::default(),
            decoder: Decoder::new(MAX_FRAME_BYTES),
        }
    }

    /// Adds so many people with a name each, a note, and some with tags.
    ///
    /// # Errors
    /// If the link broke.
    pub async fn add_people(&mut self, count: usize) -> Result<()> {
        let assign = |field: &str, text: String| (field.to_owned(), FieldEdit::Assign(text));
        for at in self.people.len()..self.people.len() + count {
            let mut fields = vec![assign(NAME, name(at)), assign(NOTE, format!("joined in {}", 1990 + at % 36))];
            if at % 4 == 0 {
                fields.push((TAGS.to_owned(), FieldEdit::Insert("choir".to_owned())));
            }
            self.command(Command::Add { fields }).await?;
        }
        Ok(())
    }

    /// Changes the note of a person, by the order in which they were added.
    ///
    /// # Errors
    /// If the link broke.
    pub async fn write_note(&mut self, person: usize, note: &str) -> Result<()> {
        let edit = FieldEdit::Assign(note.to_owned());
        self.command(Command::Edit { record: self.people[person], field: NOTE.to_owned(), edit, seen: None }).await
    }

    /// Connects to the relay whose page is at `url`, anew if need be, and waits until that has everything. A link over
    /// which nobody listens is cut before long.
    ///
    /// # Errors
    /// If the relay does not take it.
    pub async fn connect(&mut self, url: &str) -> Result<()> {
        if self.socket.take().is_some() {
            self.handle(Input::PeerDown(LINK)).await?;
        }
        let (socket, _response) = connect_async(format!("{}ws", url.replacen("http", "ws", 1))).await?;
        self.socket = Some(socket);
        // Both remember what was said over a link.
        (self.encoder, self.decoder) = (Encoder::default(), Decoder::new(MAX_FRAME_BYTES));
        self.send(&Frame::Hello(Hello::Tab { secret: self.secret.clone(), room: "people".to_owned() })).await?;
        let Frame::Hello(Hello::Relay { voter, replica, .. }) = self.receive().await? else {
            bail!("a relay greets first")
        };
        self.handle(Input::PeerUp(LINK, PeerKind::Relay(voter, replica))).await?;
        while self.replica.view().unsaved_edits() > 0 || self.replica.view().status().is_none() {
            self.listen_until(Instant::now() + Duration::from_millis(20)).await?;
        }
        Ok(())
    }

    /// Takes in what comes until then.
    ///
    /// # Errors
    /// If the link broke.
    pub async fn listen_until(&mut self, until: Instant) -> Result<()> {
        while let Ok(frame) = timeout_at(until, self.receive()).await {
            match frame? {
                Frame::Message(message) => self.handle(Input::Receive(LINK, message)).await?,
                Frame::Bye(violation) => bail!("the relay has cut the link: {violation}"),
                _ => {}
            }
        }
        self.handle(Input::Wake).await
    }

    async fn command(&mut self, command: Command) -> Result<()> {
        self.commands += 1;
        self.handle(Input::Command(CommandId(self.commands), command)).await
    }

    /// What it writes is as durable at once as it will ever be.
    async fn handle(&mut self, input: Input) -> Result<()> {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let Output { write, sends, replies, .. } = self.replica.handle(now(), input);
            next = write.map(|batch| Input::Persisted(batch.id));
            for envelope in sends {
                self.send(&Frame::Message(envelope.message)).await?;
            }
            for (_, reply) in replies {
                if let Reply::Added(record) = reply? {
                    self.people.push(record);
                }
            }
        }
        Ok(())
    }

    async fn send(&mut self, frame: &Frame) -> Result<()> {
        // What is said offline is said again when the link comes up.
        let Some(socket) = self.socket.as_mut() else { return Ok(()) };
        let bytes = self.encoder.frame(frame);
        socket.send(Packet::Binary(bytes.into())).await.context("the relay is gone")
    }

    async fn receive(&mut self) -> Result<Frame> {
        let socket = self.socket.as_mut().context("not connected")?;
        loop {
            let packet = socket.next().await.context("the relay has closed the link")??;
            if let Packet::Binary(bytes) = packet {
                return self.decoder.frame(&bytes).context("a relay sends frames");
            }
        }
    }
}

/// What the person that is added as number `at` is called. Each has another name; they are not in alphabetical order.
#[must_use]
pub fn name(at: usize) -> String {
    format!("{} {} {at:05}", GIVEN_NAMES[at * 7 % GIVEN_NAMES.len()], FAMILY_NAMES[at * 5 % FAMILY_NAMES.len()])
}

fn now() -> Now {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    Now { monotonic: START.elapsed(), wall_ms: wall.as_millis() as u64 }
}
