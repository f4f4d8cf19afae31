//! The shared store: Redis, Valkey, or a Cluster of them, for one replica or several.
//!
//! ```text
//! callers ──> lanes (accept, in order) ──┐
//!    └────────> scripts, commands ───────┴─> one multiplexed connection ──> the server, or each node of a Cluster
//! ```
//! Everything of one partition shares a hash tag, and each atomic step is one script (R15). Whatever else there is has tags of
//! its own; `keys.rs` has the layout.

mod accept;
mod attachments;
mod audit;
mod budget;
mod cluster;
mod commit;
mod connection;
mod conversations;
mod durability;
mod failures;
mod forgetting;
mod identity;
mod journal;
mod keys;
mod lanes;
mod messages;
mod moving;
mod registry;
mod renewing;
mod replicas;
mod scripts;
mod sessions;
mod tokens;
mod transcripts;
mod trial;
mod usage;
mod users;
mod words;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switchboard_domain::ids::Partition;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;
use thiserror::Error;

pub(super) use moving::{source, target};
pub use trial::try_writing;

use self::connection::Connection;
use self::identity::Identity;
use self::keys::Keys;
use self::scripts::Scripts;
use super::Stores;
use super::file::OpenError;
use super::key;
use super::records::Row;
use super::seal::Key;
use crate::net::Authorities;

/// Places of conversations that are remembered, so that they need not be asked for; all are forgotten when there are more.
const PLACES_MAX: usize = 100_000;

/// Why a shared store could not be opened.
#[derive(Debug, Error)]
pub enum RedisOpenError {
    /// The address is none, or nobody answers there.
    #[error("cannot connect to Redis: {0}")]
    Connect(String),
    /// The prefix cannot be the beginning of keys.
    #[error("the prefix \"{0}\" is not allowed: 1 to 64 letters, digits, `.`, `_`, `-` or `:`")]
    Prefix(String),
    /// There is no key file: all replicas need the same one, so none is made.
    #[error("{0}: there is no such key file, and a shared store needs one that all replicas have")]
    KeyMissing(PathBuf),
    /// The key file cannot be used.
    #[error(transparent)]
    Key(#[from] OpenError),
    /// The store has data that were sealed with another key.
    #[error("the store was made with another key than {0}")]
    OtherKey(PathBuf),
    /// There is no store under the prefix, and none is to be made.
    #[error("there is no store yet: the server makes it when it starts")]
    NoStore,
    /// A copy into the store was begun and not finished.
    #[error(
        "a copy into the store is not finished: run `switchboard store copy` again, with the same source"
    )]
    CopyUnfinished,
    /// The store is of another version, or cannot be read.
    #[error("{0}")]
    Store(String),
}

/// Whose clock tells when leases run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseClock {
    /// The server's: replicas' own clocks differ.
    Server,
    /// The given one, for tests in virtual time.
    Given,
}

/// Whether a store may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// Where there is none, one is made.
    Allowed,
    /// It has to be there: nothing is written before the caller does.
    No,
}

/// The format of the layout in `keys.rs`.
const LAYOUT: &str = "1";

/// What stands in its place while a copy into the store is not finished, so that no version opens half of one.
const LAYOUT_COPYING: &str = "copying";

impl From<StoreError> for RedisOpenError {
    /// What is said of a store that cannot be opened says already that it is unavailable.
    fn from(error: StoreError) -> Self {
        Self::Store(match error {
            StoreError::Unavailable(cause) => cause,
            other @ (StoreError::Conflict
            | StoreError::Fenced
            | StoreError::Duplicate(_)
            | StoreError::Corrupt(_)) => other.to_string(),
        })
    }
}

impl RedisOpenError {
    fn layout(found: &str) -> Self {
        Self::Store(format!("the store has layout {found}, this version knows {LAYOUT}"))
    }
}

/// Where a store is, and whom to trust there.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// `redis://…`, `rediss://…` with TLS, or `redis-cluster://HOST:PORT,HOST:PORT`.
    pub url: &'a str,
    /// Authorities beside the system's.
    pub authorities: &'a Authorities,
}

impl<'a> From<&'a str> for Address<'a> {
    fn from(url: &'a str) -> Self {
        Self { url, authorities: Authorities::NONE }
    }
}

/// Opens the store at an address, all of whose keys begin with `prefix`, with the key in `key_file`.
///
/// # Errors
/// When nobody answers, the prefix or the key file cannot be used, or the store is of another version or key.
pub async fn open(
    address: impl Into<Address<'_>>,
    prefix: &str,
    key_file: &Path,
    clock: Arc<dyn Clock>,
    making: Making,
) -> Result<Stores, RedisOpenError> {
    let limits = AttachmentLimits::default();
    open_with(address, prefix, key_file, clock, making, LeaseClock::Server, limits).await
}

/// The same with other bounds on files and another clock for leases.
///
/// # Errors
/// See [`open`].
pub async fn open_with(
    address: impl Into<Address<'_>>,
    prefix: &str,
    key_file: &Path,
    clock: Arc<dyn Clock>,
    making: Making,
    lease_clock: LeaseClock,
    limits: AttachmentLimits,
) -> Result<Stores, RedisOpenError> {
    let mut core = core(address.into(), prefix, key_file, clock).await?;
    core.lease_clock = lease_clock;
    core.enter(key_file, making).await?;
    Ok(stores(&Arc::new(core), limits))
}

/// Connects; nothing is asked for yet.
async fn core(
    address: Address<'_>,
    prefix: &str,
    key_file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Core, RedisOpenError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(is_plain) {
        return Err(RedisOpenError::Prefix(prefix.to_owned()));
    }
    let key = key::read(key_file)?.ok_or_else(|| RedisOpenError::KeyMissing(key_file.to_owned()))?;
    let connection = Connection::open(address).await.map_err(RedisOpenError::Connect)?;
    Ok(Core {
        keys: Keys::new(prefix, connection.database()),
        connection,
        scripts: Scripts::new(),
        key,
        clock,
        lease_clock: LeaseClock::Server,
        places: Mutex::default(),
        marks_until: Timestamp::default(),
        identity: Identity::default(),
    })
}

fn stores(core: &Arc<Core>, limits: AttachmentLimits) -> Stores {
    let replicas = Arc::new(replicas::Replicas::new(Arc::clone(core)));
    Stores {
        budgets: Arc::new(budget::Budgets::new(Arc::clone(core))),
        replicas: Arc::clone(&replicas) as _,
        bulletin: replicas,
        durability: Arc::new(durability::Probe::new(Arc::clone(core))),
        conversations: Arc::new(conversations::Conversations::new(Arc::clone(core))),
        transcripts: Arc::new(transcripts::SharedTranscripts::new(Arc::clone(core))),
        failures: Arc::new(failures::Failures::new(Arc::clone(core))),
        messages: Arc::new(messages::Messages::new(Arc::clone(core))),
        channels: Arc::new(registry::Registry::<Channel>::new(Arc::clone(core))),
        agents: Arc::new(registry::Registry::<AgentConfig>::new(Arc::clone(core))),
        users: Arc::new(users::Users::new(Arc::clone(core))),
        tokens: Arc::new(tokens::Tokens::new(Arc::clone(core))),
        sessions: Arc::new(sessions::Sessions::new(Arc::clone(core))),
        attachments: Arc::new(attachments::Attachments::new(Arc::clone(core), limits)),
        usage: Arc::new(usage::UsageCounts::new(Arc::clone(core))),
        audit: Arc::new(audit::Audit::new(Arc::clone(core))),
        journal: Arc::new(journal::Journal::new(Arc::clone(core))),
    }
}

/// What all parts of an open store share.
struct Core {
    connection: Connection,
    keys: Keys,
    scripts: Scripts,
    key: Key,
    clock: Arc<dyn Clock>,
    lease_clock: LeaseClock,
    /// Where conversations are. That never changes, so it may be remembered for as long as one likes.
    places: Mutex<HashMap<String, Partition>>,
    /// Until when there are marks that a copy brought along and that know no partition.
    marks_until: Timestamp,
    /// By what it is noticed that another store has come into the place of this one.
    identity: Identity,
}

/// What a store says of itself.
struct Meta {
    layout: Option<String>,
    key: Option<String>,
    id: Option<String>,
    marks_until: Option<u64>,
}

impl Core {
    /// Makes the store ours where it is empty, and sees whether it is otherwise.
    async fn enter(&mut self, key_file: &Path, making: Making) -> Result<(), RedisOpenError> {
        let meta = self.keys.shared("config", "meta");
        if making == Making::Allowed {
            let id = identity::new_id()?;
            for (field, value) in [("layout", LAYOUT), ("key", self.key.id()), ("id", id.as_str())] {
                let mut command = redis::cmd("HSETNX");
                let set = self.connection.ask::<i64>(command.arg(&meta).arg(field).arg(value));
                set.await?;
            }
        }
        let found = self.meta().await?;
        self.identity = Identity::of(&found);
        let Meta { layout: Some(layout), key: Some(key), marks_until, .. } = found else {
            // Where none could be made, that is what there is to say.
            trial::tried(&self.connection, &self.scripts, &self.keys).await?;
            return Err(RedisOpenError::NoStore);
        };
        if layout == LAYOUT_COPYING {
            return Err(RedisOpenError::CopyUnfinished);
        }
        if layout != LAYOUT {
            return Err(RedisOpenError::layout(&layout));
        }
        self.marks_until = Timestamp::from_millis(marks_until.unwrap_or_default());
        if key != self.key.id() {
            return Err(RedisOpenError::OtherKey(key_file.to_owned()));
        }
        Ok(())
    }

    async fn meta(&self) -> Result<Meta, StoreError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.shared("config", "meta")).arg("layout").arg("key").arg("id");
        let (layout, key, id, marks_until) = self.connection.ask(command.arg("marks_until")).await?;
        Ok(Meta { layout, key, id, marks_until })
    }

    /// The time that leases go by, as `claim.lua` takes it.
    fn lease_time(&self) -> String {
        match self.lease_clock {
            LeaseClock::Server => String::new(),
            LeaseClock::Given => self.clock.now().as_millis().to_string(),
        }
    }

    /// The row of a record, with the key that seals its secrets.
    fn row<'a>(&'a self, table: &'static str, key: &'a str) -> Row<'a> {
        Row { sealing: &self.key, table, key }
    }

    fn corrupt(&self, table: &'static str, key: &str) -> StoreError {
        self.row(table, key).corrupt("not as it is written")
    }

    fn number(&self, text: &str, table: &'static str) -> Result<u64, StoreError> {
        text.parse().map_err(|_| self.corrupt(table, "number"))
    }

    /// The partition of a conversation that is known by its id alone; `None` where nobody has stored one.
    async fn partition_of(&self, id: &str) -> Result<Option<Partition>, StoreError> {
        if let Some(known) = self.lock_places().get(id) {
            return Ok(Some(*known));
        }
        let mut command = redis::cmd("GET");
        let found: Option<u8> = self.connection.ask(command.arg(self.keys.place(id))).await?;
        let found = found.map(Partition);
        if let Some(partition) = found {
            self.remember(id, partition);
        }
        Ok(found)
    }

    /// Stores where something is, before it is there: whoever finds the place and nothing in it finds nothing. Places stay
    /// for a day when a channel is purged, because somebody may be writing there again at that moment.
    async fn note_place(
        &self,
        id: &str,
        partition: Partition,
        kept: Option<Duration>,
    ) -> Result<(), StoreError> {
        let mut command = redis::cmd("SET");
        command.arg(self.keys.place(id)).arg(partition.0);
        if let Some(kept) = kept {
            command.arg("EX").arg(kept.as_secs());
        }
        self.connection.ask(&command).await
    }

    fn remember(&self, id: &str, partition: Partition) {
        let mut places = self.lock_places();
        if places.len() >= PLACES_MAX {
            places.clear();
        }
        places.insert(id.to_owned(), partition);
    }

    fn lock_places(&self) -> std::sync::MutexGuard<'_, HashMap<String, Partition>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
