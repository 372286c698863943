//! The bounded queue towards one peer. The node puts frames in and never waits; the connection takes them out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use shared::io::Violation;
use shared::wire::{Encoder, Frame};
use tokio::sync::{mpsc, oneshot};

/// How much may wait before what can be spared is dropped, in bytes.
const LONG_BYTES: usize = 64 << 10;
/// How much may wait while the socket takes nothing, in bytes.
const STALLED_BYTES: usize = 8 << 20;
/// For how long the socket may take nothing while that much waits.
const STALL: Duration = Duration::from_secs(5);
/// How much may wait at all, in bytes.
const MAX_BYTES: usize = 256 << 20;

/// The queue is full: the peer is to be cut, and resyncs when it connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// The node's end.
///
/// What counts as too much: a resync comes a few MiB at a time, and a slow network needs long for them, while others
/// edit. So it is not the length of the queue alone that ends a connection, but a long queue whose socket makes no
/// progress. Only a bound far beyond that keeps a peer from reading a byte at a time for ever.
#[derive(Debug)]
pub struct Outbox {
    /// Invariant: what it has written is sent or in the queue, in that order, unless the queue has overflowed.
    encoder: Encoder,
    frames: mpsc::UnboundedSender<Bytes>,
    cut: Option<oneshot::Sender<Violation>>,
    meter: Arc<Mutex<Meter>>,
}

/// The connection's end.
#[derive(Debug)]
pub struct Queue {
    pub frames: Frames,
    /// Fires when the node ends the connection.
    pub cut: oneshot::Receiver<Violation>,
}

/// The frames that wait for the socket.
#[derive(Debug)]
pub struct Frames {
    frames: mpsc::UnboundedReceiver<Bytes>,
    meter: Arc<Mutex<Meter>>,
}

#[derive(Debug)]
struct Meter {
    waiting_bytes: usize,
    /// When the socket last took a frame, or the queue was last empty.
    progress: Instant,
    /// Whether the queue was ever full.
    overflowed: bool,
}

/// A new queue, as its two ends. `encoder` has written what the peer has got so far.
pub fn queue(encoder: Encoder) -> (Outbox, Queue) {
    let (frames, waiting) = mpsc::unbounded_channel();
    let (cut, cut_here) = oneshot::channel();
    let meter = Arc::new(Mutex::new(Meter::new(Instant::now())));
    let outbox = Outbox { encoder, frames, cut: Some(cut), meter: Arc::clone(&meter) };
    (outbox, Queue { frames: Frames { frames: waiting, meter }, cut: cut_here })
}

impl Outbox {
    /// Puts a frame at the end.
    ///
    /// # Errors
    /// [`Overflow`] if the peer does not keep up, from then on.
    pub fn push(&mut self, frame: &Frame) -> Result<(), Overflow> {
        let bytes = Bytes::from(self.encoder.frame(frame));
        self.meter.lock().unwrap_or_else(PoisonError::into_inner).put(bytes.len(), Instant::now())?;
        // If the connection has just ended, the news of it is on its way.
        let _ended = self.frames.send(bytes);
        Ok(())
    }

    /// Whether much waits already, so that what can be spared should not wait behind it.
    pub fn is_long(&self) -> bool {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner).waiting_bytes > LONG_BYTES
    }

    /// Ends the connection, ahead of what still waits.
    pub fn cut(mut self, violation: Violation) {
        if let Some(sender) = self.cut.take() {
            let _ended_already = sender.send(violation);
        }
    }
}

impl Frames {
    /// The next frame; waits for one. Never, once the node has dropped its end.
    pub async fn next(&mut self) -> Bytes {
        match self.frames.recv().await {
            Some(frame) => frame,
            None => std::future::pending().await,
        }
    }

    /// The next frame, if one waits.
    pub fn try_next(&mut self) -> Option<Bytes> {
        self.frames.try_recv().ok()
    }

    /// The socket has taken a frame.
    pub fn taken(&self, bytes: usize) {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, Instant::now());
    }
}

impl Meter {
    fn new(now: Instant) -> Self {
        Meter { waiting_bytes: 0, progress: now, overflowed: false }
    }

    fn put(&mut self, bytes: usize, now: Instant) -> Result<(), Overflow> {
        if self.waiting_bytes == 0 {
            self.progress = now;
        }
        self.waiting_bytes += bytes;
        let stalled = self.waiting_bytes > STALLED_BYTES && now.duration_since(self.progress) > STALL;
        // A frame is read with the help of those before it: after a gap there can be no other.
        self.overflowed |= stalled || self.waiting_bytes > MAX_BYTES;
        if self.overflowed { Err(Overflow) } else { Ok(()) }
    }

    fn take(&mut self, bytes: usize, now: Instant) {
        self.waiting_bytes -= bytes;
        self.progress = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_answer_is_no_overflow_while_the_socket_takes_it() {
        let mut now = Instant::now();
        let mut meter = Meter::new(now);
        for _ in 0..100 {
            assert_eq!(meter.put(1 << 20, now), Ok(()));
        }
        for _ in 0..100 {
            now += STALL;
            meter.take(1 << 20, now);
            assert_eq!(meter.put(1, now), Ok(()));
        }
    }

    #[test]
    fn a_socket_that_takes_nothing_overflows() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        assert_eq!(meter.put(STALLED_BYTES + 1, start), Ok(()));
        assert_eq!(meter.put(1, start + STALL), Ok(()));
        assert_eq!(meter.put(1, start + STALL + Duration::from_millis(1)), Err(Overflow));
    }

    #[test]
    fn nothing_may_wait_without_bound() {
        let now = Instant::now();
        let mut meter = Meter::new(now);
        assert_eq!(meter.put(MAX_BYTES, now), Ok(()));
        assert_eq!(meter.put(1, now), Err(Overflow));
    }

    #[test]
    fn after_an_overflow_nothing_is_taken_any_more() {
        let now = Instant::now();
        let mut meter = Meter::new(now);
        assert_eq!(meter.put(MAX_BYTES + 1, now), Err(Overflow));
        meter.take(MAX_BYTES, now);
        assert_eq!(meter.put(1, now), Err(Overflow));
    }
}
