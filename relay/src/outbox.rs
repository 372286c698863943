//! The bounded queue towards one peer. The node puts frames in and never waits; the connection takes them out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use shared::protocol::{Encoder, Frame};
use shared::replica::io::Violation;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::sleep;

/// How much may wait before what can be spared is dropped, in bytes.
const LONG_BYTES: usize = 64 << 10;
/// How much may wait for a tab before nothing more is read from it, in bytes: about one round of a resync.
const HOLD_BYTES: usize = 4 << 20;
/// How much is more than a slow network has to be waited for, in bytes, and for how long the socket may take nothing then.
const STALLED_BYTES: usize = 6 << 20;
const STALL: Duration = Duration::from_secs(5);
/// For how long the socket may take nothing while anything waits. A frame of a resync has 16 KiB, or one long version.
const LONG_STALL: Duration = Duration::from_secs(30);
/// How often it is looked whether a socket has stalled.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How much may wait for a tab at all, in bytes.
const MAX_TAB_BYTES: usize = 16 << 20;
/// How much may wait for a relay at all, in bytes. Every room may have a round of a resync on its way.
const MAX_LINK_BYTES: usize = 256 << 20;

/// The queue is full: the peer is to be cut, and resyncs when it connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// The node's end.
///
/// A resync comes a few MiB at a time, and a slow network needs long for them while others edit. So a long queue does not
/// end the connection of a tab at once: first nothing more is read from the tab; then a socket that makes no progress is
/// cut; and only a queue that goes on growing overflows.
#[derive(Debug)]
pub struct Outbox {
    /// Invariant: what it has written is sent or in the queue, in that order, unless the queue has overflowed.
    encoder: Encoder,
    frames: mpsc::UnboundedSender<Bytes>,
    cut: Option<oneshot::Sender<Violation>>,
    gauge: Gauge,
}

/// Puts answers to pings at the end of a queue. Their bytes are the same whatever the encoder has written.
#[derive(Clone, Debug)]
pub struct Pongs {
    frames: mpsc::UnboundedSender<Bytes>,
    gauge: Gauge,
}

impl Pongs {
    /// # Errors
    /// [`Overflow`] if the peer does not keep up, from then on.
    pub fn push(&self) -> Result<(), Overflow> {
        let bytes = Encoder::default().frame(&Frame::Ping);
        self.gauge.put(bytes.len())?;
        // If the connection has just ended, nobody waits for it.
        let _ended = self.frames.send(bytes.into());
        Ok(())
    }
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
    gauge: Gauge,
}

/// Tells how long the queue is.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    meter: Mutex<Meter>,
    /// Fires whenever the queue of a tab gets short enough to go on reading.
    is_shorter: Notify,
    /// What waits for all tabs together; not counted for a link.
    total: Option<Total>,
}

/// How much waits in many queues together, and how much may, in bytes.
#[derive(Clone, Debug)]
pub struct Total {
    waiting_bytes: Arc<AtomicUsize>,
    max_bytes: usize,
}

#[derive(Debug)]
struct Meter {
    waiting_bytes: usize,
    max_bytes: usize,
    /// When the socket last took a frame, or the queue was last empty.
    progress: Instant,
    /// Whether the queue was ever full.
    overflowed: bool,
    /// The connection has ended, or is about to: nothing waits any more.
    is_over: bool,
}

/// A new queue to a tab, as its two ends. `encoder` has written what the tab has got so far.
pub fn to_tab(encoder: Encoder, total: Total) -> (Outbox, Queue) {
    queue(encoder, MAX_TAB_BYTES, Some(total))
}

/// A new queue to a relay, as its two ends. `encoder` has written what the relay has got so far.
pub fn to_relay(encoder: Encoder) -> (Outbox, Queue) {
    queue(encoder, MAX_LINK_BYTES, None)
}

fn queue(encoder: Encoder, max_bytes: usize, total: Option<Total>) -> (Outbox, Queue) {
    let (frames, waiting) = mpsc::unbounded_channel();
    let (cut, cut_here) = oneshot::channel();
    let meter = Mutex::new(Meter::new(max_bytes, Instant::now()));
    let gauge = Gauge(Arc::new(Shared { meter, is_shorter: Notify::new(), total }));
    let outbox = Outbox { encoder, frames, cut: Some(cut), gauge: gauge.clone() };
    (outbox, Queue { frames: Frames { frames: waiting, gauge }, cut: cut_here })
}

impl Outbox {
    pub fn pongs(&self) -> Pongs {
        Pongs { frames: self.frames.clone(), gauge: self.gauge.clone() }
    }

    /// Puts a frame at the end. Returns how long it is, in bytes.
    ///
    /// # Errors
    /// [`Overflow`] if the peer does not keep up, from then on.
    pub fn push(&mut self, frame: &Frame) -> Result<usize, Overflow> {
        let mut bytes = self.encoder.frame(frame);
        if bytes.capacity() / 2 > bytes.len() {
            bytes.shrink_to_fit(); // What waits is counted by its length.
        }
        let length = bytes.len();
        self.gauge.put(length)?;
        // If the connection has just ended, the news of it is on its way.
        let _ended = self.frames.send(bytes.into());
        Ok(length)
    }

    /// Whether much waits already, so that what can be spared should not wait behind it.
    pub fn is_long(&self) -> bool {
        self.waiting_bytes() > LONG_BYTES
    }

    /// How much waits, in bytes.
    pub fn waiting_bytes(&self) -> usize {
        self.gauge.meter().waiting_bytes
    }

    /// What waits is not counted any more: the connection is about to end.
    pub fn abandon(&self) {
        self.gauge.end();
    }

    /// Ends the connection, ahead of what still waits.
    pub fn cut(mut self, violation: Violation) {
        self.abandon();
        if let Some(sender) = self.cut.take() {
            let _ended_already = sender.send(violation);
        }
    }
}

impl Queue {
    pub fn gauge(&self) -> Gauge {
        self.frames.gauge.clone()
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
        self.gauge.take(bytes);
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.gauge.end();
    }
}

impl Gauge {
    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.0.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, bytes: usize) -> Result<(), Overflow> {
        let mut meter = self.meter();
        let before = meter.waiting_bytes;
        let outcome = meter.put(bytes, Instant::now());
        if let Some(total) = &self.0.total {
            total.waiting_bytes.fetch_add(meter.waiting_bytes - before, Ordering::Relaxed);
        }
        outcome
    }

    fn take(&self, bytes: usize) {
        let mut meter = self.meter();
        let before = meter.waiting_bytes;
        meter.take(bytes, Instant::now());
        self.freed(before - meter.waiting_bytes);
        if before > HOLD_BYTES && meter.waiting_bytes <= HOLD_BYTES {
            self.0.is_shorter.notify_waiters();
        }
    }

    /// Nothing waits any more, and nothing will.
    fn end(&self) {
        let mut meter = self.meter();
        meter.is_over = true;
        self.freed(std::mem::take(&mut meter.waiting_bytes));
    }

    fn freed(&self, bytes: usize) {
        if let Some(total) = &self.0.total {
            total.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Waits until the queue is so short that its peer may ask for more.
    pub async fn short(&self) {
        loop {
            let is_shorter = self.0.is_shorter.notified();
            if self.meter().waiting_bytes <= HOLD_BYTES {
                return;
            }
            is_shorter.await;
        }
    }

    /// Waits until the socket has taken nothing for too long, though something waits.
    pub async fn stalled(&self) {
        while !self.meter().is_stalled(Instant::now()) {
            sleep(LOOK_EVERY).await;
        }
    }
}

impl Total {
    pub fn new(max_bytes: usize) -> Self {
        Total { waiting_bytes: Arc::default(), max_bytes }
    }

    /// Returns true if more waits than may.
    pub fn is_over(&self) -> bool {
        self.waiting_bytes.load(Ordering::Relaxed) > self.max_bytes
    }
}

impl Meter {
    fn new(max_bytes: usize, now: Instant) -> Self {
        Meter { waiting_bytes: 0, max_bytes, progress: now, overflowed: false, is_over: false }
    }

    fn put(&mut self, bytes: usize, now: Instant) -> Result<(), Overflow> {
        if self.is_over {
            return Ok(());
        }
        if self.waiting_bytes == 0 {
            self.progress = now;
        }
        self.waiting_bytes += bytes;
        // A frame is read with the help of those before it: after a gap there can be no other.
        self.overflowed |= self.waiting_bytes > self.max_bytes;
        if self.overflowed { Err(Overflow) } else { Ok(()) }
    }

    fn take(&mut self, bytes: usize, now: Instant) {
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        self.progress = now;
    }

    fn is_stalled(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.progress);
        self.waiting_bytes > 0 && (since > LONG_STALL || self.waiting_bytes > STALLED_BYTES && since > STALL)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    fn meter(now: Instant) -> Meter {
        Meter::new(MAX_TAB_BYTES, now)
    }

    #[test]
    fn a_large_answer_is_no_stall_while_the_socket_takes_it() {
        let mut now = Instant::now();
        let mut meter = meter(now);
        for _ in 0..16 {
            assert_eq!(meter.put(1 << 20, now), Ok(()));
        }
        for _ in 0..16 {
            now += STALL;
            assert!(!meter.is_stalled(now));
            meter.take(1 << 20, now);
        }
        assert!(!meter.is_stalled(now + 10 * LONG_STALL), "nothing waits");
    }

    #[test]
    fn a_socket_that_takes_nothing_has_stalled_whether_or_not_more_is_pushed() {
        let start = Instant::now();
        let mut much = meter(start);
        assert_eq!(much.put(STALLED_BYTES + 1, start), Ok(()));
        assert!(!much.is_stalled(start + STALL));
        assert!(much.is_stalled(start + STALL + MOMENT));
        let mut little = meter(start);
        assert_eq!(little.put(1, start), Ok(()));
        assert!(!little.is_stalled(start + LONG_STALL));
        assert!(little.is_stalled(start + LONG_STALL + MOMENT));
    }

    #[test]
    fn nothing_may_wait_without_bound() {
        let now = Instant::now();
        let mut meter = meter(now);
        assert_eq!(meter.put(MAX_TAB_BYTES, now), Ok(()));
        assert_eq!(meter.put(1, now), Err(Overflow));
    }

    #[test]
    fn after_an_overflow_nothing_is_taken_any_more() {
        let now = Instant::now();
        let mut meter = meter(now);
        assert_eq!(meter.put(MAX_TAB_BYTES + 1, now), Err(Overflow));
        meter.take(MAX_TAB_BYTES, now);
        assert_eq!(meter.put(1, now), Err(Overflow));
    }

    #[test]
    fn what_waits_for_all_tabs_is_counted_until_it_is_taken_or_the_connection_ends() {
        let total = Total::new(0);
        let waiting = || total.waiting_bytes.load(Ordering::Relaxed);
        let bye = Frame::Bye(Violation::Stopping);
        let [(mut first, first_queue), (mut second, second_queue), (mut third, _third_queue)] =
            [(); 3].map(|()| to_tab(Encoder::default(), total.clone()));
        let bytes = first.push(&bye).expect("there is room");
        second.push(&bye).expect("there is room");
        third.push(&bye).expect("there is room");
        assert_eq!(waiting(), 3 * bytes);
        first_queue.frames.taken(bytes);
        assert_eq!(waiting(), 2 * bytes);
        drop(second_queue);
        second.push(&bye).expect("nobody is there");
        assert_eq!(waiting(), bytes);
        third.cut(Violation::SlowPeer);
        assert_eq!(waiting(), 0);
        drop(first_queue);
        assert_eq!(waiting(), 0);
    }

    #[tokio::test]
    async fn a_long_queue_holds_up_its_reader_until_it_is_short_again() {
        let (_outbox, queue) = to_tab(Encoder::default(), Total::new(0));
        let gauge = queue.gauge();
        gauge.put(HOLD_BYTES + 2).expect("there is room");
        assert!(timeout(MOMENT, gauge.short()).await.is_err());
        queue.frames.taken(1);
        assert!(timeout(MOMENT, gauge.short()).await.is_err());
        let reader = tokio::spawn(async move { gauge.short().await });
        queue.frames.taken(1);
        timeout(LONG_STALL, reader).await.expect("it goes on").expect("it has not failed");
    }
}
