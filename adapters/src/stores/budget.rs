//! Budgets of calls where one process owns the store: its buckets could do without, and tests compare the others with it.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;
use switchboard_ports::budget::{BudgetKey, BudgetStore, CLOSED_MAX, GRANT_COUNTED, GRANT_SLOT, Taken};
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;

/// All buckets of which something counts.
pub(super) struct Budgets {
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
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
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
        let counted = self.granted.values().sum::<u32>();
        let Some(count) = NonZeroU32::new(wanted.min(rate.saturating_sub(counted))) else {
            let first = self.granted.first_key_value();
            return Taken::Wait(first.map_or(GRANT_SLOT, |(until, _)| until.since(now)));
        };
        let slot = u64::try_from(GRANT_SLOT.as_millis()).unwrap_or(u64::MAX);
        let until = now.after(GRANT_COUNTED).as_millis().next_multiple_of(slot);
        *self.granted.entry(Timestamp::from_millis(until)).or_default() += count.get();
        Taken::Calls(count)
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
