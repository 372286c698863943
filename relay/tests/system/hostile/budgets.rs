//! What a message costs is what it makes the relay do.

use std::time::{Duration, Instant, SystemTime};

use shared::base::dot::{Dot, DotSet};
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, ReplicaId, ReplicaSecret};
use shared::ledger::Operation;
use shared::merge::document::Document;
use shared::protocol::{Encoder, Frame, Hello};
use shared::replica::io::Message;
use shared::schema::{FieldEdit, Schema};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::empty_have;
use crate::cluster::{Cluster, poll};
use crate::tab::{Client, Tab, new_secret};

/// What a relay may take at the most, whatever tabs send it.
const MEMORY: u64 = 256 << 20;

/// How long a name is.
const NAME_BYTES: usize = 4000;

/// A name of 4000 letters that is like every other one, so that many of them take little on the wire.
fn alike() -> String {
    "x".repeat(NAME_BYTES)
}

/// A name of 4000 letters that is like no other one.
fn random() -> String {
    let mut bytes = [0; 2000];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The deltas of somebody who has written so many names.
fn written(author: ReplicaId, names: u64, name: fn() -> String) -> Vec<Frame> {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    let stamp = Stamp { wall_ms: wall.as_millis() as u64, logical: 0 };
    let mut document = Document::default();
    for counter in 1..=names {
        let dot = Dot::new(author, counter);
        let op = Schema::people().op("name", FieldEdit::Assign(name())).expect("a name");
        let _written = document.edit(RecordId(dot), dot, stamp, vec![op]).expect("it fits");
    }
    let deltas: Vec<_> = document.parts(&DotSet::default()).collect();
    deltas.into_iter().map(|delta| Frame::Message(Message::Delta(delta))).collect()
}

/// Sends everything, and says when all of it is stored.
async fn bring(url: String, secret: ReplicaSecret, frames: Vec<Frame>, names: u64) -> Duration {
    let since = Instant::now();
    let mut client = Client::connect(&url).await.expect("a connection");
    let author = secret.replica();
    client.send(&Frame::Hello(Hello::Tab { secret, room: "people".to_owned() })).await;
    for frame in &frames {
        client.send(frame).await;
    }
    let last = Dot::new(author, names);
    loop {
        match client.next().await {
            Some(Frame::Message(Message::Stored { context, .. })) if context.contains(last) => return since.elapsed(),
            Some(Frame::Bye(violation)) => panic!("it is cut: {violation}"),
            Some(_) => {}
            None => panic!("the connection has ended"),
        }
    }
}

fn records(cluster: &Cluster) -> u64 {
    let (_, body) = cluster.get(1, "/api/v1/rooms/people/records?limit=1").expect("an answer");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    body["total"].as_u64().expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_work_arrives_more_slowly_and_is_neither_cut_nor_lost() {
    let cluster = Cluster::start(1);
    let bystander = Tab::open(&[cluster.url(1)]).await;
    let secret = new_secret();
    // 18 MiB, of which 16 pass at once, and then one a second.
    let names = 4_500;
    let frames = written(secret.replica(), names, alike);
    let work = tokio::spawn(bring(cluster.url(1), secret, frames, names));
    bystander.until("the first of it", |view| view.document().records().len() > 100).await;
    bystander.add("Anna").await;
    bystander.until("its edits are stored", |view| view.unsaved_edits() == 0).await;
    let took = work.await.expect("all of it is stored");
    assert!(took > Duration::from_secs(1), "it was not held up: {took:?}");
    assert_eq!((records(&cluster), bystander.losses()), (names + 1, 0));
}

/// A WebSocket of a tab, by hand: it says hello, and reads nothing from then on.
struct Deaf {
    tcp: TcpStream,
    encoder: Encoder,
}

impl Deaf {
    async fn connect(cluster: &Cluster) -> Self {
        let address = cluster.address(1);
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let mut tcp = socket.connect(address.parse().expect("an address")).await.expect("a connection");
        let upgrade = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        tcp.write_all(upgrade.as_bytes()).await.expect("it is sent");
        let mut head = [0; 12];
        tcp.read_exact(&mut head).await.expect("an answer");
        assert_eq!(&head, b"HTTP/1.1 101");
        let mut deaf = Deaf { tcp, encoder: Encoder::default() };
        deaf.send(&Frame::Hello(Hello::Tab { secret: new_secret(), room: "people".to_owned() })).await;
        deaf
    }

    /// Sends a short frame, masked as RFC 6455 (§5.3) asks for.
    async fn send(&mut self, frame: &Frame) {
        const BINARY: u8 = 0x82;
        const MASKED: u8 = 0x80;
        let bytes = self.encoder.frame(frame);
        let length = u8::try_from(bytes.len()).ok().filter(|&length| length < 126).expect("a short frame");
        let mut packet = vec![BINARY, MASKED | length, 0, 0, 0, 0];
        packet.extend(bytes);
        // The relay may have cut the connection.
        let _sent = self.tcp.write_all(&packet).await;
    }
}

/// Each `Have` of a few bytes asks for megabytes. Only what is read is answered.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_do_not_pile_up_and_their_connections_are_cut() {
    let cluster = Cluster::start(1);
    let (secret, names) = (new_secret(), 1_500);
    let frames = written(secret.replica(), names, random);
    bring(cluster.url(1), secret, frames, names).await;
    let mut attackers = Vec::new();
    for _ in 0..8 {
        let mut attacker = Deaf::connect(&cluster).await;
        for _ in 0..90 {
            attacker.send(&Frame::Message(empty_have())).await;
        }
        attackers.push(attacker);
    }
    let tabs = || {
        let (_, nodes) = cluster.get(1, "/api/v1/rooms/people/nodes")?;
        let nodes: serde_json::Value = serde_json::from_str(&nodes).ok()?;
        nodes["nodes"][0]["tabs"].as_array().map(Vec::len)
    };
    assert!(tabs().expect("an answer") > 1, "the attackers are there");
    let honest = Tab::open(&[cluster.url(1)]).await;
    honest.add("Anna").await;
    honest.until("its edits are stored", |view| view.unsaved_edits() == 0).await;
    let peak = cluster.peak_memory(1);
    assert!(peak < MEMORY, "the relay has taken {} MiB", peak >> 20);
    // What others write waits for them, too. After that nothing is pushed to them.
    let (secret, names) = (new_secret(), 800);
    let frames = written(secret.replica(), names, random);
    bring(cluster.url(1), secret, frames, names).await;
    poll("those that read nothing are cut", || tabs().filter(|&tabs| tabs == 1));
    assert_eq!(honest.losses(), 0);
    drop(attackers);
}

/// A frame of a kilobyte is 256 KiB of names. One address may bring 32 MiB at once, over however many connections.
#[tokio::test(flavor = "multi_thread")]
async fn short_frames_that_stand_for_much_are_charged_for_what_they_become() {
    const ATTACKERS: u64 = 4;
    const NAMES: u64 = 4_000;
    let cluster = Cluster::start(1);
    let bystander = Tab::open(&[cluster.url(1)]).await;
    let started = Instant::now();
    let attacks: Vec<_> = (0..ATTACKERS)
        .map(|_| {
            let secret = new_secret();
            let frames = written(secret.replica(), NAMES, alike);
            tokio::spawn(bring(cluster.url(1), secret, frames, NAMES))
        })
        .collect();
    bystander.until("the first of it", |view| view.document().records().len() > 1_000).await;
    let record = bystander.add("Anna").await;
    let outcome = bystander.ask(Operation::Allocate { record }).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let taken = records(&cluster) * NAME_BYTES as u64;
    // The burst of an address and its rate, and a frame of each connection that was let through when there was little left.
    let allowed = (32 << 20) + (2 << 20) * (started.elapsed().as_secs() + 1) + ATTACKERS * (256 << 10);
    assert!(taken <= allowed, "{taken} bytes have passed, and {allowed} may");
    let peak = cluster.peak_memory(1);
    assert!(peak < MEMORY, "the relay has taken {} MiB", peak >> 20);
    assert_eq!(bystander.losses(), 0);
    attacks.iter().for_each(JoinHandle::abort);
}
