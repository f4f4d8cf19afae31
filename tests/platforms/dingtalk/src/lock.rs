//! The lock around the state: a thread that asks for it a second time is told so, instead of waiting for itself for ever.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// `holder` of a free lock: no address is 0.
const NOBODY: usize = 0;

thread_local! {
    /// Its address is another one in each thread.
    static HERE: u8 = const { 0 };
}

/// A lock whose closures belong to tests.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    value: Mutex<T>,
    holder: AtomicUsize,
}

/// The locked value.
pub(crate) struct Held<'a, T> {
    value: MutexGuard<'a, T>,
    holder: &'a AtomicUsize,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), holder: AtomicUsize::new(NOBODY) }
    }

    /// Waits for the lock.
    ///
    /// # Panics
    ///
    /// When this thread holds it: a closure that looks at the simulator called the simulator.
    pub(crate) fn hold(&self) -> Held<'_, T> {
        let here = HERE.with(|here| std::ptr::from_ref(here).addr());
        // Only this thread writes this value here, so it sees its own writing without any further order.
        assert!(
            self.holder.load(Ordering::Relaxed) != here,
            "a closure that looks at the simulator called the simulator, whose lock it holds"
        );
        // A panic while holding the lock is a failed test already; the state is still worth looking at.
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        self.holder.store(here, Ordering::Relaxed);
        Held { value, holder: &self.holder }
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        self.holder.store(NOBODY, Ordering::Relaxed);
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
