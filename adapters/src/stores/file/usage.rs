//! What apps used of their monthly quotas, in a file.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_domain::usage::{Month, Usage};
use switchboard_ports::error::StoreError;
use switchboard_ports::usage::{App, MONTHS_KEPT, USAGE_ROWS_MAX, UsageBatch, UsageStore};

use super::Core;
use super::sql::{all, first, int, run, uint};
use super::writer::Step;

/// Counts by app and month. Nothing in them is sealed.
pub(super) struct UsageCounts {
    core: Arc<Core>,
}

impl UsageCounts {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl UsageStore for UsageCounts {
    async fn add(&self, batch: UsageBatch) -> Result<(), StoreError> {
        self.core.writer.submit(move |step| add(step, &batch)).await
    }

    async fn of(&self, app: &App) -> Result<Vec<(Month, Usage)>, StoreError> {
        let app = app.clone();
        let read = move |connection: &Connection| {
            let sql = "SELECT month, api_calls, pushes FROM usage WHERE platform = ?1 AND app = ?2
                       ORDER BY month DESC LIMIT ?3";
            all(connection, sql, (app.platform, app.id, MONTHS_KEPT), |row| {
                let usage = Usage { api_calls: uint(row.get(1)?), pushes: uint(row.get(2)?) };
                Ok((Month::numbered(row.get(0)?), usage))
            })
        };
        self.core.readers.read(read).await
    }
}

fn add(step: &Step<'_>, batch: &UsageBatch) -> Result<(), StoreError> {
    let mut is_new = false;
    for (app, month, more) in &batch.rows {
        let sql =
            "SELECT api_calls, pushes, batch FROM usage WHERE month = ?1 AND platform = ?2 AND app = ?3";
        let key = (month.number(), &app.platform, &app.id);
        let stored = first(step.connection, sql, key, |row| {
            let usage = Usage { api_calls: uint(row.get(0)?), pushes: uint(row.get(1)?) };
            Ok((usage, row.get::<_, String>(2)?))
        })?;
        let usage = match stored {
            Some((_, last)) if last == batch.id => continue,
            Some((usage, _)) => usage,
            None => {
                is_new = true;
                Usage::default()
            }
        };
        let usage = usage.plus(*more);
        let sql = "INSERT OR REPLACE INTO usage (month, platform, app, api_calls, pushes, batch)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let counts = (int(usage.api_calls), int(usage.pushes));
        let row = (month.number(), &app.platform, &app.id, counts.0, counts.1, &batch.id);
        run(step.connection, sql, row)?;
    }
    // Only a new row can be one too many, and a month is new once.
    if is_new { sweep(step.connection, batch) } else { Ok(()) }
}

/// Forgets months that are old enough, and more of the oldest while there are too many rows.
fn sweep(connection: &Connection, batch: &UsageBatch) -> Result<(), StoreError> {
    let newest = batch.rows.iter().map(|(_, month, _)| *month).max();
    let oldest_kept = newest.map_or(0, |newest| newest.before(MONTHS_KEPT - 1).number());
    run(connection, "DELETE FROM usage WHERE month < ?1", [oldest_kept])?;
    let sql = "SELECT month, platform, app FROM usage ORDER BY month DESC, platform DESC, app DESC LIMIT 1 OFFSET ?1";
    let beyond = first(connection, sql, [USAGE_ROWS_MAX], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    if let Some(beyond) = beyond {
        run(connection, "DELETE FROM usage WHERE (month, platform, app) <= (?1, ?2, ?3)", beyond)?;
    }
    Ok(())
}
