//! The simulator's time: wall-clock milliseconds that advance with tokio's clock, so that paused time works.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since the Unix epoch, read once from the system and then counted by tokio.
#[derive(Debug)]
pub(crate) struct Clock {
    base_ms: u64,
    start: Instant,
}

impl Clock {
    /// Reads the system clock once.
    #[expect(clippy::disallowed_methods, reason = "the one place where the simulator reads the system clock")]
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let base_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(0);
        Self { base_ms, start: Instant::now() }
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.base_ms.saturating_add(passed)
    }

    /// Microseconds since the simulator's start.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
