//! A shared store as one end of a copy (`stores/copy`). Nobody has it alone: that no server lives on it is looked at before and
//! after, and while it is a target its layout is one that no server opens.

mod give;
mod journal;
mod marks;
mod take;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use switchboard_domain::ids::Partition;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;

use super::{Address, Core, LAYOUT, LAYOUT_COPYING, RedisOpenError, core, replicas};
use crate::stores::copy::items::{Item, Mark};
use crate::stores::copy::side::{Batch, Counters, Cursor, Marker, Side};

/// Opens a store to be copied from.
pub(in crate::stores) async fn source(
    address: Address<'_>,
    prefix: &str,
    key_file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Side>, RedisOpenError> {
    let mut core = core(address, prefix, key_file, clock).await?;
    core.enter(key_file, super::Making::No).await?;
    Ok(Arc::new(RedisSide { core }))
}

/// Opens a store to be copied into. Nothing is written yet.
pub(in crate::stores) async fn target(
    address: Address<'_>,
    prefix: &str,
    key_file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Side>, RedisOpenError> {
    let core = core(address, prefix, key_file, clock).await?;
    let found = core.meta().await?;
    if let Some(layout) = found.layout.filter(|layout| layout != LAYOUT && layout != LAYOUT_COPYING) {
        return Err(RedisOpenError::layout(&layout));
    }
    if found.key.is_some_and(|key| key != core.key.id()) {
        return Err(RedisOpenError::OtherKey(key_file.to_owned()));
    }
    Ok(Arc::new(RedisSide { core }))
}

struct RedisSide {
    core: Core,
}

impl RedisSide {
    fn meta(&self) -> String {
        self.core.keys.shared("config", "meta")
    }
}

/// A number of each partition.
async fn numbers(core: &Core, what: &str) -> Result<Vec<u64>, StoreError> {
    let numbers = Partition::all().map(async |partition| {
        let mut command = redis::cmd("GET");
        let found = core.connection.ask::<Option<u64>>(command.arg(core.keys.of(partition, what)));
        Ok::<_, StoreError>(found.await?.unwrap_or_default())
    });
    try_join_all(numbers).await
}

#[async_trait]
impl Side for RedisSide {
    async fn live(&self) -> Result<usize, StoreError> {
        let (live, _evicting) = replicas::called(&self.core).await?;
        Ok(live.len())
    }

    async fn counters(&self) -> Result<Counters, StoreError> {
        let fences = numbers(&self.core, "fence").await?;
        let failures = numbers(&self.core, "failed").await?.into_iter().max().unwrap_or_default();
        Ok(Counters { fences, failures })
    }

    async fn raise(&self, counters: &Counters) -> Result<(), StoreError> {
        // Numbers of failures are made of the time here: they are above those of any other store.
        let raised = Partition::all().zip(&counters.fences).map(async |(partition, token)| {
            let mut call = self.core.scripts.raise.prepare_invoke();
            call.key(self.core.keys.of(partition, "fence")).arg(*token);
            self.core.connection.run::<()>(&call).await
        });
        try_join_all(raised).await.map(drop)
    }

    async fn give(&self, after: &Cursor) -> Result<Batch<Item>, StoreError> {
        give::rows(&self.core, after).await
    }

    async fn take(&self, rows: Vec<Item>, marker: &Marker) -> Result<(), StoreError> {
        take::rows(&self.core, rows).await?;
        let text = serde_json::to_string(marker)
            .map_err(|_| StoreError::Corrupt("the mark of a copy cannot be written".to_owned()))?;
        let layout = if marker.done { LAYOUT } else { LAYOUT_COPYING };
        let mut command = redis::cmd("HSET");
        command.arg(self.meta()).arg("layout").arg(layout).arg("key").arg(self.core.key.id());
        self.core.connection.ask(command.arg("copy").arg(text)).await
    }

    async fn give_marks(&self, after: &Cursor) -> Result<Batch<Mark>, StoreError> {
        marks::give(&self.core, after).await
    }

    async fn take_marks(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
        marks::take(&self.core, marks).await
    }

    async fn missing(&self, marks: Vec<Mark>) -> Result<usize, StoreError> {
        marks::missing(&self.core, marks).await
    }

    async fn marker(&self) -> Result<Option<Marker>, StoreError> {
        let mut command = redis::cmd("HGET");
        let found: Option<String> = self.core.connection.ask(command.arg(self.meta()).arg("copy")).await?;
        let marker = found.map(|text| serde_json::from_str(&text)).transpose();
        marker.map_err(|_| StoreError::Corrupt("the mark of a copy cannot be read".to_owned()))
    }
}
