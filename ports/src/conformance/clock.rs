//! A clock that moves when told to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use switchboard_domain::time::Timestamp;

use crate::clock::Clock;

/// A clock that stands still until [`FakeClock::advance`].
#[derive(Debug)]
pub struct FakeClock {
    millis: AtomicU64,
}

impl FakeClock {
    /// Where a new clock stands: 2023-11-14T22:13:20Z.
    pub const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    /// A clock at [`FakeClock::START`].
    #[must_use]
    pub fn new() -> Self {
        Self { millis: AtomicU64::new(Self::START.as_millis()) }
    }

    /// Moves the clock on.
    pub fn advance(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).expect("a test's time span fits into 64 bits");
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}
