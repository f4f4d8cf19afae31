//! Budgets of calls that all replicas share, in Redis: by the server's clock, each step one script on one key.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use switchboard_ports::budget::{
    BudgetKey, BudgetStore, CLOSED_MAX, GRANT_AHEAD, GRANT_COUNTED, GRANT_SLOT, Taken,
};
use switchboard_ports::error::StoreError;

use super::Core;
use super::keys::hashed;

/// How long a bucket is kept in which nothing counts any more; by then it is worth nothing.
const IDLE_KEPT: Duration = Duration::from_mins(1);

/// All buckets.
pub(super) struct Budgets {
    core: Arc<Core>,
}

impl Budgets {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    async fn spend(&self, bucket: &BudgetKey, spent: Spent) -> Result<(u32, u64), StoreError> {
        let core = &self.core;
        let (rate, wanted, pause) = match spent {
            Spent::Calls { rate, wanted } => (rate, wanted, Duration::ZERO),
            Spent::Pause(pause) => (0, 0, pause),
        };
        // Buckets share nothing, so each has a tag of its own: a Cluster spreads them.
        let name = hashed(&json!([bucket.base, bucket.app, bucket.api]).to_string());
        let mut call = core.scripts.spend.prepare_invoke();
        call.key(core.keys.shared(&format!("budget-{name}"), "calls"));
        call.arg(core.lease_time()).arg(rate).arg(wanted).arg(millis(pause));
        for span in [GRANT_COUNTED, GRANT_SLOT, CLOSED_MAX, IDLE_KEPT, GRANT_AHEAD] {
            call.arg(millis(span));
        }
        core.connection.run(&call).await
    }
}

/// What the script does.
enum Spent {
    /// It takes calls.
    Calls { rate: u32, wanted: u32 },
    /// It closes the bucket.
    Pause(Duration),
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl BudgetStore for Budgets {
    async fn take(&self, bucket: &BudgetKey, rate: u32, wanted: u32) -> Result<Taken, StoreError> {
        let (calls, wait) = self.spend(bucket, Spent::Calls { rate, wanted }).await?;
        let after = Duration::from_millis(wait);
        Ok(NonZeroU32::new(calls).map_or(Taken::Wait(after), |count| Taken::Calls { count, after }))
    }

    async fn close(&self, bucket: &BudgetKey, pause: Duration) -> Result<(), StoreError> {
        // A pause of nothing would take calls instead.
        let pause = pause.clamp(Duration::from_millis(1), CLOSED_MAX);
        self.spend(bucket, Spent::Pause(pause)).await.map(|_| ())
    }
}
