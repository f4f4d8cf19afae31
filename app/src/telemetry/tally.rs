//! What a replica counts beside the metrics, for its own dashboard: small, and taken away each minute.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::metrics::FIRST_OUTPUT_BUCKETS;

/// Words that one count tells apart; the sources have far fewer.
const WORDS_MAX: usize = 64;

/// What happened in a span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    /// Deliveries of messages, repeated ones included.
    pub(crate) messages: u64,
    /// Turns ended, by outcome.
    pub(crate) turns: BTreeMap<String, u64>,
    /// First outputs in each bucket, by the buckets' upper edges; the last one has none.
    pub(crate) first_output: Vec<u64>,
    /// Requests to platforms, by outcome.
    pub(crate) platform: BTreeMap<String, u64>,
    /// Failure records, by cause.
    pub(crate) failures: BTreeMap<String, u64>,
    /// Turns running, at the end of the span; the most of a longer one.
    pub(crate) running: u32,
    /// Accepted messages that have not ended, likewise.
    pub(crate) pending: u32,
}

impl Counts {
    /// Adds what happened in another span, or on another replica; gauges are left as they are.
    pub(crate) fn add(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        for (own, others) in [
            (&mut self.turns, &other.turns),
            (&mut self.platform, &other.platform),
            (&mut self.failures, &other.failures),
        ] {
            for (word, count) in others {
                more(own, word, *count);
            }
        }
        let buckets = other.first_output.len().min(FIRST_OUTPUT_BUCKETS.len().saturating_add(1));
        if self.first_output.len() < buckets {
            self.first_output.resize(buckets, 0);
        }
        for (own, others) in self.first_output.iter_mut().zip(&other.first_output) {
            *own = own.saturating_add(*others);
        }
    }

    /// The time to first output below which this part of them lies, in seconds, as well as buckets tell: even within each.
    /// None where there was none.
    pub(crate) fn first_output_at(&self, part: f64) -> Option<f64> {
        let all: u64 = self.first_output.iter().fold(0, |all, count| all.saturating_add(*count));
        if all == 0 {
            return None;
        }
        let wanted = number(all) * part;
        let (mut below, mut lower) = (0.0, 0.0);
        for (edge, count) in FIRST_OUTPUT_BUCKETS.into_iter().zip(&self.first_output) {
            let count = number(*count);
            if count > 0.0 && below + count >= wanted {
                return Some(lower + (edge - lower) * ((wanted - below) / count));
            }
            below += count;
            lower = edge;
        }
        // Longer than the last edge: nobody knows how long.
        Some(lower)
    }

    /// Of a hundred turns that were to be answered, those that were; none where there was none. What people stopped and what
    /// was refused counts neither way.
    pub(crate) fn success_percent(&self) -> Option<f64> {
        let of = |outcome: &str| self.turns.get(outcome).copied().unwrap_or(0);
        let (answered, failed) = (of("answered"), of("failed"));
        let all = answered.saturating_add(failed);
        (all > 0).then(|| number(answered) * 100.0 / number(all))
    }

    /// All requests to platforms.
    pub(crate) fn platform_requests(&self) -> u64 {
        sum(&self.platform)
    }

    /// All failure records.
    pub(crate) fn all_failures(&self) -> u64 {
        sum(&self.failures)
    }
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

fn sum(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().fold(0, |all, count| all.saturating_add(*count))
}

fn more(counts: &mut BTreeMap<String, u64>, word: &str, by: u64) {
    if let Some(count) = counts.get_mut(word) {
        *count = count.saturating_add(by);
    } else if counts.len() < WORDS_MAX {
        counts.insert(word.to_owned(), by);
    }
}

/// What is being counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Since the last minute ended.
    minute: Mutex<Counts>,
    /// The minutes since the last quarter of an hour ended.
    quarter: Mutex<Counts>,
    running: AtomicU32,
    pending: AtomicU32,
}

impl Tally {
    /// A message was delivered.
    pub(crate) fn message(&self) {
        let mut counts = lock(&self.minute);
        counts.messages = counts.messages.saturating_add(1);
    }

    /// A turn ended.
    pub(crate) fn turn(&self, outcome: &str) {
        more(&mut lock(&self.minute).turns, outcome, 1);
    }

    /// An agent said its first words.
    pub(crate) fn first_output(&self, after: Duration) {
        let seconds = after.as_secs_f64();
        let bucket = FIRST_OUTPUT_BUCKETS.iter().take_while(|edge| seconds > **edge).count();
        let mut counts = lock(&self.minute);
        counts.first_output.resize(FIRST_OUTPUT_BUCKETS.len().saturating_add(1), 0);
        if let Some(count) = counts.first_output.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
    }

    /// A platform answered, or did not.
    pub(crate) fn platform(&self, outcome: &str) {
        more(&mut lock(&self.minute).platform, outcome, 1);
    }

    /// A failure was recorded.
    pub(crate) fn failure(&self, cause: &str) {
        more(&mut lock(&self.minute).failures, cause, 1);
    }

    /// A run begins.
    pub(crate) fn run_begins(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    /// A run has ended.
    pub(crate) fn run_ends(&self) {
        less(&self.running, 1);
    }

    /// A message waits to be ended.
    pub(crate) fn waits(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// So many wait no longer.
    pub(crate) fn wait_no_longer(&self, count: u32) {
        less(&self.pending, count);
    }

    /// What happened since this was asked last; it goes into the quarter as well.
    pub(crate) fn take_minute(&self) -> Counts {
        let mut counts = std::mem::take(&mut *lock(&self.minute));
        counts.running = self.running.load(Ordering::Relaxed);
        counts.pending = self.pending.load(Ordering::Relaxed);
        let mut quarter = lock(&self.quarter);
        quarter.add(&counts);
        quarter.running = quarter.running.max(counts.running);
        quarter.pending = quarter.pending.max(counts.pending);
        counts
    }

    /// The minutes that were taken since this was asked last.
    pub(crate) fn take_quarter(&self) -> Counts {
        std::mem::take(&mut *lock(&self.quarter))
    }
}

fn less(gauge: &AtomicU32, by: u32) {
    // The closure answers always.
    let _ = gauge.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(by)));
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Counts, Duration, Tally};

    fn near(value: Option<f64>, wanted: f64) -> bool {
        value.is_some_and(|value| (value - wanted).abs() < 1e-9)
    }

    #[test]
    fn what_was_taken_is_counted_no_more() {
        let tally = Tally::default();
        tally.message();
        tally.turn("answered");
        tally.run_begins();
        tally.waits();
        tally.waits();
        tally.wait_no_longer(1);
        let first = tally.take_minute();
        assert_eq!((first.messages, first.turns["answered"], first.running, first.pending), (1, 1, 1, 1));
        tally.run_ends();
        tally.run_ends();
        tally.message();
        let second = tally.take_minute();
        assert_eq!((second.messages, second.turns.len(), second.running, second.pending), (1, 0, 0, 1));
        let quarter = tally.take_quarter();
        assert_eq!((quarter.messages, quarter.running, quarter.turns["answered"]), (2, 1, 1));
        assert_eq!(tally.take_quarter(), Counts::default());
    }

    #[test]
    fn times_to_first_output_lie_evenly_within_their_buckets() {
        let tally = Tally::default();
        for _ in 0..9 {
            tally.first_output(Duration::from_millis(300));
        }
        tally.first_output(Duration::from_millis(1_500));
        let counts = tally.take_minute();
        assert!(near(counts.first_output_at(0.9), 0.5), "{counts:?}");
        assert!(near(counts.first_output_at(0.95), 1.5), "{counts:?}");
        tally.first_output(Duration::from_mins(5));
        assert!(near(tally.take_minute().first_output_at(0.5), 60.0));
        assert_eq!(Counts::default().first_output_at(0.5), None);
    }

    #[test]
    fn what_people_stopped_is_neither_success_nor_failure() {
        let tally = Tally::default();
        for outcome in ["answered", "answered", "answered", "failed", "cancelled", "refused"] {
            tally.turn(outcome);
        }
        assert!(near(tally.take_minute().success_percent(), 75.0));
        assert_eq!(Counts::default().success_percent(), None);
    }

    #[test]
    fn replicas_are_added_up_whatever_buckets_and_words_they_know() {
        let mut all = Counts::default();
        let one = Counts { messages: 1, first_output: vec![1, 2], ..Counts::default() };
        let other = Counts { messages: 2, first_output: vec![1; 40], ..Counts::default() };
        all.add(&one);
        all.add(&other);
        assert_eq!((all.messages, all.first_output.len()), (3, 13));
        assert_eq!(all.first_output[..3], [2, 3, 1]);
        let empty: Counts = serde_json::from_str("{\"later\":1}").unwrap();
        assert_eq!(empty, Counts::default());
    }
}
