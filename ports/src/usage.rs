//! The usage store: what apps have used of their monthly quotas, as this server has counted it.
//!
//! It is written behind everything else, now and then, and nothing waits for it.

use async_trait::async_trait;
use switchboard_domain::usage::{Month, Usage};

use crate::error::StoreError;

/// Months kept: the newest and a year before it.
pub const MONTHS_KEPT: u32 = 13;

/// Rows kept, one for each month of an app; of more, those of the oldest months go.
pub const USAGE_ROWS_MAX: u32 = 65_000;

/// What apps used, by month.
#[async_trait]
pub trait UsageStore: Send + Sync {
    /// Adds what was counted to what is stored. Months that are [`MONTHS_KEPT`] or more before the newest one of the batch are
    /// forgotten, of all apps.
    ///
    /// Atomic: all of the batch or nothing. Repeatable by the batch's id while none of its rows was changed by another batch;
    /// after a time-out: unknown, repeat it before the next one.
    async fn add(&self, batch: UsageBatch) -> Result<(), StoreError>;

    /// What an app used, the newest month first; at most [`MONTHS_KEPT`] months.
    async fn of(&self, app: &App) -> Result<Vec<(Month, Usage)>, StoreError>;
}

/// Credentials that a platform knows us by, whatever channels use them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct App {
    /// The platform's name.
    pub platform: String,
    /// What the platform calls the app; no secret.
    pub id: String,
}

/// What was counted since the batch before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageBatch {
    /// Its id; never used for another one.
    pub id: String,
    /// What is added; an app's month stands in it once.
    pub rows: Vec<(App, Month, Usage)>,
}
