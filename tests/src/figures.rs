//! Figures as benches print them.

use std::time::Duration;

/// A count, to be divided.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^53")]
pub fn in_f64(count: u64) -> f64 {
    count as f64
}

/// KiB as MiB.
pub fn mib(kib: u64) -> f64 {
    in_f64(kib) / 1_024.0
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
