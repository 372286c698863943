//! A tab without a page: the same replica as in a browser, behind a real WebSocket.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use shared::base::id::{RelayId, ReplicaSecret};
use shared::ledger::Operation;
use shared::protocol::{Decoder, Encoder, Frame, Hello, MAX_FRAME_BYTES};
use shared::replica::io::{Command, CommandId, Input, Now, Output, PeerId, PeerKind, Recovered, Reply};
use shared::replica::{Config, Replica, Role};
use shared::schema::Schema;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// The default of 128 KiB, which is cleared before every read, would cost a lot with many clients.
const READ_BUFFER_BYTES: usize = 8 << 10;
/// The link of a tab that has one only.
const LINK: PeerId = PeerId(0);

pub struct Tab {
    replica: Replica,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoder: Encoder,
    decoder: Decoder,
    asked: u64,
    /// How many of the operations are decided.
    decided: u64,
}

impl Tab {
    /// A new tab, connected to the relay at `url` and told who leads.
    pub async fn open(url: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut bytes = [0; ReplicaSecret::BYTES];
        bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let secret = ReplicaSecret::new(bytes);
        let config = Config { replica: secret.replica(), schema: Schema::people(), role: Role::Tab };
        let limits = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        let connected = connect_async_with_config(url, Some(limits), true).await;
        let (socket, _response) = connected.expect("the relay takes tabs");
        let mut tab = Tab {
            replica: Replica::recover(config, Recovered::default(), now()),
            socket,
            encoder: Encoder::default(),
            decoder: Decoder::new(MAX_FRAME_BYTES),
            asked: 0,
            decided: 0,
        };
        tab.send(&Frame::Hello(Hello::Tab { secret, room: "people".to_owned() })).await;
        let Frame::Hello(Hello::Relay { voter, replica, .. }) = tab.receive().await else {
            panic!("a relay greets first")
        };
        tab.handle(Input::PeerUp(LINK, PeerKind::Relay(voter, replica))).await;
        while tab.leader().is_none() {
            tab.step().await;
        }
        tab
    }

    /// Who leads, as the relay says.
    pub fn leader(&self) -> Option<RelayId> {
        Some(self.replica.view().status()?.leader?.voter)
    }

    /// Asks for something, and waits until it is decided.
    pub async fn ask(&mut self) {
        self.asked += 1;
        let ask = Command::Ask(Operation::Raise { number: self.asked });
        self.handle(Input::Command(CommandId(self.asked), ask)).await;
        while self.decided < self.asked {
            self.step().await;
        }
    }

    /// Waits for a message or for a timer.
    async fn step(&mut self) {
        let wait = self.replica.deadline().map(|at| at.saturating_sub(now().monotonic));
        let wake_at = Instant::now() + wait.unwrap_or(Duration::from_secs(3600));
        let input = match timeout_at(wake_at, self.receive()).await {
            Ok(Frame::Message(message)) => Input::Receive(LINK, message),
            Ok(other) => panic!("a relay sent a tab {other:?}"),
            Err(_elapsed) => Input::Wake,
        };
        self.handle(input).await;
    }

    /// The disk of this tab is its memory, so what it writes is durable at once.
    async fn handle(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let Output { write, sends, replies, .. } = self.replica.handle(now(), input);
            next = write.map(|batch| Input::Persisted(batch.id));
            for envelope in sends {
                self.send(&Frame::Message(envelope.message)).await;
            }
            let decided = replies.iter().filter(|(_, reply)| matches!(reply, Ok(Reply::Decided(..))));
            self.decided += decided.count() as u64;
        }
    }

    async fn send(&mut self, frame: &Frame) {
        let bytes = self.encoder.frame(frame);
        self.socket.send(Packet::Binary(bytes.into())).await.expect("the relay is there");
    }

    async fn receive(&mut self) -> Frame {
        loop {
            let packet = self.socket.next().await.expect("the relay is there").expect("the connection holds");
            if let Packet::Binary(bytes) = packet {
                return self.decoder.frame(&bytes).expect("a frame");
            }
        }
    }
}

fn now() -> Now {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    Now { monotonic: START.elapsed(), wall_ms: wall.as_millis() as u64 }
}
