//! Time and chance under the test's control.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::{Clock, Entropy};
use tokio::time::Instant;

/// A clock that goes with the runtime's virtual time and goes on where it was when the next runtime starts.
#[derive(Debug)]
pub struct SimClock {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    base: u64,
    started: Option<Instant>,
}

impl Default for SimClock {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner { base: 1_800_000_000_000, started: None }) }
    }
}

impl SimClock {
    /// Where the next runtime's time begins.
    pub fn begin_at(&self, millis: u64) {
        self.inner.lock().expect("clock").base = millis;
    }

    /// Called first in each runtime: time goes on from where the last one ended.
    pub fn start(&self) {
        let mut inner = self.inner.lock().expect("clock");
        inner.started = Some(Instant::now());
    }

    /// Time passes while nothing runs.
    pub fn pass(&self, span: std::time::Duration) {
        let mut inner = self.inner.lock().expect("clock");
        inner.base += u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    }

    /// Called last in each runtime.
    pub fn stop(&self) {
        let now = self.now().as_millis();
        let mut inner = self.inner.lock().expect("clock");
        inner.base = now;
        inner.started = None;
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let inner = self.inner.lock().expect("clock");
        let elapsed = inner.started.map_or(0, |started| {
            u64::try_from(Instant::now().saturating_duration_since(started).as_millis()).unwrap_or(u64::MAX)
        });
        Timestamp::from_millis(inner.base + elapsed)
    }
}

/// A sequence of numbers from a seed (`SplitMix64`).
#[derive(Debug)]
pub struct SimEntropy(AtomicU64);

impl SimEntropy {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SimEntropy {
    fn next_u64(&self) -> u64 {
        let mut z =
            self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
