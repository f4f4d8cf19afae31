//! The machine's own clock and chance.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::TryRng;
use rand::rngs::SysRng;
use rustix::time::{ClockId, clock_gettime};
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::{Clock, Entropy};

/// The wall clock as it was at start plus the time since then, on the clock that counts suspension (R16): a clock set
/// back while the server runs does not set back deadlines, and a laptop that slept knows it.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started_at: Timestamp,
    booted_for: Duration,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock: this is the Clock port"
    )]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started_at: Timestamp::default().after(wall), booted_for: since_boot() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.started_at.after(since_boot().saturating_sub(self.booted_for))
    }
}

/// Time since the machine booted, suspension included.
fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Random numbers from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn next_u64(&self) -> u64 {
        // The operating system's source does not fail on the systems we run on; a clock reading is still not repeated.
        SysRng.try_next_u64().unwrap_or_else(|_| u64::try_from(since_boot().as_nanos()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_backwards() {
        let clock = SystemClock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert!(first.as_millis() > 1_600_000_000_000, "the wall clock is in this century");
    }

    #[test]
    fn numbers_are_not_repeated() {
        assert_ne!(SystemEntropy.next_u64(), SystemEntropy.next_u64());
    }
}
