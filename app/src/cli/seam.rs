//! What commands need from the composition root, so that they name no adapter and tests can put fakes in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use switchboard_ports::clock::{Clock, Entropy};
use switchboard_ports::durability::Durability;
use switchboard_ports::provider::Description;
use thiserror::Error;

use crate::config::{Config, ConfigError};
use crate::http::dto::agent_input::Kinds;
use crate::http::dto::channel_input::Providers;
use crate::http::dto::mapping::DirectoryKinds;
use crate::ports::Ports;
use crate::runtime::operations::Operations;

/// Puts adapters together.
#[async_trait]
pub trait Composition: Send + Sync {
    /// The platforms of this build, as they describe themselves.
    fn platforms(&self) -> Vec<Description>;

    /// The names of this build's kinds of agents.
    fn kinds(&self) -> Vec<&'static str>;

    /// What this build knows, without touching any store.
    fn catalog(&self, config: &Config) -> Result<Catalog, ComposeError>;

    /// Takes the store for this process, where it is one that a process has alone; `false` when another has it. What is taken
    /// is used by the next `open` that may make a store. Mistakes in the configuration are found first, and make nothing.
    async fn own(&self, config: &Config) -> Result<bool, ComposeError>;

    /// Whether another process has the store. Makes nothing.
    async fn is_in_use(&self, config: &Config) -> bool;

    /// Finds out whether the store can be written, without changing it, and what it may lose of what it acknowledges. Makes
    /// nothing.
    async fn try_writing(&self, config: &Config) -> Result<Durability, ComposeError>;

    /// Keeps the store up: see [`Upkeep`].
    async fn keep_up(&self, config: &Config, act: Upkeep) -> Result<KeptUp, ComposeError>;

    /// Copies everything of one store into another one, and says how far it is.
    async fn copy(
        &self,
        from: &Config,
        to: &Config,
        tell: &(dyn Fn(Copying) + Send + Sync),
    ) -> Result<Copied, ComposeError>;

    /// Opens the store and puts all ports together.
    async fn open(&self, config: &Config, mode: OpenMode) -> Result<Ports, ComposeError>;

    /// Starts the driver: it reads the stored channels and goes on with what was accepted and not ended.
    async fn start(&self, config: &Config, ports: &Ports) -> Result<Box<dyn Running>, ComposeError>;

    /// Starts the simulated platform of `switchboard demo`.
    async fn simulate(&self) -> Result<Simulation, ComposeError>;
}

/// A running driver.
#[async_trait]
pub trait Running: Send + Sync {
    /// What may be asked of it.
    fn operations(&self) -> Arc<dyn Operations>;

    /// Stops intake, finishes or persists running turns within `grace`, closes connections and the store.
    async fn stop(self: Box<Self>, grace: Duration);
}

/// Whether a store may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Key and store are made where there are none: the server.
    Create,
    /// Neither is made, and a running server beside is not disturbed: `check`, `token`.
    Existing,
}

/// What `switchboard store` can have done to a file store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upkeep {
    /// Copies it into one file, also beside a running server.
    Backup {
        /// The file.
        to: PathBuf,
        /// Whether an existing file is replaced.
        force: bool,
    },
    /// Puts a backup in its place; no server may have it.
    Restore {
        /// The backup.
        from: PathBuf,
    },
    /// Seals its secrets with another key; no server may have it.
    RotateKey {
        /// Where the new key is or will be; `None`: a new one takes the old one's place.
        to: Option<PathBuf>,
    },
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    /// The source was read: so many rows.
    Read(u64),
    /// An earlier copy is continued.
    Continued,
    /// So many rows were copied.
    Copied(u64),
    /// So many deduplication marks were copied.
    Marks(u64),
    /// Both are read and compared.
    Comparing,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// By table: its name, its rows, and the sum that is the same in both.
    pub tables: Vec<(&'static str, u64, String)>,
    /// Deduplication marks; `None` where an earlier copy was found complete.
    pub marks: Option<u64>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptUp {
    /// The backup is whole and was checked.
    BackedUp {
        /// Its size in bytes.
        bytes: u64,
        /// The store's format.
        format: u32,
        /// Conversations in it.
        conversations: u64,
    },
    /// The backup is the store.
    Restored {
        /// Its format.
        format: u32,
        /// Conversations in it.
        conversations: u64,
        /// Where the store that was there is kept.
        replaced: Option<PathBuf>,
        /// Whether the key file is there; then it is the right one.
        key_is_there: bool,
    },
    /// The store is sealed with the new key.
    Rotated {
        /// Records sealed anew; `None` when an earlier, killed attempt had done that.
        records: Option<u64>,
        /// Where the new key is.
        key_file: PathBuf,
        /// Names it.
        key_id: String,
        /// Where the old key is kept.
        retired: PathBuf,
        /// Names it.
        retired_id: String,
    },
}

/// What this build knows.
#[derive(Clone)]
pub struct Catalog {
    /// Platforms by name.
    pub providers: Providers,
    /// Kinds of agents by name.
    pub kinds: Kinds,
    /// Kinds of directories by name.
    pub directories: DirectoryKinds,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// The simulated platform of the demo; it ends with this value.
pub struct Simulation {
    /// The chat page.
    pub chat_url: String,
    /// The channel's `type` and `config` that connect to it.
    pub platform: String,
    /// Settings with credentials of the simulated app.
    pub config: Value,
    /// Keeps it running.
    pub guard: Box<dyn Send + Sync>,
}

/// Why things could not be put together.
#[derive(Debug, Error)]
pub enum ComposeError {
    /// A setting is wrong: exit 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It could not be done: exit 1. One line.
    #[error("{0}")]
    Failed(String),
}

/// A build without adapters: everything but `openapi` and `--help` fails with one line.
#[derive(Debug, Clone, Copy)]
pub struct NotComposed;

fn not_composed<T>() -> Result<T, ComposeError> {
    Err(ComposeError::Failed(String::from("this build has no stores and platforms")))
}

#[async_trait]
impl Composition for NotComposed {
    fn platforms(&self) -> Vec<Description> {
        Vec::new()
    }

    fn kinds(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn catalog(&self, _config: &Config) -> Result<Catalog, ComposeError> {
        not_composed()
    }

    async fn own(&self, _config: &Config) -> Result<bool, ComposeError> {
        not_composed()
    }

    async fn is_in_use(&self, _config: &Config) -> bool {
        false
    }

    async fn try_writing(&self, _config: &Config) -> Result<Durability, ComposeError> {
        not_composed()
    }

    async fn keep_up(&self, _config: &Config, _act: Upkeep) -> Result<KeptUp, ComposeError> {
        not_composed()
    }

    async fn copy(
        &self,
        _from: &Config,
        _to: &Config,
        _tell: &(dyn Fn(Copying) + Send + Sync),
    ) -> Result<Copied, ComposeError> {
        not_composed()
    }

    async fn open(&self, _config: &Config, _mode: OpenMode) -> Result<Ports, ComposeError> {
        not_composed()
    }

    async fn start(&self, _config: &Config, _ports: &Ports) -> Result<Box<dyn Running>, ComposeError> {
        not_composed()
    }

    async fn simulate(&self) -> Result<Simulation, ComposeError> {
        not_composed()
    }
}
