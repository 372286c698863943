//! The bodies of requests, which must be whole in time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::denial::Denial;

/// How long a body may take. Shorter than a request of the API may take, so that its client hears what was late.
const BODY_WITHIN: Duration = Duration::from_secs(8);

/// Ends requests whose body does not come, whichever route they are for.
pub async fn in_time(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (is_late, path) = (Arc::new(AtomicBool::new(false)), request.uri().path().to_owned());
    let timed = |body| Body::new(Timed { body, timer: None, is_late: Arc::clone(&is_late) });
    let response = next.run(request.map(timed)).await;
    if is_late.load(Ordering::Relaxed) { late().answer(&path) } else { response }
}

fn late() -> Denial {
    let text = format!("the body did not come within {} s: send it at once, or less of it", BODY_WITHIN.as_secs());
    Denial::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", text)
}

/// A body that fails when it takes too long.
struct Timed {
    body: Body,
    /// Runs from when the body is first read.
    timer: Option<Pin<Box<Sleep>>>,
    is_late: Arc<AtomicBool>,
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(BODY_WITHIN)));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.is_late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err("the body takes too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
