//! A failure store with a killing point before and after each retry.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::{FailureInfo, FailureStore, Retried};
use switchboard_ports::page::{Page, PageRequest};

use super::steps::Steps;

/// The decorator.
pub struct SteppingFailures {
    inner: Arc<dyn FailureStore>,
    steps: Arc<Steps>,
}

impl SteppingFailures {
    /// Around a store.
    pub fn new(inner: Arc<dyn FailureStore>, steps: Arc<Steps>) -> Self {
        Self { inner, steps }
    }
}

#[async_trait]
impl FailureStore for SteppingFailures {
    async fn list(&self, page: &PageRequest) -> Result<Page<FailureInfo>, StoreError> {
        self.inner.list(page).await
    }

    async fn find(&self, id: &str) -> Result<Option<FailureInfo>, StoreError> {
        self.inner.find(id).await
    }

    async fn retry(&self, id: &str) -> Result<Option<Retried>, StoreError> {
        self.steps.step("retry:before").await;
        let retried = self.inner.retry(id).await;
        self.steps.step("retry:after").await;
        retried
    }

    async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        self.inner.delete(id).await
    }
}
