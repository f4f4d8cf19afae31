//! A channel store that takes its time to read.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, Version};
use switchboard_ports::channels::{Channel, ChannelStore};
use switchboard_ports::error::StoreError;

/// How long a read takes.
const READING: Duration = Duration::from_millis(5);

/// The decorator.
pub struct SlowChannels(Arc<dyn ChannelStore>);

impl SlowChannels {
    /// Around a store.
    pub fn new(inner: Arc<dyn ChannelStore>) -> Self {
        Self(inner)
    }
}

#[async_trait]
impl ChannelStore for SlowChannels {
    async fn list(&self) -> Result<Vec<Channel>, StoreError> {
        tokio::time::sleep(READING).await;
        self.0.list().await
    }

    async fn find(&self, id: &ChannelId) -> Result<Option<Channel>, StoreError> {
        let found = self.0.find(id).await;
        tokio::time::sleep(READING).await;
        found
    }

    async fn insert(&self, channel: &Channel) -> Result<(), StoreError> {
        self.0.insert(channel).await
    }

    async fn update(&self, channel: &Channel, expected: Version) -> Result<Version, StoreError> {
        self.0.update(channel, expected).await
    }

    async fn delete(&self, id: &ChannelId) -> Result<bool, StoreError> {
        self.0.delete(id).await
    }
}
