//! A set that keeps only what was put into it last.

use std::collections::VecDeque;

use litemap::LiteMap;

/// How much is kept.
const CAPACITY: usize = 1024;

/// The latest elements, without doubles. Only for messages to users: no rule depends on it.
#[derive(Debug)]
pub(super) struct Recent<T> {
    kept: LiteMap<T, ()>,
    /// Invariant: the elements of `kept`, the oldest first.
    order: VecDeque<T>,
}

impl<T: Copy + Ord> Recent<T> {
    pub(super) fn new() -> Self {
        Recent { kept: LiteMap::new(), order: VecDeque::new() }
    }

    /// Says whether it is new.
    pub(super) fn insert(&mut self, element: T) -> bool {
        if self.kept.insert(element, ()).is_some() {
            return false;
        }
        self.order.push_back(element);
        if self.order.len() > CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
        true
    }

    pub(super) fn contains(&self, element: &T) -> bool {
        self.kept.contains_key(element)
    }
}
