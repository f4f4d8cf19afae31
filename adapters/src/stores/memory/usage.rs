//! What apps used of their monthly quotas, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_domain::usage::{Month, Usage};
use switchboard_ports::error::StoreError;
use switchboard_ports::usage::{App, MONTHS_KEPT, USAGE_ROWS_MAX, UsageBatch, UsageStore};

/// Counts by month and app, each with the batch that was added last.
#[derive(Debug, Default)]
pub(super) struct UsageCounts {
    rows: Mutex<BTreeMap<(Month, App), (Usage, String)>>,
}

impl UsageCounts {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Month, App), (Usage, String)>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl UsageStore for UsageCounts {
    async fn add(&self, batch: UsageBatch) -> Result<(), StoreError> {
        let mut rows = self.lock();
        let Some(newest) = batch.rows.iter().map(|(_, month, _)| *month).max() else {
            return Ok(());
        };
        for (app, month, more) in batch.rows {
            let (usage, last) = rows.entry((month, app)).or_default();
            if *last != batch.id {
                *usage = usage.plus(more);
                last.clone_from(&batch.id);
            }
        }
        let oldest_kept = newest.before(MONTHS_KEPT - 1);
        while let Some(oldest) = rows.first_entry() {
            if oldest.key().0 >= oldest_kept {
                break;
            }
            oldest.remove();
        }
        while rows.len() > USAGE_ROWS_MAX as usize {
            rows.pop_first();
        }
        Ok(())
    }

    async fn of(&self, app: &App) -> Result<Vec<(Month, Usage)>, StoreError> {
        let rows = self.lock();
        let of_app = rows.iter().rev().filter(|((_, of), _)| of == app);
        Ok(of_app.map(|((month, _), (usage, _))| (*month, *usage)).take(MONTHS_KEPT as usize).collect())
    }
}
