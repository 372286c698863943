//! A relay that no other relay knows. It notes who comes, and takes nobody's id.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use shared::protocol::{Decoder, Encoder, Frame, Hello, MAX_FRAME_BYTES};
use shared::replica::io::Violation;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message as Packet;

use crate::wait_for;

/// Listens until it is dropped.
pub struct Stranger {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    /// How many connections were opened, for whatever.
    connections: usize,
    /// The ids and rooms of the tabs that said hello.
    hellos: Vec<(String, String)>,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stranger {
    /// # Errors
    /// If there is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut links = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    lock(&seen).connections += 1;
                    links.spawn(refuse(stream, Arc::clone(&seen)));
                }
            }
        });
        Ok(Stranger { port, seen, server })
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.seen).connections
    }

    /// The id, in hexadecimal, and the room of the first tab that says hello.
    ///
    /// # Errors
    /// If none does in time.
    pub async fn first_hello(&self) -> Result<(String, String)> {
        wait_for("a hello", || async {
            let seen = lock(&self.seen);
            Ok(seen.hellos.first().cloned().ok_or_else(|| format!("{} connections", seen.connections)))
        })
        .await
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears the hello of a tab, and says that its id can never be used.
async fn refuse(stream: TcpStream, seen: Arc<Mutex<Seen>>) -> Result<()> {
    let mut socket = accept_async(stream).await?;
    let packet = socket.next().await.context("the tab says hello")??;
    let frame = Decoder::new(MAX_FRAME_BYTES).frame(&packet.into_data())?;
    if let Frame::Hello(hello) = frame
        && let Hello::Tab { room, .. } = &hello
    {
        lock(&seen).hellos.push((format!("{:016x}", hello.replica().0), room.clone()));
    }
    let bye = Encoder::default().frame(&Frame::Bye(Violation::IdOfRelay)).to_vec();
    socket.send(Packet::Binary(bye.into())).await?;
    Ok(socket.close(None).await?)
}
