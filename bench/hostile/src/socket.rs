//! WebSockets of tabs, from addresses of one's choice on this machine.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use shared::base::id::ReplicaSecret;
use shared::protocol::{Decoder, Encoder, Frame, Hello, MAX_FRAME_BYTES};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The default of 128 KiB, which is cleared before every read, would cost a lot with many clients.
const READ_BUFFER_BYTES: usize = 8 << 10;

pub struct Socket {
    pub sending: Sending,
    pub receiving: Receiving,
}

pub struct Sending {
    socket: SplitSink<WebSocketStream<TcpStream>, Packet>,
    encoder: Encoder,
}

pub struct Receiving {
    socket: SplitStream<WebSocketStream<TcpStream>>,
    decoder: Decoder,
}

/// A secret that nobody else has in this run.
pub fn secret(number: u64) -> ReplicaSecret {
    let mut bytes = [0; ReplicaSecret::BYTES];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    ReplicaSecret::new(bytes)
}

/// A TCP connection from an address to the relay.
///
/// # Errors
/// If the relay takes no more.
pub async fn connect_tcp(from: Ipv4Addr, port: u16, receive_buffer: Option<u32>) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(SocketAddr::from((from, 0)))?;
    let tcp = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

impl Socket {
    /// A tab that has said hello. `None` if the relay takes no more.
    pub async fn open(from: Ipv4Addr, port: u16, secret: ReplicaSecret) -> Option<Self> {
        let tcp = connect_tcp(from, port, None).await.ok()?;
        let limits = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        let url = format!("ws://127.0.0.1:{port}/ws");
        let (socket, _response) = client_async_with_config(url, tcp, Some(limits)).await.ok()?;
        let (sink, stream) = socket.split();
        let mut sending = Sending { socket: sink, encoder: Encoder::default() };
        sending.send(&Frame::Hello(Hello::Tab { secret, room: "people".to_owned() })).await?;
        let receiving = Receiving { socket: stream, decoder: Decoder::new(MAX_FRAME_BYTES) };
        Some(Socket { sending, receiving })
    }
}

impl Sending {
    /// Sends a frame; `None` if the connection has ended.
    pub async fn send(&mut self, frame: &Frame) -> Option<()> {
        let bytes = self.encoder.frame(frame);
        self.send_bytes(bytes).await
    }

    /// Sends the bytes of a frame that needs nothing of those before it.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) -> Option<()> {
        self.socket.send(Packet::Binary(bytes.into())).await.ok()
    }
}

impl Receiving {
    /// The next frame; `None` if the connection has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Packet::Binary(bytes) = self.socket.next().await?.ok()? {
                return self.decoder.frame(&bytes).ok();
            }
        }
    }

    /// Reads whatever comes, and does nothing about it.
    pub async fn drain(mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}
