//! Budgets of calls where one process owns the store: its buckets could do without, and tests compare the others with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;
use switchboard_ports::budget::{BudgetKey, BudgetStore, Schedule, Taken};
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;

/// All buckets of which something counts.
pub(super) struct Budgets {
    clock: Arc<dyn Clock>,
    buckets: Mutex<HashMap<BudgetKey, Schedule>>,
}

impl Budgets {
    /// Nothing is granted yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, buckets: Mutex::default() }
    }

    /// Changes a bucket as it is now; those of which nothing counts any more go.
    fn on<T>(&self, key: &BudgetKey, now: Timestamp, change: impl FnOnce(&mut Schedule) -> T) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|_, bucket| !bucket.settle(now));
        change(buckets.entry(key.clone()).or_default())
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
        self.on(bucket, now, |bucket| bucket.close(pause, now));
        Ok(())
    }
}
