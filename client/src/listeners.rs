//! Listeners of changes, each as long as its subscription lives.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use litemap::LiteMap;

type Listener<T> = Rc<dyn Fn(&T)>;

/// Functions that are called with each change.
pub struct Listeners<T>(Rc<RefCell<Registered<T>>>);

struct Registered<T> {
    /// How many were added so far. The next listener has the next number.
    added: u64,
    all: LiteMap<u64, Listener<T>>,
}

/// Keeps a listener registered until it is dropped.
pub struct Subscription<T> {
    number: u64,
    registered: Weak<RefCell<Registered<T>>>,
}

impl<T> Default for Listeners<T> {
    fn default() -> Self {
        Listeners(Rc::new(RefCell::new(Registered { added: 0, all: LiteMap::new() })))
    }
}

impl<T> Listeners<T> {
    /// Adds a listener.
    #[must_use]
    pub fn subscribe(&self, listener: impl Fn(&T) + 'static) -> Subscription<T> {
        let mut registered = self.0.borrow_mut();
        registered.added += 1;
        let number = registered.added;
        registered.all.insert(number, Rc::new(listener));
        Subscription { number, registered: Rc::downgrade(&self.0) }
    }

    /// Calls all listeners. They may add listeners and drop subscriptions meanwhile.
    pub fn call(&self, change: &T) {
        let listeners: Vec<Listener<T>> = self.0.borrow().all.values().cloned().collect();
        for listener in listeners {
            listener(change);
        }
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        if let Some(registered) = self.registered.upgrade() {
            registered.borrow_mut().all.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_listener_is_called_as_long_as_its_subscription_lives() {
        let (listeners, called) = (Listeners::default(), Rc::new(Cell::new(0)));
        let count = called.clone();
        let subscription = listeners.subscribe(move |by: &u32| count.set(count.get() + by));
        listeners.call(&2);
        drop(subscription);
        listeners.call(&3);
        assert_eq!(called.get(), 2);
    }
}
