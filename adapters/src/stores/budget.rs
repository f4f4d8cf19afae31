//! Budgets of calls where one process owns the store: its buckets could do without, and tests compare the others with it.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;
use switchboard_ports::budget::{
    BudgetKey, BudgetStore, CLOSED_MAX, GRANT_AHEAD, GRANT_COUNTED, GRANT_SLOT, Taken,
};
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;

/// All buckets of which something counts.
pub(crate) struct Budgets {
    clock: Arc<dyn Clock>,
    buckets: Mutex<HashMap<BudgetKey, Bucket>>,
}

#[derive(Default)]
struct Bucket {
    /// How many calls cease to count when.
    granted: BTreeMap<Timestamp, u32>,
    closed_until: Option<Timestamp>,
}

impl Budgets {
    /// Nothing is granted yet.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, buckets: Mutex::default() }
    }

    /// Changes a bucket as it is now; those of which nothing counts any more go.
    fn on<T>(&self, key: &BudgetKey, now: Timestamp, change: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|_, bucket| {
            bucket.granted.retain(|until, _| *until > now);
            bucket.closed_until = bucket.closed_until.filter(|until| *until > now);
            !bucket.granted.is_empty() || bucket.closed_until.is_some()
        });
        change(buckets.entry(key.clone()).or_default())
    }
}

impl Bucket {
    fn take(&mut self, rate: u32, wanted: u32, now: Timestamp) -> Taken {
        if let Some(until) = self.closed_until {
            return Taken::Wait(until.since(now));
        }
        let (begin, free) = self.first_free(rate, now);
        let after = begin.since(now);
        let Some(count) = NonZeroU32::new(wanted.min(free)).filter(|_| after <= GRANT_AHEAD) else {
            return Taken::Wait(after.saturating_sub(GRANT_AHEAD).max(GRANT_SLOT));
        };
        let slot = u64::try_from(GRANT_SLOT.as_millis()).unwrap_or(u64::MAX);
        let until = begin.after(GRANT_COUNTED).as_millis().next_multiple_of(slot);
        *self.granted.entry(Timestamp::from_millis(until)).or_default() += count.get();
        Taken::Calls { count, after }
    }

    /// When calls may start at the earliest, and how many. Where there are none left, they come evenly, each behind those that were
    /// asked for before: else who is nearest to the store would take all that a burst leaves at once.
    fn first_free(&self, rate: u32, now: Timestamp) -> (Timestamp, u32) {
        let (mut begin, mut counted) = (now, self.granted.values().sum::<u32>());
        for (until, count) in &self.granted {
            if counted < rate {
                break;
            }
            begin = *until;
            counted = counted.saturating_sub(*count);
        }
        if let Some((until, count)) = self.granted.last_key_value() {
            let last = until.before(GRANT_COUNTED + GRANT_SLOT);
            if begin > now || last > now {
                begin = begin.max(last.after(GRANT_COUNTED.saturating_mul(*count) / rate.max(1)));
            }
        }
        let still = self.granted.iter().filter(|(until, _)| **until > begin).map(|(_, count)| count);
        (begin, rate.saturating_sub(still.sum()))
    }
}

#[async_trait]
impl BudgetStore for Budgets {
    async fn take(&self, bucket: &BudgetKey, rate: u32, wanted: u32) -> Result<Taken, StoreError> {
        let now = self.clock.now();
        Ok(self.on(bucket, now, |bucket| bucket.take(rate, wanted, now)))
    }

    async fn close(&self, bucket: &BudgetKey, pause: Duration) -> Result<(), StoreError> {
        let now = self.clock.now();
        let until = now.after(pause.min(CLOSED_MAX));
        self.on(bucket, now, |bucket| bucket.closed_until = bucket.closed_until.max(Some(until)));
        Ok(())
    }
}
