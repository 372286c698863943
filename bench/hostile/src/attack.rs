//! The attacks. Each goes on by itself until it is stopped.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use shared::base::dot::{Dot, DotSet};
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, ReplicaId, ReplicaSecret};
use shared::consensus::Slot;
use shared::merge::document::{Delta, Document};
use shared::protocol::{Encoder, Frame, Hello};
use shared::replica::io::Message;
use shared::schema::{FieldEdit, Schema};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::socket::{Socket, connect_tcp, secret};

/// Where the attackers come from, if one address is enough.
const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// How many connections the attackers have that send much.
const SENDERS: u64 = 4;
/// How many records one frame holds, and how long their names are, so that it becomes as long as a relay allows.
const LONG_NAMES: usize = 480;
const LONG_NAME_BYTES: usize = 4000;
const SHORT_NAMES: usize = 16_000;
/// How many frames each of them sends at the most: far more than the relay takes while the attack lasts.
const FRAMES: usize = 40;
/// How many connections ask and do not read, and how often each asks.
const DEAF: u64 = 8;
const ASKED: usize = 90;
/// How many tabs arrive, at how many addresses, so that no limit per address keeps them out, and how many at once.
const CROWD: u64 = 1000;
const ADDRESSES: u64 = 20;
const AT_ONCE: usize = 50;

#[derive(Clone, Copy)]
pub enum Attack {
    /// None at all, to compare with.
    None,
    /// Short frames that become long names, as fast as the relay takes them.
    LongNames,
    /// Short frames that become very many records.
    ManyRecords,
    /// Requests for everything, of which no answer is read.
    Deaf,
    /// A thousand tabs arrive, and read what they are told.
    Crowd,
}

/// An attack under way.
pub struct Running {
    tasks: JoinSet<()>,
    sent: Arc<AtomicU64>,
}

impl Running {
    /// Ends the attack. Gives how many bytes of frames it has sent.
    pub fn stop(mut self) -> u64 {
        self.tasks.abort_all();
        self.sent.load(Ordering::Relaxed)
    }
}

impl Attack {
    pub const ALL: [Attack; 5] = [Attack::None, Attack::LongNames, Attack::ManyRecords, Attack::Deaf, Attack::Crowd];

    pub fn name(self) -> &'static str {
        match self {
            Attack::None => "none",
            Attack::LongNames => "short frames that become long names",
            Attack::ManyRecords => "short frames that become many records",
            Attack::Deaf => "requests whose answers nobody reads",
            Attack::Crowd => "a thousand tabs arrive",
        }
    }

    pub async fn start(self, port: u16) -> Running {
        let mut running = Running { tasks: JoinSet::new(), sent: Arc::default() };
        let sent = &running.sent;
        match self {
            Attack::None => {}
            Attack::LongNames | Attack::ManyRecords => {
                let (count, bytes) = match self {
                    Attack::LongNames => (LONG_NAMES, LONG_NAME_BYTES),
                    _ => (SHORT_NAMES, 1),
                };
                // All is made before it begins, so that the attack costs the honest tabs no processor.
                for number in 0..SENDERS {
                    let secret = secret(number);
                    let mut forge = Forge { author: secret.replica(), added: 0 };
                    let frame = |_| forge.bytes((0..count).map(|_| "x".repeat(bytes)));
                    let frames: Vec<_> = (0..FRAMES).map(frame).collect();
                    running.tasks.spawn(send_all(port, secret, frames, Arc::clone(sent)));
                }
            }
            Attack::Deaf => {
                fill(port).await;
                for number in 0..DEAF {
                    running.tasks.spawn(ask_and_not_read(port, number, Arc::clone(sent)));
                }
            }
            Attack::Crowd => {
                running.tasks.spawn(arrive(port, Arc::clone(sent)));
            }
        }
        running
    }
}

/// Versions of records that an author has added, and whose names somebody makes up.
struct Forge {
    author: ReplicaId,
    added: u64,
}

impl Forge {
    /// The bytes of a delta, which need nothing that was sent before.
    fn bytes(&mut self, names: impl Iterator<Item = String>) -> Vec<u8> {
        Encoder::default().frame(&self.delta(names))
    }

    fn delta(&mut self, names: impl Iterator<Item = String>) -> Frame {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
        let stamp = Stamp { wall_ms: wall.as_millis() as u64, logical: 0 };
        let mut document = Document::default();
        for name in names {
            self.added += 1;
            let dot = Dot::new(self.author, self.added);
            let op = Schema::people().op("name", FieldEdit::Assign(name)).expect("a name");
            let _written = document.edit(RecordId(dot), dot, stamp, vec![op]).expect("it fits");
        }
        let versions = document.parts(&DotSet::default()).flat_map(|delta| delta.versions).collect();
        Frame::Message(Message::Delta(Delta { context: DotSet::default(), versions, remaining: 0 }))
    }
}

/// Sends frames as fast as the relay takes them, and reads the answers.
async fn send_all(port: u16, secret: ReplicaSecret, frames: Vec<Vec<u8>>, sent: Arc<AtomicU64>) {
    let Some(Socket { mut sending, receiving }) = Socket::open(ADDRESS, port, secret).await else { return };
    let send = async {
        for frame in frames {
            let length = frame.len() as u64;
            if sending.send_bytes(frame).await.is_none() {
                return;
            }
            sent.fetch_add(length, Ordering::Relaxed);
        }
        std::future::pending().await
    };
    tokio::select! {
        () = receiving.drain() => {}
        () = send => {}
    }
}

/// Fills the room with 6 MiB that do not compress.
async fn fill(port: u16) {
    let secret = secret(DEAF);
    let mut forge = Forge { author: secret.replica(), added: 0 };
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut letter = move || {
        // Xorshift (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state >> 40) as u8 % 90)
    };
    let mut socket = Socket::open(ADDRESS, port, secret).await.expect("the relay takes tabs");
    for _ in 0..12 {
        let frame = forge.delta((0..128).map(|_| (0..LONG_NAME_BYTES).map(|_| letter()).collect()));
        socket.sending.send(&frame).await.expect("the relay is there");
    }
    let last = Dot::new(forge.author, forge.added);
    loop {
        match socket.receiving.next().await.expect("the relay is there") {
            Frame::Message(Message::Stored { context, .. }) if context.contains(last) => return,
            _ => {}
        }
    }
}

/// Asks for everything again and again without reading anything; begins anew when it is cut.
async fn ask_and_not_read(port: u16, number: u64, sent: Arc<AtomicU64>) {
    loop {
        let Err(_cut) = stay_deaf(port, number, &sent).await;
        sleep(Duration::from_millis(100)).await;
    }
}

/// Says hello, asks, and keeps the connection.
async fn stay_deaf(port: u16, number: u64, sent: &AtomicU64) -> std::io::Result<Infallible> {
    let mut tcp = connect_tcp(ADDRESS, port, Some(4096)).await?;
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    tcp.write_all(upgrade.as_bytes()).await?;
    tcp.read_exact(&mut [0; 12]).await?;
    let mut encoder = Encoder::default();
    let hello = Frame::Hello(Hello::Tab { secret: secret(number), room: "people".to_owned() });
    tcp.write_all(&packet(&encoder.frame(&hello))).await?;
    let (context, decided) = (DotSet::default(), Slot(0));
    let have =
        Frame::Message(Message::Have { context, fingerprint: 0, decided, chain: 0, restores: Default::default() });
    for _ in 0..ASKED {
        let bytes = packet(&encoder.frame(&have));
        tcp.write_all(&bytes).await?;
        sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
    loop {
        sleep(Duration::from_secs(2)).await;
        tcp.write_all(&PING).await?; // So that it does not count as silent.
    }
}

/// A ping of a WebSocket, masked by zeros as RFC 6455 (§5.3) allows.
const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];

/// A short frame as a binary message of a WebSocket.
fn packet(frame: &[u8]) -> Vec<u8> {
    let length = u8::try_from(frame.len()).ok().filter(|&length| length < 126).expect("a short frame");
    [&[0x82, 0x80 | length, 0, 0, 0, 0], frame].concat()
}

/// Brings tabs in, some at once.
async fn arrive(port: u16, sent: Arc<AtomicU64>) {
    let mut tabs = JoinSet::new();
    for first in (0..CROWD).step_by(AT_ONCE) {
        let mut arriving = JoinSet::new();
        for number in first..first + AT_ONCE as u64 {
            let from = Ipv4Addr::new(127, 0, 1, (number % ADDRESSES) as u8 + 1);
            arriving.spawn(Socket::open(from, port, secret(number)));
        }
        for socket in arriving.join_all().await.into_iter().flatten() {
            sent.fetch_add(HELLO_BYTES, Ordering::Relaxed);
            tabs.spawn(async move {
                let Socket { sending, receiving } = socket;
                receiving.drain().await;
                drop(sending);
            });
        }
    }
    tabs.join_all().await;
}

/// About how long the hello of a tab is.
const HELLO_BYTES: u64 = 42;
