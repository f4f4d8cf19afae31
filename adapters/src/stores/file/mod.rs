//! The file store: SQLite in a directory of its own.
//!
//! ```text
//! callers ──> queue ──> store-writer ──> switchboard.db (write-ahead log, synced with each commit)
//!    └──────> store-readers (a few threads, each with a connection) ─┘
//! ```
//! The directory belongs to one process at a time: it holds its locks ([`Owned`]), and with them the leases, which are
//! therefore kept in memory. Other processes may look in beside it ([`open_beside`]).

mod accept;
mod attachments;
mod audit;
mod backup;
mod cause;
mod commit;
mod conversations;
mod copies;
mod damage;
mod error;
mod failures;
mod journal;
mod messages;
mod moving;
mod opening;
mod ownership;
mod presence;
mod purge;
mod readers;
mod registry;
mod restore;
mod rotation;
mod schema;
mod searching;
mod sessions;
mod shape;
mod sql;
mod tokens;
mod transcripts;
mod trial;
mod usage;
mod users;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use switchboard_domain::ids::{FencingToken, Partition};
use switchboard_ports::agents::{AgentConfig, AgentStore};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::channels::{Channel, ChannelStore};
use switchboard_ports::clock::Clock;
use switchboard_ports::durability::{Durability, DurabilityProbe};
use switchboard_ports::error::StoreError;
use switchboard_ports::tokens::TokenStore;

pub use backup::{BackedUp, backup};
pub use error::{OpenError, UpkeepError};
pub(super) use moving::{source, target};
pub(super) use opening::sync_folder_of;
pub use ownership::Owned;
pub use restore::{Restored, restore};
pub use rotation::{Rotated, rotate_key};
pub use trial::try_writing;

use self::attachments::Attachments;
use self::conversations::Conversations;
use self::damage::Damage;
use self::failures::Failures;
use self::messages::Messages;
use self::opening::{Opened, Unfinished};
use self::presence::Presence;
use self::readers::Readers;
use self::registry::Registry;
use self::tokens::Tokens;
use self::transcripts::FileTranscripts;
use self::usage::UsageCounts;
use self::users::Users;
use self::writer::Writer;
use crate::stores::budget::Budgets;
use crate::stores::durability::Always;
use crate::stores::leases::Leases;
use crate::stores::records::Row;
use crate::stores::replicas::{Replicas, Revision};
use crate::stores::seal::Key;
use crate::stores::{Stores, folded};

/// Opens the store in `directory` for this process alone, with the key in `key_file`; makes both when there is no store yet.
///
/// Blocks while it works, which is milliseconds, or longer while a store of an older version is migrated. The store is
/// closed when the last of its parts is dropped; that waits until what is queued is written.
///
/// # Errors
/// [`OpenError::InUse`] when another process has it. A damaged, foreign or newer file is left as it is.
pub fn open(directory: &Path, key_file: &Path, clock: Arc<dyn Clock>) -> Result<Stores, OpenError> {
    open_bounded(directory, key_file, clock, AttachmentLimits::default())
}

/// The same with other bounds on files.
///
/// # Errors
/// See [`open`].
pub fn open_bounded(
    directory: &Path,
    key_file: &Path,
    clock: Arc<dyn Clock>,
    limits: AttachmentLimits,
) -> Result<Stores, OpenError> {
    let core = open_with(directory, key_file, clock, schema::MIGRATIONS)?;
    Ok(Stores { attachments: Arc::new(Attachments::new(Arc::clone(&core), limits)), ..stores(&core) })
}

fn open_with(
    directory: &Path,
    key_file: &Path,
    clock: Arc<dyn Clock>,
    migrations: &[&str],
) -> Result<Arc<Core>, OpenError> {
    owned(own(directory)?, directory, key_file, clock, migrations)
}

/// Takes the store in `directory` for this process alone; makes the directory if need be, and nothing else.
///
/// # Errors
/// [`OpenError::InUse`] when another process has it.
pub fn own(directory: &Path) -> Result<Owned, OpenError> {
    ownership::own(directory)
}

/// Whether another process has the store in `directory`. Makes nothing.
#[must_use]
pub fn is_in_use(directory: &Path) -> bool {
    ownership::is_in_use(directory)
}

/// Opens the store in `directory`, which is the caller's already: see [`own`] and [`open`].
///
/// # Errors
/// See [`open`].
pub fn open_owned(
    owned_directory: Owned,
    directory: &Path,
    key_file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Stores, OpenError> {
    let core = owned(owned_directory, directory, key_file, clock, schema::MIGRATIONS)?;
    Ok(stores(&core))
}

fn owned(
    owned: Owned,
    directory: &Path,
    key_file: &Path,
    clock: Arc<dyn Clock>,
    migrations: &[&str],
) -> Result<Arc<Core>, OpenError> {
    let opened = opening::open(directory, key_file, migrations, clock.now(), Unfinished::Refused)?;
    Core::start(opened, clock, Some(owned))
}

fn stores(core: &Arc<Core>) -> Stores {
    let replicas = Arc::new(Replicas::new(Arc::clone(&core.clock), core.revision.clone()));
    Stores {
        budgets: Arc::new(Budgets::new(Arc::clone(&core.clock))),
        replicas: Arc::clone(&replicas) as _,
        bulletin: replicas,
        durability: Arc::new(Always(Durability::Durable)),
        conversations: Arc::new(Conversations::new(Arc::clone(core))),
        transcripts: Arc::new(FileTranscripts::new(Arc::clone(core))),
        failures: Arc::new(Failures::new(Arc::clone(core))),
        messages: Arc::new(Messages::new(Arc::clone(core))),
        channels: Arc::new(Registry::<Channel>::new(Arc::clone(core))),
        agents: Arc::new(Registry::<AgentConfig>::new(Arc::clone(core))),
        users: Arc::new(Users::new(Arc::clone(core))),
        tokens: Arc::new(Tokens::new(Arc::clone(core))),
        sessions: Arc::new(sessions::Sessions::new(Arc::clone(core))),
        attachments: Arc::new(Attachments::new(Arc::clone(core), AttachmentLimits::default())),
        usage: Arc::new(UsageCounts::new(Arc::clone(core))),
        audit: Arc::new(audit::Audit::new(Arc::clone(core))),
        journal: Arc::new(journal::Journal::new(Arc::clone(core))),
    }
}

/// What other processes may see of a store, whether or not a server has it open.
#[derive(Clone)]
pub struct Beside {
    /// Configured channels, for reading: changes are `Unavailable`, because the server would not hear of them.
    pub channels: Arc<dyn ChannelStore>,
    /// Configured agents, for reading.
    pub agents: Arc<dyn AgentStore>,
    /// API tokens, for reading and writing.
    pub tokens: Arc<dyn TokenStore>,
    /// What the store may lose.
    pub durability: Arc<dyn DurabilityProbe>,
}

/// Opens the store in `directory` beside whoever owns it. Makes neither store nor key, and migrates nothing.
///
/// # Errors
/// [`OpenError::Missing`] when there is no store, [`OpenError::OlderVersion`] when the server has to migrate it first.
pub fn open_beside(directory: &Path, key_file: &Path, clock: Arc<dyn Clock>) -> Result<Beside, OpenError> {
    let opened = opening::open_beside(directory, key_file, schema::MIGRATIONS)?;
    let core = Core::start(opened, clock, None)?;
    Ok(Beside {
        channels: Arc::new(Registry::<Channel>::new(Arc::clone(&core))),
        agents: Arc::new(Registry::<AgentConfig>::new(Arc::clone(&core))),
        tokens: Arc::new(Tokens::new(core)),
        durability: Arc::new(Always(Durability::Durable)),
    })
}

/// Reads at the same time, at most.
const READERS_MAX: usize = 4;

/// Searches of transcripts at the same time, at most; apart from the others, because they can be long.
const SEARCHERS_MAX: usize = 2;

/// What is known about the store's files.
#[derive(Clone)]
struct Standing {
    damage: Arc<Damage>,
    presence: Arc<Presence>,
}

/// What all parts of an open store share. Dropped in this order: the writer closes last but for the locks, so that it can
/// fold the log into the database.
struct Core {
    readers: Readers,
    searchers: Readers,
    writer: Writer,
    leases: Arc<Mutex<Leases>>,
    key: Arc<Key>,
    clock: Arc<dyn Clock>,
    revision: Revision,
    presence: Arc<Presence>,
}

impl Core {
    fn start(opened: Opened, clock: Arc<dyn Clock>, owned: Option<Owned>) -> Result<Arc<Self>, OpenError> {
        let Opened { connection, database, key } = opened;
        let leases = Leases::new(fences(&connection, &database)?);
        let leases = Arc::new(Mutex::new(leases));
        let damage = Arc::new(Damage::none(&database));
        let presence = Arc::new(Presence::of(&database, owned)?);
        let standing = Standing { damage, presence: Arc::clone(&presence) };
        let writer = Writer::start(connection, Arc::clone(&clock), Arc::clone(&leases), standing.clone());
        Ok(Arc::new(Self {
            writer: writer.map_err(|error| OpenError::of(&database, &error))?,
            readers: Readers::new(database.clone(), READERS_MAX, standing.clone()),
            searchers: Readers::new(database, SEARCHERS_MAX, standing),
            leases,
            key: Arc::new(key),
            clock,
            revision: Revision::default(),
            presence,
        }))
    }

    /// Whether the directory is ours, so that changes reach everybody they concern.
    fn owns(&self) -> Result<(), StoreError> {
        if self.presence.is_owned() {
            return Ok(());
        }
        Err(StoreError::Unavailable("opened beside the server, for reading only".to_owned()))
    }
}

fn fences(
    connection: &rusqlite::Connection,
    database: &Path,
) -> Result<BTreeMap<Partition, FencingToken>, OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_database(database, &error);
    let mut statement = connection.prepare("SELECT partition, token FROM fences").map_err(failed)?;
    let rows = statement.query_map([], |row| {
        let token = row.get::<_, i64>(1)?;
        Ok((Partition(row.get(0)?), FencingToken(sql::uint(token))))
    });
    rows.and_then(Iterator::collect).map_err(failed)
}

/// The row of a record, with the key that seals its secrets.
fn row<'a>(sealing: &'a Key, table: &'static str, key: &'a str) -> Row<'a> {
    Row { sealing, table, key }
}
