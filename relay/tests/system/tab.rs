//! A native tab: the same replica as in a browser, behind a real WebSocket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use shared::base::dot::DotSet;
use shared::base::id::{RecordId, ReplicaId, ReplicaSecret};
use shared::ledger::{Operation, Outcome};
use shared::merge::document::SoundVersions;
use shared::protocol::{Decoder, Encoder, Frame, Hello, MAX_FRAME_BYTES};
use shared::replica::io::{
    Command, CommandId, CommandRejection, Input, Message, Now, PeerId, PeerKind, Recovered, Reply, Violation,
};
use shared::replica::{Audit, Config, Replica, Role, View};
use shared::schema::{FieldEdit, Schema};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message as Packet};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::cluster::PATIENCE;

/// A replica in the role of a tab, which keeps connected to one of some relays. It ends when this is dropped.
pub struct Tab {
    secret: ReplicaSecret,
    events: mpsc::UnboundedSender<Event>,
    state: Arc<Mutex<State>>,
    changes: watch::Receiver<u64>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

struct State {
    replica: Replica,
    /// Remembers which parts of the replica were checked.
    audit: Audit,
    sound: SoundVersions,
    /// The own dots that a relay has acknowledged as durable.
    acknowledged: DotSet,
    /// How often a connection was lost.
    losses: usize,
    /// What relays said in parting.
    byes: Vec<Violation>,
    /// Why the tab has left relays.
    left: Vec<Violation>,
}

enum Event {
    Up(PeerId, PeerKind, mpsc::UnboundedSender<Frame>),
    Frame(PeerId, Frame),
    Down(PeerId),
    Command(Command, oneshot::Sender<Result<Reply, CommandRejection>>),
}

type Answers = BTreeMap<CommandId, oneshot::Sender<Result<Reply, CommandRejection>>>;

impl Tab {
    /// A new tab in the room `people`, and waits until it is connected. It moves on to the next of `urls` whenever a
    /// connection is lost.
    pub async fn open(urls: &[String]) -> Self {
        Self::open_with(&Schema::people(), urls).await
    }

    /// The same, in a room of this schema.
    pub async fn open_with(schema: &Schema, urls: &[String]) -> Self {
        let tab = Self::start(new_secret(), schema.clone(), urls);
        tab.until("it is connected", |view| view.is_connected()).await;
        tab
    }

    /// A tab whose id this secret proves. It need not ever be connected.
    pub fn under(secret: ReplicaSecret, urls: &[String]) -> Self {
        Self::start(secret, Schema::people(), urls)
    }

    fn start(secret: ReplicaSecret, schema: Schema, urls: &[String]) -> Self {
        let (events, inbox) = mpsc::unbounded_channel();
        let config = Config { replica: secret.replica(), schema, role: Role::Tab };
        let state = State {
            replica: Replica::recover(config, Recovered::default(), now()),
            audit: Audit::default(),
            sound: SoundVersions::default(),
            acknowledged: DotSet::default(),
            losses: 0,
            byes: Vec::new(),
            left: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let (changed, changes) = watch::channel(0);
        let tasks = Mutex::new(vec![tokio::spawn(drive(Arc::clone(&state), inbox, changed))]);
        let tab = Tab { secret, events, state, changes, tasks };
        tab.go_online(urls);
        tab
    }

    /// From now on the tab keeps connected to one of `urls`.
    pub fn go_online(&self, urls: &[String]) {
        let task = tokio::spawn(stay_connected(self.secret.clone(), urls.to_vec(), self.events.clone()));
        self.tasks.lock().unwrap().push(task);
    }

    /// What the tab sees.
    pub fn view<T>(&self, read: impl FnOnce(View<'_>) -> T) -> T {
        read(self.state.lock().expect("the tab's task has not failed").replica.view())
    }

    /// The own dots that a relay has acknowledged as durable.
    pub fn acknowledged(&self) -> DotSet {
        self.state.lock().expect("the tab's task has not failed").acknowledged.clone()
    }

    pub fn losses(&self) -> usize {
        self.state.lock().expect("the tab's task has not failed").losses
    }

    pub fn byes(&self) -> Vec<Violation> {
        self.state.lock().expect("the tab's task has not failed").byes.clone()
    }

    /// Why the tab has left relays whose log is another one than its own.
    pub fn left(&self) -> Vec<Violation> {
        self.state.lock().expect("the tab's task has not failed").left.clone()
    }

    /// Waits until the tab sees something.
    pub async fn until(&self, what: &str, condition: impl Fn(View<'_>) -> bool) {
        self.until_so(what, || self.view(&condition)).await;
    }

    /// Waits until something holds that may change whenever something happens to the tab.
    pub async fn until_so(&self, what: &str, condition: impl Fn() -> bool) {
        let mut changes = self.changes.clone();
        let wait = async {
            while !condition() {
                changes.changed().await.expect("the tab's task has not failed");
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "not in time: {what}");
    }

    /// Gives a command; the answer comes when it is done or decided.
    pub async fn command(&self, command: Command) -> Result<Reply, CommandRejection> {
        let (answer, answered) = oneshot::channel();
        self.events.send(Event::Command(command, answer)).unwrap_or_else(|_| panic!("the tab's task has failed"));
        timeout(PATIENCE, answered).await.expect("an answer in time").expect("the tab's task has not failed")
    }

    pub async fn add(&self, name: &str) -> RecordId {
        let fields = vec![("name".to_owned(), FieldEdit::Assign(name.to_owned()))];
        match self.command(Command::Add { fields }).await {
            Ok(Reply::Added(record)) => record,
            other => panic!("not added: {other:?}"),
        }
    }

    pub async fn edit(&self, record: RecordId, field: &str, value: &str) {
        let edit = FieldEdit::Assign(value.to_owned());
        let edit = Command::Edit { record, field: field.to_owned(), edit, seen: None };
        assert_eq!(self.command(edit).await, Ok(Reply::Done));
    }

    pub async fn ask(&self, operation: Operation) -> Outcome {
        match self.command(Command::Ask(operation)).await {
            Ok(Reply::Decided(_, outcome)) => outcome,
            other => panic!("not decided: {other:?}"),
        }
    }

    /// Ends the tab's tasks, and with them its connection, for good.
    pub fn disconnect(&self) {
        self.tasks.lock().unwrap().iter().for_each(JoinHandle::abort);
    }

    pub fn has_name(view: View<'_>, name: &str) -> bool {
        view.records().any(|record| record.shown("name") == name)
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.disconnect();
    }
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

fn now() -> Now {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    Now { monotonic: START.elapsed(), wall_ms: wall.as_millis() as u64 }
}

/// The driver loop of `shared`: one event at a time.
async fn drive(state: Arc<Mutex<State>>, mut inbox: mpsc::UnboundedReceiver<Event>, changed: watch::Sender<u64>) {
    let mut link: Option<(PeerId, mpsc::UnboundedSender<Frame>)> = None;
    let mut answers = Answers::new();
    let mut next_command = 0;
    loop {
        let deadline = state.lock().unwrap().replica.deadline();
        let wait = deadline.map_or(Duration::from_secs(3600), |at| at.saturating_sub(now().monotonic));
        let input = tokio::select! {
            event = inbox.recv() => match event {
                None => return,
                Some(Event::Up(peer, relay, frames)) => {
                    link = Some((peer, frames));
                    Input::PeerUp(peer, relay)
                }
                Some(Event::Frame(peer, Frame::Message(message))) => {
                    if let Message::Stored { context, .. } = &message {
                        state.lock().unwrap().acknowledged.join(context);
                    }
                    Input::Receive(peer, message)
                }
                Some(Event::Frame(_, Frame::Bye(violation))) => {
                    state.lock().unwrap().byes.push(violation);
                    changed.send_modify(|count| *count += 1);
                    continue;
                }
                Some(Event::Frame(_, other)) => panic!("a relay sent a tab {other:?}"),
                Some(Event::Down(peer)) => {
                    state.lock().unwrap().losses += 1;
                    Input::PeerDown(peer)
                }
                Some(Event::Command(command, answer)) => {
                    next_command += 1;
                    answers.insert(CommandId(next_command), answer);
                    Input::Command(CommandId(next_command), command)
                }
            },
            () = sleep_until(Instant::now() + wait), if deadline.is_some() => Input::Wake,
        };
        step(&state, input, &link, &mut answers);
        changed.send_modify(|count| *count += 1);
    }
}

/// One step. The disk of this tab is its memory, so what it writes is durable at once.
fn step(
    state: &Mutex<State>,
    input: Input,
    link: &Option<(PeerId, mpsc::UnboundedSender<Frame>)>,
    answers: &mut Answers,
) {
    let mut next = Some(input);
    while let Some(input) = next.take() {
        let State { replica, audit, sound, left, .. } = &mut *state.lock().unwrap();
        let output = replica.handle(now(), input);
        audit.check(replica, sound);
        for (_, violation) in output.cut {
            assert_eq!(violation, Violation::Diverged, "a tab cuts no relay of its room");
            left.push(violation.clone());
            if let Some((_, frames)) = link {
                let _connection_has_ended = frames.send(Frame::Bye(violation));
            }
        }
        next = output.write.map(|batch| Input::Persisted(batch.id));
        for envelope in output.sends {
            if let Some((peer, frames)) = link
                && *peer == envelope.to
            {
                let _connection_has_ended = frames.send(Frame::Message(envelope.message));
            }
        }
        for (id, reply) in output.replies {
            if let Some(answer) = answers.remove(&id) {
                let _nobody_waits = answer.send(reply);
            }
        }
    }
}

async fn stay_connected(secret: ReplicaSecret, urls: Vec<String>, events: mpsc::UnboundedSender<Event>) {
    for (attempt, url) in (0..).zip(urls.iter().cycle()) {
        if let Ok(mut client) = Client::connect(url).await {
            client.send(&Frame::Hello(Hello::Tab { secret: secret.clone(), room: "people".to_owned() })).await;
            if let Some(Frame::Hello(Hello::Relay { voter, replica, .. })) = client.next().await {
                let peer = PeerId(attempt);
                serve(client, peer, PeerKind::Relay(voter, replica), &events).await;
                let _tab_is_gone = events.send(Event::Down(peer));
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn serve(mut client: Client, peer: PeerId, relay: PeerKind, events: &mpsc::UnboundedSender<Event>) {
    let (frames, mut outgoing) = mpsc::unbounded_channel();
    if events.send(Event::Up(peer, relay, frames)).is_err() {
        return;
    }
    loop {
        tokio::select! {
            incoming = client.next() => match incoming {
                Some(frame) => drop(events.send(Event::Frame(peer, frame))),
                None => return,
            },
            Some(frame) = outgoing.recv() => {
                client.send(&frame).await;
                if matches!(frame, Frame::Bye(_)) {
                    return;
                }
            }
        }
    }
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
