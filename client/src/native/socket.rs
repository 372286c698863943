//! The WebSocket to a relay.

use std::io;
use std::net::{IpAddr, SocketAddr};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use shared::protocol::{DecodeError, Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message as Packet};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The default of 128 KiB, which is cleared before every read, would cost a lot in a process with many clients.
const READ_BUFFER_BYTES: usize = 8 << 10;

/// The half of a WebSocket that frames are sent over.
pub(super) struct Sending {
    sink: SplitSink<WebSocketStream<TcpStream>, Packet>,
    // Remembers what was said over this link, as the decoder does.
    encoder: Encoder,
}

/// The half of a WebSocket that frames come from.
pub(super) struct Receiving {
    stream: SplitStream<WebSocketStream<TcpStream>>,
    decoder: Decoder,
}

/// Opens a WebSocket to the relay at `address`, from a certain address of this machine if one is given.
///
/// # Errors
/// If the relay cannot be reached.
pub(super) async fn connect(address: &str, from: Option<IpAddr>) -> Result<(Sending, Receiving), tungstenite::Error> {
    let tcp = match from {
        None => TcpStream::connect(address).await?,
        Some(from) => connect_from(address, from).await?,
    };
    // A frame is often all that there is to say.
    tcp.set_nodelay(true)?;
    let limits = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
    let (socket, _response) = client_async_with_config(format!("ws://{address}/ws"), tcp, Some(limits)).await?;
    let (sink, stream) = socket.split();
    let sending = Sending { sink, encoder: Encoder::default() };
    Ok((sending, Receiving { stream, decoder: Decoder::new(MAX_FRAME_BYTES) }))
}

async fn connect_from(address: &str, from: IpAddr) -> io::Result<TcpStream> {
    let is_alike = |to: &SocketAddr| to.is_ipv4() == from.is_ipv4();
    let to = lookup_host(address).await?.find(is_alike).ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = if from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

impl Sending {
    /// # Errors
    /// If the link has ended.
    pub(super) async fn send(&mut self, frame: &Frame) -> Result<(), tungstenite::Error> {
        let bytes = self.encoder.frame(frame);
        self.sink.send(Packet::Binary(bytes.into())).await
    }

    /// Tells the relay that nothing more comes.
    pub(super) async fn close(&mut self) {
        let _has_ended = self.sink.close().await;
    }
}

impl Receiving {
    /// Returns the next frame; `None` if the link has ended. Nothing is lost if the caller stops waiting.
    ///
    /// # Errors
    /// If the relay has sent what is no frame.
    pub(super) async fn next(&mut self) -> Option<Result<Frame, DecodeError>> {
        loop {
            if let Packet::Binary(bytes) = self.stream.next().await?.ok()? {
                return Some(self.decoder.frame(&bytes));
            }
        }
    }
}
