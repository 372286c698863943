//! Whoever breaks the protocol is told why and cut; the others notice nothing.

use std::time::{Duration, SystemTime};

use shared::crdt::FieldEdit;
use shared::dot::DotSet;
use shared::id::{ReplicaId, VoterId};
use shared::io::{Command, CommandId, Input, Message, Now, PeerId, PeerKind, Recovered, Violation};
use shared::ledger::{Claim, ClaimId, Wish};
use shared::paxos::{self, Ballot};
use shared::replica::{Config, Replica, Role};
use shared::schema::Schema;
use shared::wire::{Frame, Hello, MAX_TAB_FRAME_BYTES, Room};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message as Packet};

use crate::cluster::Cluster;
use crate::tab::{Client, Tab, new_replica_id};

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
    async fn attacker(&self, replica: ReplicaId) -> Client {
        let mut client = Client::connect(self.cluster.url(1)).await.expect("a connection");
        client.send(&Frame::Hello(Hello::Tab { replica, room: "people".to_owned() })).await;
        assert_eq!(client.next().await, Some(Frame::Hello(Hello::Relay { voter: VoterId(1) })));
        client
    }

    /// Sends one packet as a tab, and gives the answer to it.
    async fn answer_to(&self, packet: Packet) -> Violation {
        let mut client = self.attacker(new_replica_id()).await;
        client.send_packet(packet).await;
        refused(client).await
    }

    async fn answer_to_message(&self, replica: ReplicaId, message: Message) -> Violation {
        let mut client = self.attacker(replica).await;
        client.send(&Frame::Message(message)).await;
        refused(client).await
    }

    async fn nobody_else_noticed(&self) {
        let record = self.bystander.add("Anna").await;
        self.bystander.ask(Wish::Allocate { record }).await.expect("a number");
        self.bystander.until("its edits are stored", |view| view.unsaved_edits() == 0).await;
        assert_eq!(self.bystander.losses(), 0);
        let names = self.bystander.view(|view| view.records().map(|r| r.shown("name").to_owned()).collect::<Vec<_>>());
        assert_eq!(names, ["Anna"]);
    }
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

/// What a tab whose clock is off by `ahead` sends when somebody is added in it.
fn delta_of(replica: ReplicaId, ahead: Duration) -> Message {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + ahead;
    let now = Now { monotonic: Duration::ZERO, wall_ms: wall.as_millis() as u64 };
    let mut tab =
        Replica::recover(Config { replica, schema: Schema::people(), role: Role::Tab }, Recovered::default(), now);
    let _have = tab.handle(now, Input::PeerUp(PeerId(0), PeerKind::Relay(VoterId(1))));
    let fields = vec![("name".to_owned(), FieldEdit::Assign("Mallory".to_owned()))];
    let output = tab.handle(now, Input::Command(CommandId(0), Command::Add { fields }));
    let written = output.write.expect("a new person is stored").id;
    let sends = tab.handle(now, Input::Persisted(written)).sends;
    let deltas = sends.into_iter().map(|envelope| envelope.message);
    deltas.into_iter().find(|message| matches!(message, Message::Delta(_))).expect("a delta")
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_are_no_frames_are_refused() {
    let scene = Scene::new().await;
    let garbage = scene.answer_to(Packet::binary(vec![1, 0xff, 0xff, 0xff])).await;
    assert!(matches!(garbage, Violation::Malformed { .. }), "{garbage}");
    let empty = scene.answer_to(Packet::binary(vec![])).await;
    assert!(matches!(empty, Violation::Malformed { .. }), "{empty}");
    let text = scene.answer_to(Packet::text("hello")).await;
    assert!(matches!(text, Violation::Malformed { .. }), "{text}");
    let version = scene.answer_to(Packet::binary(vec![77, 0])).await;
    assert!(matches!(version, Violation::Version { theirs: 77, .. }), "{version}");
    let oversized = scene.answer_to(Packet::binary(vec![1; MAX_TAB_FRAME_BYTES + 1])).await;
    assert_eq!(oversized, Violation::Oversized { limit: MAX_TAB_FRAME_BYTES });
    scene.nobody_else_noticed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tab_may_not_say_is_refused() {
    let scene = Scene::new().await;
    let (me, other) = (new_replica_id(), new_replica_id());
    let foreign = scene.answer_to_message(me, delta_of(other, Duration::ZERO)).await;
    assert!(matches!(foreign, Violation::ForeignDot { dot } if dot.replica == other), "{foreign}");
    let late = scene.answer_to_message(me, delta_of(me, Duration::from_secs(86_400))).await;
    assert!(matches!(late, Violation::Clock(_)), "{late}");
    let claim = Claim { id: ClaimId { replica: other, seq: 1 }, wish: Wish::Raise { number: 9 } };
    assert_eq!(scene.answer_to_message(me, Message::Propose(claim)).await, Violation::ForeignClaim);
    let ballot = Ballot { round: 99, voter: VoterId(1) };
    let vote = Message::Paxos(paxos::Message::StepDown { ballot });
    assert_eq!(scene.answer_to_message(me, vote).await, Violation::NotForTabs);
    let stored = Message::Stored { context: DotSet::default() };
    assert_eq!(scene.answer_to_message(me, stored).await, Violation::NotForTabs);
    let room = Room::try_from("people".to_owned()).expect("the name of a room");
    let in_room = shared::wire::encode(&Frame::InRoom(room, delta_of(me, Duration::ZERO)));
    assert_eq!(scene.answer_to(Packet::binary(in_room)).await, Violation::NotForTabs);
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
        client.send(&Frame::Message(delta_of(new_replica_id(), Duration::ZERO))).await;
        refused(client).await
    };
    let wrong_hello = async {
        let mut client = Client::connect(scene.cluster.url(1)).await.expect("a connection");
        client.send(&Frame::Hello(Hello::Link { voter: VoterId(1), replica: new_replica_id() })).await;
        refused(client).await
    };
    let violations: [Violation; 3] = tokio::join!(silent, no_hello, wrong_hello).into();
    for violation in violations {
        assert!(matches!(violation, Violation::Malformed { .. }), "{violation}");
    }
    scene.nobody_else_noticed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_cut_and_so_are_rooms_without_end() {
    let scene = Scene::new().await;
    let mut flood = scene.attacker(new_replica_id()).await;
    // Asking for a resync costs as much as a hundred other messages.
    let have = Message::Have { context: DotSet::default(), fingerprint: Default::default(), decided: paxos::Slot(0) };
    for _ in 0..200 {
        flood.send(&Frame::Message(have.clone())).await;
    }
    assert!(matches!(refused(flood).await, Violation::TooFast { .. }));
    let mut clients = Vec::new();
    for number in 1..64 {
        clients.push(enter(&scene, &format!("room-{number}")).await);
    }
    let one_too_many = refused(enter(&scene, "room-64").await).await;
    assert_eq!(one_too_many, Violation::TooManyRooms { limit: 64 });
    scene.nobody_else_noticed().await;
}

async fn enter(scene: &Scene, name: &str) -> Client {
    let mut client = Client::connect(scene.cluster.url(1)).await.expect("a connection");
    client.send(&Frame::Hello(Hello::Tab { replica: new_replica_id(), room: name.to_owned() })).await;
    assert_eq!(client.next().await, Some(Frame::Hello(Hello::Relay { voter: VoterId(1) })));
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_a_bad_name_is_refused_with_the_rule() {
    let scene = Scene::new().await;
    let mut client = Client::connect(scene.cluster.url(1)).await.expect("a connection");
    client.send(&Frame::Hello(Hello::Tab { replica: new_replica_id(), room: "a/b".to_owned() })).await;
    assert_eq!(refused(client).await, Violation::BadRoom);
    scene.nobody_else_noticed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_connections_of_one_replica_the_newer_one_stays() {
    let scene = Scene::new().await;
    let replica = new_replica_id();
    let mut older = scene.attacker(replica).await;
    let mut newer = scene.attacker(replica).await;
    assert_eq!(older.bye().await, Some(Violation::Replaced));
    assert_eq!(older.closed.expect("a close frame").code, CloseCode::Library(4001));
    newer.send(&Frame::Message(delta_of(replica, Duration::ZERO))).await;
    scene.bystander.until("the newer one's edit", |view| Tab::has_name(view, "Mallory")).await;
}

fn request(url: &str, name: HeaderName, value: &str) -> Request {
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
    assert_eq!(status(request(&url, header::ORIGIN, "https://evil.example")).await, 403);
    assert_eq!(status(request(&url, header::ORIGIN, "null")).await, 403);
    assert_eq!(status(request(&url, header::ORIGIN, "http://localhost:8080")).await, 101);
    assert_eq!(status(request(&url, header::ORIGIN, "https://duet.example")).await, 101);
    assert_eq!(status(&url).await, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_for_relays_with_the_secret_only() {
    let cluster = Cluster::start_with(3, &["--link-secret", "s3cret"]);
    let url = format!("ws://{}/link", cluster.address(3));
    assert_eq!(status(request(&url, header::ORIGIN, "http://127.0.0.1:5000")).await, 403);
    assert_eq!(status(&url).await, 401);
    assert_eq!(status(request(&url, header::AUTHORIZATION, "Bearer s3creT")).await, 401);
    for stranger in [3, 9] {
        let mut client = Client::connect(request(&url, header::AUTHORIZATION, "Bearer s3cret")).await.expect("a link");
        client.send(&Frame::Hello(Hello::Link { voter: VoterId(stranger), replica: new_replica_id() })).await;
        assert!(matches!(refused(client).await, Violation::Malformed { .. }));
    }
}
