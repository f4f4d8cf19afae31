//! A message store with a killing point before and after each message that is given in.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_domain::ids::MessageId;
use switchboard_ports::error::StoreError;
use switchboard_ports::messages::{Given, MessageRecord, MessageStore, NewMessage};

use super::steps::Steps;

/// The decorator.
pub struct SteppingMessages {
    inner: Arc<dyn MessageStore>,
    steps: Arc<Steps>,
}

impl SteppingMessages {
    /// Around a store.
    pub fn new(inner: Arc<dyn MessageStore>, steps: Arc<Steps>) -> Self {
        Self { inner, steps }
    }
}

#[async_trait]
impl MessageStore for SteppingMessages {
    async fn give(&self, message: NewMessage) -> Result<Given, StoreError> {
        self.steps.step("give:before").await;
        let given = self.inner.give(message).await;
        self.steps.step("give:after").await;
        given
    }

    async fn find(&self, id: &MessageId) -> Result<Option<MessageRecord>, StoreError> {
        self.inner.find(id).await
    }
}
