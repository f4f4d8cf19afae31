//! A usage store that can be away, hang, or keep its answers to itself.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use switchboard_domain::usage::{Month, Usage};
use switchboard_ports::error::StoreError;
use switchboard_ports::usage::{App, UsageBatch, UsageStore};

use super::steps::Steps;

/// What becomes of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageFate {
    /// They are done.
    #[default]
    Do,
    /// They fail before anything is done.
    Away,
    /// They never end.
    Hang,
    /// What is added is added, and reported as failed.
    Lie,
}

/// The decorator, with a killing point before and after each addition.
pub struct UnsureUsage {
    inner: Arc<dyn UsageStore>,
    steps: Arc<Steps>,
    fate: Mutex<UsageFate>,
    additions: Mutex<Vec<UsageBatch>>,
}

impl UnsureUsage {
    /// Around a store.
    pub fn new(inner: Arc<dyn UsageStore>, steps: Arc<Steps>) -> Self {
        Self { inner, steps, fate: Mutex::default(), additions: Mutex::default() }
    }

    /// What becomes of all calls from now on.
    pub fn fate(&self, fate: UsageFate) {
        *self.fate.lock().expect("fate") = fate;
    }

    /// Every addition tried, in order, repeats included.
    pub fn additions(&self) -> Vec<UsageBatch> {
        self.additions.lock().expect("additions").clone()
    }

    async fn checked(&self) -> Result<UsageFate, StoreError> {
        let fate = *self.fate.lock().expect("fate");
        match fate {
            UsageFate::Do | UsageFate::Lie => Ok(fate),
            UsageFate::Away => Err(StoreError::Unavailable("away".to_owned())),
            UsageFate::Hang => std::future::pending().await,
        }
    }
}

#[async_trait]
impl UsageStore for UnsureUsage {
    async fn add(&self, batch: UsageBatch) -> Result<(), StoreError> {
        self.additions.lock().expect("additions").push(batch.clone());
        let fate = self.checked().await?;
        self.steps.step("usage:before").await;
        let added = self.inner.add(batch).await;
        self.steps.step("usage:after").await;
        if fate == UsageFate::Lie {
            return Err(StoreError::Unavailable("no answer".to_owned()));
        }
        added
    }

    async fn of(&self, app: &App) -> Result<Vec<(Month, Usage)>, StoreError> {
        self.checked().await?;
        self.inner.of(app).await
    }
}
