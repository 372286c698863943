//! A stream that fails when the other side takes nothing for too long. Without it, a client that reads no answer would
//! hold its connection, and what waits for it, for as long as it likes.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::places::ConnectionPlace;

/// How long a client may take nothing of what waits for it.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// The stream of one connection, with the place that the connection takes up.
#[derive(Debug)]
pub struct Guarded<S> {
    stream: S,
    /// Runs while the stream takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Arc<ConnectionPlace>,
}

impl<S> Guarded<S> {
    pub fn new(stream: S, place: Arc<ConnectionPlace>) -> Self {
        Guarded { stream, stalled: None, _place: place }
    }

    /// Passes on what became of a write, or fails if writes have been waiting for too long.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALLED_AFTER)));
        stalled.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::places::{Limits, Places};

    fn guarded<S>(stream: S) -> Guarded<S> {
        let places = Places::new(Limits { total: 1, per_address: 1, per_loopback: 1 });
        Guarded::new(stream, Arc::new(places.take(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_fails_when_the_other_side_reads_nothing() {
        let (ours, _theirs) = duplex(8);
        let error = guarded(ours).write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_goes_on_when_the_other_side_reads_slowly() {
        let (ours, mut theirs) = duplex(8);
        let write = tokio::spawn(async move { guarded(ours).write_all(&[0; 64]).await });
        for _ in 0..8 {
            sleep(STALLED_AFTER / 2).await;
            theirs.read_exact(&mut [0; 8]).await.unwrap();
        }
        write.await.unwrap().unwrap();
    }
}
