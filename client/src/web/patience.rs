//! Waiting for a browser that may never answer.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use js_sys::Promise;
use wasm_bindgen_futures::JsFuture;

use super::global;

/// The result of `work`, unless that takes longer than `limit`. A page that was frozen meanwhile is given half of it
/// anew: its timers may come before all that has waited with them.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut timer = pin!(async {
        sleep(limit / 2).await;
        sleep(limit / 2).await;
    });
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}

async fn sleep(wait: Duration) {
    let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let promise = Promise::new(&mut |resolve, _| global::set_timeout(&resolve, millis));
    // It is never rejected.
    let _over = JsFuture::from(promise).await;
}
