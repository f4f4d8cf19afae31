//! Nobody else lives, and nobody listens.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, pending};
use switchboard_domain::ids::{ChannelId, ReplicaId};
use switchboard_ports::durability::{Durability, DurabilityProbe};
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::{Bulletin, Note, Observed, ReplicaStore, Report, Roll};

use super::FakeStores;

#[async_trait]
impl ReplicaStore for FakeStores {
    async fn report(&self, report: &Report, _ttl: Duration) -> Result<(), StoreError> {
        self.up()?.replicas.insert(report.info.id.clone(), report.info.clone());
        Ok(())
    }

    async fn leave(&self, replica: &ReplicaId) -> Result<(), StoreError> {
        self.up()?.replicas.remove(replica);
        Ok(())
    }

    async fn roll(&self) -> Result<Roll, StoreError> {
        let live = self.up()?.replicas.values().cloned().collect();
        Ok(Roll { live, ..Roll::default() })
    }

    async fn observed(&self, _channels: &[ChannelId]) -> Result<Vec<(ReplicaId, Observed)>, StoreError> {
        Ok(Vec::new())
    }

    async fn hold(
        &self,
        _channel: &ChannelId,
        _replica: &ReplicaId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        Ok(!ttl.is_zero())
    }

    async fn note_eviction(&self, _channel: &ChannelId, _ttl: Duration) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Bulletin for FakeStores {
    async fn post(&self, _from: &ReplicaId, _note: &Note) -> Result<(), StoreError> {
        Ok(())
    }

    fn notes(&self) -> BoxStream<'static, (ReplicaId, Note)> {
        pending().boxed()
    }

    async fn restarts(&self) -> Result<Vec<(ChannelId, u64)>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl DurabilityProbe for FakeStores {
    async fn durability(&self) -> Result<Durability, StoreError> {
        Ok(Durability::Durable)
    }
}
