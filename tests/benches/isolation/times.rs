//! Times as they are printed: whole milliseconds, sorted.

use std::time::Duration;

/// Sorted milliseconds.
pub(crate) struct Times(Vec<u64>);

impl Times {
    pub(crate) fn new(millis: impl Iterator<Item = u64>) -> Self {
        let mut millis: Vec<_> = millis.collect();
        millis.sort_unstable();
        Self(millis)
    }

    pub(crate) fn spans(spans: &[Duration]) -> Self {
        Self::new(spans.iter().map(|span| u64::try_from(span.as_millis()).unwrap()))
    }

    /// The smallest that so many parts of them do not exceed.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "places in a short list"
    )]
    fn quantile(&self, part: f64) -> u64 {
        let place = (self.0.len() as f64 * part).ceil() as usize;
        self.0.get(place.max(1) - 1).copied().unwrap_or_default()
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    pub(crate) fn over(&self, other: &Self, part: f64) -> f64 {
        self.quantile(part) as f64 / other.quantile(part).max(1) as f64
    }

    pub(crate) fn print(&self, name: &str) {
        let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(|part| self.quantile(part));
        println!("{name:52} {:>6} {p50:>8} {p95:>8} {p99:>8} {max:>8}", self.0.len());
    }
}
