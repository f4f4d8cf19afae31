//! Failure records as the shell reads them; retries go through the driver.

use async_trait::async_trait;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::{FailureInfo, FailureStore, Retried};
use switchboard_ports::page::{Page, PageRequest};

use super::FakeStores;
use super::stores::page;

#[async_trait]
impl FailureStore for FakeStores {
    async fn list(&self, request: &PageRequest) -> Result<Page<FailureInfo>, StoreError> {
        Ok(page(&self.up()?.failures, request))
    }

    async fn find(&self, id: &str) -> Result<Option<FailureInfo>, StoreError> {
        Ok(self.up()?.failures.iter().find(|info| info.id == id).cloned())
    }

    async fn retry(&self, _id: &str) -> Result<Option<Retried>, StoreError> {
        panic!("the shell retries through the driver")
    }

    async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let mut state = self.up()?;
        let before = state.failures.len();
        state.failures.retain(|info| info.id != id);
        Ok(state.failures.len() < before)
    }
}
