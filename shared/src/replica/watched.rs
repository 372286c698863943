//! Values that tell whether they may have changed.

use std::ops::{Deref, DerefMut};

/// A value, and how often it was lent to be changed. A reader need not look again until this count has risen: nothing
/// in this crate changes behind a shared reference.
#[derive(Debug)]
pub(super) struct Watched<T> {
    value: T,
    lent: u64,
}

impl<T> Watched<T> {
    pub(super) fn new(value: T) -> Self {
        Watched { value, lent: 0 }
    }

    /// Whether the value was lent to be changed since `seen`, which is brought up to date. `None` is never.
    pub(super) fn is_news(&self, seen: &mut Option<u64>) -> bool {
        seen.replace(self.lent) != Some(self.lent)
    }
}

impl<T> Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Watched<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.lent += 1;
        &mut self.value
    }
}
