//! The shell has nothing to do with what apps use: the driver tells it.

use async_trait::async_trait;
use switchboard_domain::usage::{Month, Usage};
use switchboard_ports::error::StoreError;
use switchboard_ports::usage::{App, UsageBatch, UsageStore};

use super::FakeStores;

#[async_trait]
impl UsageStore for FakeStores {
    async fn add(&self, _batch: UsageBatch) -> Result<(), StoreError> {
        panic!("the shell counts nothing")
    }

    async fn of(&self, _app: &App) -> Result<Vec<(Month, Usage)>, StoreError> {
        panic!("the shell reads no counts")
    }
}
