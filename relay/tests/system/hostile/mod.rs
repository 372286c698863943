//! A peer that breaks the protocol is told why and cut; the others notice nothing.

mod budgets;
mod identity;
mod links;
mod rooms;

mod connections;
mod numbers;
mod pages;

use std::time::{Duration, SystemTime};

use shared::base::dot::DotSet;
use shared::base::id::{RelayId, ReplicaId, ReplicaSecret};
use shared::base::room::Room;
use shared::base::sorted::SortedMap;
use shared::consensus::{self, Ballot};
use shared::ledger::{Operation, Request, RequestId};
use shared::merge::document::{Digest, Liveness};
use shared::protocol::{self, Frame, Hello, MAX_TAB_FRAME_BYTES, Relays};
use shared::replica::io::{Command, CommandId, Input, Message, Now, Output, PeerId, PeerKind, Recovered, Violation};
use shared::replica::{Config, Replica, Role};
use shared::schema::{FieldEdit, Schema};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request as HttpRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message as Packet};

use crate::cluster::Cluster;
use crate::tab::{Client, Tab, new_replica_id, new_secret};

/// A relay with a tab that does nothing wrong and must notice nothing.
struct Scene {
    cluster: Cluster,
    bystander: Tab,
}

impl Scene {
    async fn new() -> Self {
        let cluster = Cluster::start(1);
        let bystander = Tab::open(&[cluster.url(1)]).await;
        Scene { cluster, bystander }
    }

    /// A connection that has said hello.
    async fn attacker(&self, secret: &ReplicaSecret) -> Client {
        let mut client = Client::connect(self.cluster.url(1)).await.expect("a connection");
        client.send(&Frame::Hello(Hello::Tab { secret: secret.clone(), room: "people".to_owned() })).await;
        assert!(is_hello_of_relay(client.next().await));
        client
    }

    /// Sends one packet as a tab, and gives the answer to it.
    async fn answer_to(&self, packet: Packet) -> Violation {
        let mut client = self.attacker(&new_secret()).await;
        client.send_packet(packet).await;
        refused(client).await
    }

    async fn answer_to_message(&self, secret: &ReplicaSecret, message: Message) -> Violation {
        self.answer_to_frame(secret, &Frame::Message(message)).await
    }

    async fn answer_to_frame(&self, secret: &ReplicaSecret, frame: &Frame) -> Violation {
        let mut client = self.attacker(secret).await;
        client.send(frame).await;
        refused(client).await
    }

    async fn nobody_else_noticed(&self) {
        let record = self.bystander.add("Anna").await;
        self.bystander.ask(Operation::Allocate { record }).await.expect("a number");
        self.bystander.until("its edits are stored", |view| view.unsaved_edits() == 0).await;
        assert_eq!(self.bystander.losses(), 0);
        let names = self.bystander.view(|view| view.records().map(|r| r.shown("name").to_owned()).collect::<Vec<_>>());
        assert_eq!(names, ["Anna"]);
    }
}

fn is_hello_of_relay(frame: Option<Frame>) -> bool {
    let Some(Frame::Hello(Hello::Relay { voter, schema, .. })) = frame else { return false };
    (voter, schema) == (RelayId(1), Schema::people())
}

pub fn hello_of_link(voter: u16) -> Frame {
    Frame::Hello(Hello::Link { voter: RelayId(voter), replica: new_replica_id(), schema: Schema::people() })
}

/// The reason that a relay gives before it closes as RFC 6455 asks for.
async fn refused(mut client: Client) -> Violation {
    let violation = client.bye().await.expect("a reason");
    let closed = client.closed.expect("a close frame");
    assert_eq!(closed.code, CloseCode::Policy);
    let reason = closed.reason.as_str();
    assert!(!reason.is_empty() && violation.to_string().starts_with(reason), "{reason}");
    violation
}

/// A person added in a tab whose clock is off by `ahead`.
struct Addition {
    /// How the tab tells it live.
    edit: Message,
    /// How the tab tells it to a relay that has nothing.
    delta: Message,
}

fn addition(replica: ReplicaId, ahead: Duration) -> Addition {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + ahead;
    let now = Now { monotonic: Duration::ZERO, wall_ms: wall.as_millis() as u64 };
    let mut tab =
        Replica::recover(Config { replica, schema: Schema::people(), role: Role::Tab }, Recovered::default(), now);
    let _have = tab.handle(now, Input::PeerUp(PeerId(0), PeerKind::Relay(RelayId(1), ReplicaId(1))));
    let _nothing = tab.handle(now, Input::Receive(PeerId(0), empty_have()));
    let fields = vec![("name".to_owned(), FieldEdit::Assign("Mallory".to_owned()))];
    let output = tab.handle(now, Input::Command(CommandId(0), Command::Add { fields }));
    let written = output.write.expect("a new person is stored").id;
    let live = tab.handle(now, Input::Persisted(written));
    let resync = tab.handle(now, Input::Receive(PeerId(0), empty_have()));
    let sent = |output: Output, wanted: fn(&Message) -> bool| {
        output.sends.into_iter().map(|envelope| envelope.message).find(wanted).expect("it is sent")
    };
    Addition {
        edit: sent(live, |message| matches!(message, Message::Edit(_))),
        delta: sent(resync, |message| matches!(message, Message::Delta(_))),
    }
}

fn empty_have() -> Message {
    Message::Have {
        context: DotSet::default(),
        fingerprint: 0,
        decided: consensus::Slot(0),
        chain: 0,
        restores: Default::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_are_no_frames_are_refused() {
    let scene = Scene::new().await;
    let garbage = scene.answer_to(Packet::binary(vec![protocol::VERSION, 0xff, 0xff, 0xff])).await;
    assert!(matches!(garbage, Violation::Malformed { .. }), "{garbage}");
    let empty = scene.answer_to(Packet::binary(vec![])).await;
    assert!(matches!(empty, Violation::Malformed { .. }), "{empty}");
    let text = scene.answer_to(Packet::text("hello")).await;
    assert!(matches!(text, Violation::Malformed { .. }), "{text}");
    let version = scene.answer_to(Packet::binary(vec![77, 0])).await;
    assert!(matches!(version, Violation::Version { theirs: 77, .. }), "{version}");
    let oversized = scene.answer_to(Packet::binary(vec![protocol::VERSION; MAX_TAB_FRAME_BYTES + 1])).await;
    assert_eq!(oversized, Violation::Oversized { limit: MAX_TAB_FRAME_BYTES });
    scene.nobody_else_noticed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tab_may_not_say_is_refused() {
    let scene = Scene::new().await;
    let (secret, other) = (&new_secret(), new_replica_id());
    let me = secret.replica();
    let Addition { edit, delta } = addition(other, Duration::ZERO);
    for foreign in [edit, delta] {
        let answer = scene.answer_to_message(secret, foreign).await;
        assert!(matches!(answer, Violation::ForeignDot { dot } if dot.replica() == other), "{answer}");
    }
    let Addition { edit, delta } = addition(me, Duration::from_secs(86_400));
    for late in [edit, delta] {
        let answer = scene.answer_to_message(secret, late).await;
        assert!(matches!(answer, Violation::Clock(_)), "{answer}");
    }
    let request = |replica, operation| {
        Message::Propose(Request {
            id: RequestId { replica, seq: 1 },
            settled: 0,
            seen: consensus::Slot(0),
            after: None,
            operation,
        })
    };
    let raise = request(other, Operation::Raise { number: 9 });
    assert_eq!(scene.answer_to_message(secret, raise).await, Violation::ForeignRequest);
    let reconfigure = request(me, Operation::Reconfigure { from: 0, voters: SortedMap::from([(RelayId(9), me)]) });
    assert_eq!(scene.answer_to_message(secret, reconfigure).await, Violation::NotForTabs);
    let ballot = Ballot { configuration: 0, round: 99, voter: RelayId(1) };
    let vote = Message::Paxos(consensus::Message::StepDown { ballot });
    assert_eq!(scene.answer_to_message(secret, vote).await, Violation::NotForTabs);
    let (context, majority) = (DotSet::default(), DotSet::default());
    let stored = Message::Stored { context, configuration: 0, majority };
    assert_eq!(scene.answer_to_message(secret, stored).await, Violation::NotForTabs);
    let held = Message::Held { dots: DotSet::default() };
    assert_eq!(scene.answer_to_message(secret, held).await, Violation::NotForTabs);
    let room = Room::try_from("people".to_owned()).expect("the name of a room");
    let in_room = Frame::InRoom(room, addition(me, Duration::ZERO).edit);
    assert_eq!(scene.answer_to_frame(secret, &in_room).await, Violation::NotForTabs);
    let relays = Frame::Relays(Relays::default());
    assert_eq!(scene.answer_to_frame(secret, &relays).await, Violation::NotForTabs);
    scene.nobody_else_noticed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_starts_wrong_is_refused() {
    let scene = Scene::new().await;
    let silent = async {
        let client = Client::connect(scene.cluster.url(1)).await.expect("a connection");
        refused(client).await
    };
    let no_hello = async {
        let mut client = Client::connect(scene.cluster.url(1)).await.expect("a connection");
        client.send(&Frame::Message(addition(new_replica_id(), Duration::ZERO).edit)).await;
        refused(client).await
    };
    let wrong_hello = async {
        let mut client = Client::connect(scene.cluster.url(1)).await.expect("a connection");
        client.send(&hello_of_link(1)).await;
        refused(client).await
    };
    let violations: [Violation; 3] = tokio::join!(silent, no_hello, wrong_hello).into();
    for violation in violations {
        assert!(matches!(violation, Violation::Malformed { .. }), "{violation}");
    }
    scene.nobody_else_noticed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_cut() {
    let scene = Scene::new().await;
    // Each of these costs as much as a hundred other messages.
    let ask = Message::AskLiveness { of: 64, buckets: (0..64).collect() };
    let liveness = Message::Liveness(Liveness::default());
    let dear = [empty_have(), Message::More, Message::Digest(Digest::default()), ask, liveness];
    for message in dear {
        let mut flood = scene.attacker(&new_secret()).await;
        for _ in 0..200 {
            flood.send(&Frame::Message(message.clone())).await;
        }
        let answer = refused(flood).await;
        assert!(matches!(answer, Violation::TooFast { .. }), "{message:?}: {answer}");
    }
    scene.nobody_else_noticed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_a_bad_name_is_refused_with_the_rule() {
    let scene = Scene::new().await;
    let mut client = Client::connect(scene.cluster.url(1)).await.expect("a connection");
    client.send(&Frame::Hello(Hello::Tab { secret: new_secret(), room: "a/b".to_owned() })).await;
    assert_eq!(refused(client).await, Violation::BadRoom);
    scene.nobody_else_noticed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_connections_of_one_replica_the_newer_one_stays() {
    let scene = Scene::new().await;
    let secret = new_secret();
    let mut older = scene.attacker(&secret).await;
    assert!(matches!(older.next().await, Some(Frame::Message(Message::Have { .. }))), "the room knows of it");
    let mut newer = scene.attacker(&secret).await;
    assert_eq!(older.bye().await, Some(Violation::Replaced));
    assert_eq!(older.closed.expect("a close frame").code, CloseCode::Library(4001));
    newer.send(&Frame::Message(addition(secret.replica(), Duration::ZERO).edit)).await;
    scene.bystander.until("the newer one's edit", |view| Tab::has_name(view, "Mallory")).await;
}

pub fn http_request(url: &str, name: HeaderName, value: &str) -> HttpRequest {
    let mut request = url.into_client_request().expect("a URL");
    request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header"));
    request
}

/// The status with which a relay refuses to open a WebSocket.
async fn status(request: impl IntoClientRequest + Unpin) -> u16 {
    match Client::connect(request).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("no HTTP answer: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_from_elsewhere_are_refused() {
    let cluster = Cluster::start_with(1, &["--allow-origin", "https://duet.example"]);
    let url = cluster.url(1);
    assert_eq!(status(http_request(&url, header::ORIGIN, "https://evil.example")).await, 403);
    assert_eq!(status(http_request(&url, header::ORIGIN, "null")).await, 403);
    assert_eq!(status(http_request(&url, header::ORIGIN, "http://localhost:8080")).await, 101);
    assert_eq!(status(http_request(&url, header::ORIGIN, "https://duet.example")).await, 101);
    assert_eq!(status(&url).await, 101);
}
