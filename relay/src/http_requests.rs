//! How many HTTP requests have come to this relay: what the original calls `REQUEST_COUNT`.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// A count of HTTP requests of every kind, of which whoever waits for news hears.
#[derive(Debug, Default)]
pub struct HttpRequests {
    count: AtomicU64,
    news: Notify,
}

impl HttpRequests {
    /// How many there were since the count has begun.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts one more.
    pub fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// Begins the count anew, and gives what it was.
    pub fn begin_anew(&self) -> u64 {
        let count = self.count.swap(0, Ordering::Relaxed);
        self.news.notify_one();
        count
    }

    /// Waits until the count is another one than when this was called last. For one task at a time.
    pub async fn changed(&self) {
        self.news.notified().await;
    }
}
