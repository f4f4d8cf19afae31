//! What apps used of their monthly quotas, in Redis.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use switchboard_domain::usage::{Month, Usage};
use switchboard_ports::error::StoreError;
use switchboard_ports::usage::{App, MONTHS_KEPT, USAGE_ROWS_MAX, UsageBatch, UsageStore};

use super::Core;

const TAG: &str = "usage";

/// Counts by app and month. Nothing in them is sealed.
pub(super) struct UsageCounts {
    core: Arc<Core>,
}

impl UsageCounts {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

fn name(app: &App) -> String {
    json!([app.platform, app.id]).to_string()
}

#[async_trait]
impl UsageStore for UsageCounts {
    async fn add(&self, batch: UsageBatch) -> Result<(), StoreError> {
        let newest = batch.rows.iter().map(|(_, month, _)| *month).max();
        let oldest_kept = newest.map_or(0, |newest| newest.before(MONTHS_KEPT - 1).number());
        let row = |(app, month, more): &(App, Month, Usage)| {
            let (api_calls, pushes) = (more.api_calls.to_string(), more.pushes.to_string());
            let month = month.number().to_string();
            json!({ "month": month, "app": name(app), "api_calls": api_calls, "pushes": pushes })
        };
        let rows = Value::Array(batch.rows.iter().map(row).collect()).to_string();
        let mut call = self.core.scripts.count.prepare_invoke();
        call.key(self.core.keys.shared(TAG, "months")).arg(self.core.keys.shared(TAG, "month:"));
        call.arg(batch.id).arg(oldest_kept).arg(USAGE_ROWS_MAX).arg(rows);
        self.core.connection.run::<i64>(&call).await.map(|_| ())
    }

    async fn of(&self, app: &App) -> Result<Vec<(Month, Usage)>, StoreError> {
        let mut command = redis::cmd("ZREVRANGE");
        command.arg(self.core.keys.shared(TAG, "months")).arg(0).arg(MONTHS_KEPT - 1);
        let months: Vec<u32> = self.core.connection.ask(&command).await?;
        let mut all = Vec::new();
        for month in months {
            let mut command = redis::cmd("HGET");
            command.arg(self.core.keys.shared(TAG, format_args!("month:{month}"))).arg(name(app));
            let Some(text) = self.core.connection.ask::<Option<String>>(&command).await? else { continue };
            let counts = serde_json::from_str::<(String, String, String)>(&text);
            let (api_calls, pushes, _) = counts.map_err(|_| self.core.corrupt("usage", &app.id))?;
            let usage = Usage {
                api_calls: self.core.number(&api_calls, "usage")?,
                pushes: self.core.number(&pushes, "usage")?,
            };
            all.push((Month::numbered(month), usage));
        }
        Ok(all)
    }
}
