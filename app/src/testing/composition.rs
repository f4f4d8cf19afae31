//! A composition root of fakes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use switchboard_ports::durability::Durability;
use switchboard_ports::provider::Description;

use super::{FakeClock, FakeEntropy, FakeOperations, FakeStores, kinds, ports, providers};
use crate::cli::seam::{
    Catalog, ComposeError, Composition, Copied, Copying, KeptUp, OpenMode, Running, Simulation, Upkeep,
};
use crate::config::{Config, StoreUrl};
use crate::http::dto::mapping::DirectoryKinds;
use crate::ports::Ports;
use crate::runtime::operations::Operations;

/// Fakes of everything, in reach of the test.
#[derive(Default)]
pub(crate) struct FakeComposition {
    pub(crate) stores: Arc<FakeStores>,
    pub(crate) operations: Arc<FakeOperations>,
    pub(crate) stopped: Arc<AtomicBool>,
    /// Whether `open` fails without a store to open.
    pub(crate) no_store: bool,
    /// The folder of the store that was asked for last.
    pub(crate) folder: Mutex<Option<PathBuf>>,
    /// How often the store is another process's before it can be had.
    pub(crate) in_use: AtomicU32,
    /// What was asked for the store's upkeep.
    pub(crate) upkeep: Mutex<Vec<Upkeep>>,
}

#[async_trait]
impl Composition for FakeComposition {
    fn platforms(&self) -> Vec<Description> {
        providers().values().map(|provider| provider.description()).collect()
    }

    fn kinds(&self) -> Vec<&'static str> {
        kinds().into_keys().collect()
    }

    fn catalog(&self, _config: &Config) -> Result<Catalog, ComposeError> {
        Ok(Catalog {
            providers: providers(),
            kinds: kinds(),
            directories: DirectoryKinds(super::directories::kinds()),
            clock: Arc::new(FakeClock::default()),
            entropy: Arc::new(FakeEntropy::default()),
        })
    }

    async fn own(&self, _config: &Config) -> Result<bool, ComposeError> {
        let less = self.in_use.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |times| times.checked_sub(1));
        Ok(less.is_err())
    }

    async fn is_in_use(&self, _config: &Config) -> bool {
        self.in_use.load(Ordering::SeqCst) > 0
    }

    async fn try_writing(&self, _config: &Config) -> Result<Durability, ComposeError> {
        Ok(Durability::Durable)
    }

    async fn keep_up(&self, _config: &Config, act: Upkeep) -> Result<KeptUp, ComposeError> {
        self.upkeep.lock().unwrap().push(act);
        Ok(KeptUp::BackedUp { bytes: 1, format: 1, conversations: 1 })
    }

    async fn copy(
        &self,
        _from: &Config,
        _to: &Config,
        tell: &(dyn Fn(Copying) + Send + Sync),
    ) -> Result<Copied, ComposeError> {
        tell(Copying::Read(2));
        Ok(Copied { tables: vec![("channels", 2, "0a".repeat(16))], marks: Some(1) })
    }

    async fn open(&self, config: &Config, mode: OpenMode) -> Result<Ports, ComposeError> {
        if let StoreUrl::File(folder) = &config.store.url {
            *self.folder.lock().unwrap() = Some(folder.clone());
        }
        if self.no_store && mode == OpenMode::Existing {
            return Err(ComposeError::Failed(String::from("there is no store yet")));
        }
        Ok(ports(&self.stores, Arc::new(FakeClock::default())))
    }

    async fn start(&self, _config: &Config, _ports: &Ports) -> Result<Box<dyn Running>, ComposeError> {
        Ok(Box::new(FakeRunning { operations: self.operations.clone(), stopped: self.stopped.clone() }))
    }

    async fn simulate(&self) -> Result<Simulation, ComposeError> {
        Ok(Simulation {
            chat_url: String::from("http://127.0.0.1:9/"),
            platform: String::from("dingtalk"),
            config: json!({"client_id": "ding1", "client_secret": "s3cr3t"}),
            guard: Box::new(()),
        })
    }
}

struct FakeRunning {
    operations: Arc<FakeOperations>,
    stopped: Arc<AtomicBool>,
}

#[async_trait]
impl Running for FakeRunning {
    fn operations(&self) -> Arc<dyn Operations> {
        self.operations.clone()
    }

    async fn stop(self: Box<Self>, _grace: Duration) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}
