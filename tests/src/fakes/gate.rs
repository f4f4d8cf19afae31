//! A value that tests change and fakes wait on. Those who wait go on in the order in which they came: the channels of the
//! async runtime that do the same wake in an order of their own chance, and a run could not be replayed.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

/// The value.
#[derive(Debug, Default)]
pub struct Gate<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Gate<T> {
    /// With this value.
    pub fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// Changes it, and lets those look who wait.
    pub fn set(&self, value: T) {
        *self.value() = value;
        self.changed.notify_waiters();
    }

    /// What it is.
    pub fn value(&self) -> MutexGuard<'_, T> {
        self.value.lock().expect("gate")
    }

    /// Waits until it is such a value.
    pub async fn wait(&self, is_such: impl Fn(&T) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Whatever changes from here on is not missed.
            changed.as_mut().enable();
            if is_such(&self.value()) {
                return;
            }
            changed.await;
        }
    }
}
