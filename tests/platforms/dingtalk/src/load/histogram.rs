//! Durations counted in buckets that are at most 0.2 % wide, so that any number of them takes the same memory.

use serde::Serialize;

/// Values below two to this are counted one by one; above, each doubling has half as many buckets.
const PRECISION_BITS: u32 = 10;
/// Longest value told apart: two to this microseconds, twelve days.
const VALUE_BITS: u32 = 40;
const FIRST: u64 = 1 << PRECISION_BITS;
const HALF: u64 = FIRST / 2;
const VALUE_MAX: u64 = (1 << VALUE_BITS) - 1;

/// Counts of durations in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    /// Grows up to the bucket of the largest value: at most 16,384 of them.
    counts: Vec<u64>,
    count: u64,
    sum_us: u64,
    max_us: u64,
}

impl Histogram {
    /// Counts one duration.
    pub(crate) fn record(&mut self, value_us: u64) {
        let bucket = bucket_of(value_us);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket.saturating_add(1), 0);
        }
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.sum_us = self.sum_us.saturating_add(value_us);
        self.max_us = self.max_us.max(value_us);
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Those that were not there yet in an earlier state of this one; all of them where it was begun anew since. Their longest is
    /// known as well as their quantiles are, at most 0.2 % too high.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        if earlier.count > self.count {
            return self.clone();
        }
        let before = earlier.counts.iter().copied().chain(std::iter::repeat(0));
        let added = self.counts.iter().zip(before).map(|(now, before)| now.saturating_sub(before));
        let counts: Vec<u64> = added.collect();
        let longest_us = counts.iter().rposition(|count| *count > 0).map_or(0, highest_in);
        Self {
            counts,
            count: self.count.saturating_sub(earlier.count),
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
            max_us: longest_us.min(self.max_us),
        }
    }

    /// The value that this many thousandths of all do not exceed, at most 0.2 % too high.
    fn quantile_us(&self, thousandths: u64) -> u64 {
        let rank = self.count.saturating_mul(thousandths).div_ceil(1_000).max(1);
        let mut seen = 0_u64;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                return highest_in(bucket).min(self.max_us);
            }
        }
        self.max_us
    }

    /// What people look at.
    pub(crate) fn summary(&self) -> Latency {
        Latency {
            count: self.count,
            mean_ms: in_ms(self.sum_us.checked_div(self.count).unwrap_or(0)),
            p50_ms: in_ms(self.quantile_us(500)),
            p95_ms: in_ms(self.quantile_us(950)),
            p99_ms: in_ms(self.quantile_us(990)),
            max_ms: in_ms(self.max_us),
        }
    }
}

/// How long something took, over many messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Messages counted.
    pub count: u64,
    /// On average (ms).
    pub mean_ms: f64,
    /// Half of them took no longer (ms, at most 0.2 % too high, as all that follow).
    pub p50_ms: f64,
    /// 95 of 100 took no longer.
    pub p95_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The longest, exactly.
    pub max_ms: f64,
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 microseconds")]
fn in_ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

fn bucket_of(value: u64) -> usize {
    let value = value.min(VALUE_MAX);
    let bits = u64::BITS.saturating_sub(value.leading_zeros());
    let shift = bits.saturating_sub(PRECISION_BITS);
    let bucket = if shift == 0 {
        value
    } else {
        let earlier = u64::from(shift.saturating_sub(1)).saturating_mul(HALF);
        FIRST.saturating_add(earlier).saturating_add((value >> shift).saturating_sub(HALF))
    };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The largest value that falls into a bucket.
fn highest_in(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(u64::MAX);
    let Some(above) = bucket.checked_sub(FIRST) else { return bucket };
    let shift = (above / HALF).saturating_add(1);
    let top = HALF.saturating_add(above % HALF).saturating_add(1);
    (top << shift.min(u64::from(VALUE_BITS))).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_exact_and_large_ones_within_two_thousandths() {
        for value in (0..2_000).chain([4_095, 4_096, 65_537, 1_000_000, 123_456_789, VALUE_MAX]) {
            let highest = highest_in(bucket_of(value));
            assert!(highest >= value, "{value}: {highest}");
            assert!(highest - value <= value / 500, "{value}: {highest}");
            assert_eq!(bucket_of(highest), bucket_of(value));
            assert!(
                value == VALUE_MAX || bucket_of(highest + 1) != bucket_of(value),
                "{value}: it ends there"
            );
        }
        assert_eq!(bucket_of(u64::MAX), 16_383);
    }

    #[test]
    fn quantiles_of_known_values_are_what_they_are() {
        let mut times = Histogram::default();
        assert_eq!(times.summary(), Latency::default());
        // In an order that is none: 1 to 1,000 ms.
        for n in 0..1_000_u64 {
            times.record((n * 619 % 1_000 + 1) * 1_000);
        }
        let found = times.summary();
        assert_eq!(found.count, 1_000);
        for (found, wanted) in
            [(found.p50_ms, 500.0), (found.p95_ms, 950.0), (found.p99_ms, 990.0), (found.mean_ms, 500.5)]
        {
            assert!(found >= wanted && found <= wanted * 1.002, "{found} is not {wanted}");
        }
        assert!((found.max_ms - 1_000.0).abs() < f64::EPSILON, "the longest is exact");
    }

    #[test]
    fn what_was_counted_since_is_told_without_what_was_counted_before() {
        let mut times = Histogram::default();
        for n in 1..=100 {
            times.record(n * 1_000);
        }
        let earlier = times.clone();
        assert_eq!(times.since(&earlier).summary(), Latency::default());
        for _ in 0..3 {
            times.record(5_000);
        }
        let found = times.since(&earlier).summary();
        assert_eq!((found.count, times.count()), (3, 103));
        assert!((found.mean_ms - 5.0).abs() < f64::EPSILON, "{found:?}");
        for found in [found.p50_ms, found.p99_ms, found.max_ms] {
            assert!((5.0..=5.01).contains(&found), "{found}");
        }
        assert_eq!(earlier.since(&times).summary(), earlier.summary(), "it was begun anew");
    }

    #[test]
    fn one_slow_message_of_two_hundred_is_the_longest_and_not_the_median() {
        let mut times = Histogram::default();
        for _ in 0..199 {
            times.record(250);
        }
        times.record(5_000_000);
        let found = times.summary();
        assert!((found.p50_ms - 0.25).abs() < f64::EPSILON && (found.p99_ms - 0.25).abs() < f64::EPSILON);
        assert!((found.max_ms - 5_000.0).abs() < f64::EPSILON);
    }
}
