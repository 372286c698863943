//! The HTTP server: it accepts connections, counts them, and cuts those on which nothing moves.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
#[cfg(target_os = "linux")]
use nix::sys::socket::sockopt::TcpUserTimeout;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use tracing::debug;

use crate::limited_log::LimitedLog;
use crate::places::{ConnectionPlace, Full, Limits, Places};
use crate::stall::Guarded;

/// How long a client may take to send the head of a request. It is also how long a connection may be idle: a connection
/// that is kept alive waits for the next head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// After how long the system ends a connection whose other side takes nothing of what was sent to it: one that has
/// vanished, or that does not read.
const UNTAKEN_FOR: Duration = Duration::from_secs(30);
/// The longest head of a request, in bytes. What waits to be written is held back at the same length.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// How long to wait before the next attempt to accept when there are no descriptors or no memory left.
const BREATH: Duration = Duration::from_millis(100);
/// How many clients that are turned away are told so at a time; others are closed without a word.
const MAX_TOLD: usize = 16;
/// How long a client that is turned away may take to read the answer.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// Connections that are to answer what they were asked, and then to end.
#[derive(Clone, Debug)]
pub struct Ending {
    begins: watch::Receiver<bool>,
    /// Dropped with the connection.
    _is_open: mpsc::Sender<()>,
}

/// The other end of [`Ending`].
#[derive(Debug)]
pub struct Connections {
    end: watch::Sender<bool>,
    are_open: mpsc::Receiver<()>,
}

impl Connections {
    pub fn new() -> (Self, Ending) {
        let (end, begins) = watch::channel(false);
        let (is_open, are_open) = mpsc::channel(1);
        (Connections { end, are_open }, Ending { begins, _is_open: is_open })
    }

    /// Has all connections end that are no WebSockets, and waits until they have.
    pub async fn end(mut self) {
        self.end.send_replace(true);
        while self.are_open.recv().await.is_some() {}
    }
}

/// Serves connections until the task is aborted. Connections that are open then go on.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, ending: Ending) {
    let places = Places::new(limits);
    let told = Arc::new(Semaphore::new(MAX_TOLD));
    loop {
        let (tcp, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                recover(&error).await;
                continue;
            }
        };
        match places.take(remote.ip()) {
            Ok(place) => match set_up(&tcp) {
                Ok(()) => drop(tokio::spawn(converse(tcp, remote, place, router.clone(), ending.clone()))),
                Err(error) => debug!("{remote} ended at once: {error}"),
            },
            Err(full) => {
                static TURNED_AWAY: LimitedLog = LimitedLog::new();
                TURNED_AWAY.warn(format_args!("{} is turned away: {full}", remote.ip()));
                if let Ok(permit) = Arc::clone(&told).try_acquire_owned() {
                    tokio::spawn(async move {
                        let _too_slow = timeout(TOLD_WITHIN, turn_away(tcp, full)).await;
                        drop(permit);
                    });
                }
            }
        }
    }
}

/// Waits a moment after a failure that a connection alone has not caused.
async fn recover(error: &io::Error) {
    let is_of_connection = matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    );
    if !is_of_connection {
        static NOT_ACCEPTED: LimitedLog = LimitedLog::new();
        NOT_ACCEPTED.warn(format_args!("cannot accept connections ({error}): trying again"));
        sleep(BREATH).await;
    }
}

/// Tells a client that there is no place for it, and waits until the client has read that: closing with unread bytes
/// would take the answer back.
async fn turn_away(mut tcp: TcpStream, full: Full) -> io::Result<()> {
    let (text, retry) = (format!("{full}\n"), HEAD_WITHIN.as_secs());
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Retry-After: {retry}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    tcp.write_all(answer.as_bytes()).await?;
    tcp.shutdown().await?;
    let mut rest = [0; 1024];
    while tcp.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Serves one connection until it ends, or becomes a WebSocket.
pub async fn converse<S>(stream: S, remote: SocketAddr, place: ConnectionPlace, router: Router, mut ending: Ending)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let place = Arc::new(place);
    let lost = place.lost();
    let service = {
        let place = Arc::clone(&place);
        service_fn(move |request| {
            place.speaks();
            answer(request, remote, router.clone())
        })
    };
    // A WebSocket takes the stream with it, and so the place.
    let io = TokioIo::new(Guarded::new(stream, place));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(io, service)
        .with_upgrades();
    let served = async {
        let mut connection = pin!(connection);
        tokio::select! {
            ended = &mut connection => return ended,
            _ = ending.begins.wait_for(|&begins| begins) => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    tokio::select! {
        ended = served => if let Err(error) = ended { debug!("connection of {remote} ended: {error}") },
        () = lost => debug!("connection of {remote} makes way for another one"),
    }
}

fn set_up(tcp: &TcpStream) -> io::Result<()> {
    // Agreement is a conversation of small messages: none may wait for another one to share a packet.
    tcp.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    nix::sys::socket::setsockopt(tcp, TcpUserTimeout, &(UNTAKEN_FOR.as_millis() as u32))?;
    Ok(())
}

async fn answer(request: hyper::Request<Incoming>, remote: SocketAddr, router: Router) -> Result<Response, Infallible> {
    let mut request: Request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(ConnectInfo(remote));
    router.oneshot(request).await
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_whose_other_side_takes_nothing_is_ended_by_the_system() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        set_up(&tcp).unwrap();
        assert_eq!(nix::sys::socket::getsockopt(&tcp, TcpUserTimeout).unwrap(), UNTAKEN_FOR.as_millis() as u32);
        assert!(tcp.nodelay().unwrap());
    }
}
