//! From a directory to an open database: its key, its format, its soundness.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;

use super::error::OpenError;
use super::schema::{self, Found};
use super::{cause, damage, moving, restore, rotation, searching};
use crate::stores::key;
use crate::stores::seal::{Key, Place, SealError, Sealing, key_id};

/// The database, in the store's directory.
pub(super) const DATABASE: &str = "switchboard.db";

/// How long a statement waits for another process; `switchboard token …` writes for milliseconds. Whoever writes for longer
/// keeps messages from being stored, and that must soon be said.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Pages of write-ahead log kept on disk after a checkpoint, in bytes.
const LOG_BYTES_KEPT: i64 = 64 * 1024 * 1024;

/// Pages of write-ahead log that are folded into the database together: a crowd writes the same ones again and again. On a small
/// disk fewer, a sixteenth of the room there is.
const LOG_PAGES_FOLDED: RangeInclusive<i64> = 250..=4_000;

/// Bytes of the log per page.
const LOG_PAGE_BYTES: i64 = 4_120;

/// Pages that a reading connection keeps in memory; it forgets them with each commit.
const READER_CACHE_KIB: i64 = 256;

/// Statements kept prepared per connection.
const STATEMENTS_CACHED: usize = 64;

/// How every SQLite database begins (SQLite file format §1.3.1).
const MAGIC: &[u8] = b"SQLite format 3\0";

const SENTINEL: Place<'_> = Place { table: "meta", row: "key_sentinel", field: "value" };
const SENTINEL_TEXT: &str = "switchboard";

/// A database ready for work.
pub(super) struct Opened {
    /// The connection that writes.
    pub(super) connection: Connection,
    /// Where the database is.
    pub(super) database: PathBuf,
    /// What secrets are sealed with.
    pub(super) key: Key,
}

/// Whether a store is opened that holds half of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    Refused,
    /// By the copy itself.
    Allowed,
}

/// Opens the database of a directory that is ours; makes it, and its key, when there is none. What a killed restore or change
/// of keys has decided is carried out first.
pub(super) fn open(
    directory: &Path,
    key_file: &Path,
    migrations: &[&str],
    now: Timestamp,
    unfinished: Unfinished,
) -> Result<Opened, OpenError> {
    restore::finish(directory)?;
    let database = directory.join(DATABASE);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&database);
    if let Err(error) = made
        && error.kind() != ErrorKind::AlreadyExists
    {
        return Err(OpenError::of(&database, &error));
    }
    refuse_foreign_bytes(&database)?;
    let failed = |error: rusqlite::Error| OpenError::of_database(&database, &error);
    let connection = connect(&database, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // Looked at before anything is written: a damaged or foreign file stays as it is.
    let found = schema::inspect(&connection, &database, migrations)?;
    if found != Found::Empty && unfinished == Unfinished::Refused {
        refuse_unfinished(&connection, &database)?;
    }
    let key = match (key::read(key_file)?, found) {
        (Some(key), Found::Empty) => key,
        (None, Found::Empty) => key::create(key_file)?,
        (Some(key), Found::Format(_)) => {
            damage::look(&connection, &database)?;
            rotation::settled(&connection, &database, key, key_file, now)?
        }
        (None, Found::Format(_)) => return Err(OpenError::KeyMissing(key_file.to_owned())),
    };
    writing(&connection, &database)?;
    schema::migrate(&connection, &database, found, migrations, now, |connection| {
        write_sentinel(connection, &database, &key)
    })?;
    Ok(Opened { connection, database, key })
}

/// Opens the database of a directory that may be another process's. Makes nothing and migrates nothing.
pub(super) fn open_beside(
    directory: &Path,
    key_file: &Path,
    migrations: &[&str],
) -> Result<Opened, OpenError> {
    let (connection, database) = existing(directory)?;
    newest(&connection, &database, migrations)?;
    let key = key::read(key_file)?.ok_or_else(|| OpenError::KeyMissing(key_file.to_owned()))?;
    let key = rotation::right_key(&connection, &database, key, key_file)?;
    writing(&connection, &database)?;
    Ok(Opened { connection, database, key })
}

/// Refuses a store that has to be migrated first.
pub(super) fn newest(connection: &Connection, database: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    let known = schema::newest(migrations);
    match schema::inspect(connection, database, migrations)? {
        Found::Format(found) if found < known => Err(OpenError::OlderVersion { found, known }),
        Found::Empty | Found::Format(_) => Ok(()),
    }
}

/// Connects to the database of a directory that may be another process's, of whatever format this version knows.
pub(super) fn existing(directory: &Path) -> Result<(Connection, PathBuf), OpenError> {
    if restore::decided(directory)?.is_some() {
        return Err(OpenError::RestoreUnfinished(directory.to_owned()));
    }
    let database = directory.join(DATABASE);
    match fs::metadata(&database) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        Err(error) => return Err(OpenError::of(&database, &error)),
    }
    refuse_foreign_bytes(&database)?;
    let failed = |error: rusqlite::Error| OpenError::of_database(&database, &error);
    let connection = connect(&database, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    match schema::inspect(&connection, &database, schema::MIGRATIONS) {
        Ok(Found::Empty) => Err(OpenError::Missing(directory.to_owned())),
        Ok(Found::Format(_)) => {
            refuse_unfinished(&connection, &database)?;
            Ok((connection, database))
        }
        Err(error) => Err(error),
    }
}

/// Refuses a store that a copy was begun into and not finished: what is missing would be taken for never said.
fn refuse_unfinished(connection: &Connection, database: &Path) -> Result<(), OpenError> {
    let unfinished = moving::is_unfinished(connection);
    if unfinished.map_err(|error| OpenError::of_database(database, &error))? {
        return Err(OpenError::CopyUnfinished(database.parent().unwrap_or(database).to_owned()));
    }
    Ok(())
}

/// Puts a new entry of a folder on disk: without it, what is in the entry could be gone after a power cut.
pub(in crate::stores) fn sync_folder_of(path: &Path) -> Result<(), OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| OpenError::of(folder, &error))
}

/// SQLite takes a very short file for an empty database and would write over it.
fn refuse_foreign_bytes(database: &Path) -> Result<(), OpenError> {
    let mut start = Vec::new();
    let read = File::open(database).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start));
    read.map_err(|error| OpenError::of(database, &error))?;
    // A journal says that the very first write was cut off; SQLite takes that back by itself.
    let is_cut_off = database.with_extension("db-journal").exists();
    // SQLite deletes the log of an empty database, and with it everything that was stored since it was last folded in.
    let log = fs::metadata(database.with_extension("db-wal")).map_or(0, |log| log.len());
    if start.is_empty() && log > 0 && !is_cut_off {
        let cause = "it is empty, and its log is not: restore a backup, or put the database back".to_owned();
        return Err(OpenError::Corrupt { path: database.to_owned(), cause });
    }
    if start.is_empty() || start == MAGIC || is_cut_off {
        return Ok(());
    }
    Err(OpenError::Corrupt { path: database.to_owned(), cause: "not a database".to_owned() })
}

/// A connection that only reads.
pub(super) fn reader(database: &Path) -> rusqlite::Result<Connection> {
    // Opened for writing all the same: whoever comes first after a crash has to recover the log.
    let connection = connect(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    searching::provide(&connection)?;
    Ok(connection)
}

fn connect(database: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    // One thread at a time uses a connection, so SQLite's own lock around it is not needed.
    let connection = Connection::open_with_flags(database, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Plans do not follow from values: statements whose bounds and limits are bound would be planned anew each time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Whoever closes last would fold the log into the database, be it damaged or not. That is the writer's to decide.
    fold_at_close(&connection, false)?;
    Ok(connection)
}

/// Whether closing the last connection folds the log into the database.
pub(super) fn fold_at_close(connection: &Connection, fold: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !fold).map(drop)
}

/// What makes a commit last: the log is synced with each one.
pub(super) fn writing(connection: &Connection, database: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_database(database, &error);
    let set = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
    let mode = set.map_err(failed)?;
    if mode != "wal" {
        return Err(OpenError::Io {
            path: database.to_owned(),
            cause: format!("journal mode {mode}: the file system does not support a write-ahead log"),
        });
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT).map_err(failed)?;
    let room = cause::room(database).and_then(|room| i64::try_from(room).ok()).unwrap_or(i64::MAX);
    let pages = (room / 16 / LOG_PAGE_BYTES).clamp(*LOG_PAGES_FOLDED.start(), *LOG_PAGES_FOLDED.end());
    connection.pragma_update(None, "wal_autocheckpoint", pages).map_err(failed)?;
    // What is deleted is overwritten, in the database and in what the log says of it from then on.
    connection.pragma_update(None, "secure_delete", true).map_err(failed)?;
    // It was looked at, and is sound.
    fold_at_close(connection, true).map_err(failed)?;
    Ok(())
}

/// Puts the log into the open database and gives its room back, as far as nobody reads; answers whether that was done.
pub(super) fn fold_log(connection: &Connection) -> bool {
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    is_busy == Ok(0)
}

/// Stores what shows which key was used, or replaces it.
pub(super) fn write_sentinel(connection: &Connection, database: &Path, key: &Key) -> Result<(), OpenError> {
    let sealed = key.seal(SENTINEL, &Secret::new(SENTINEL_TEXT));
    let sealed =
        sealed.map_err(|error| OpenError::Io { path: database.to_owned(), cause: error.to_string() })?;
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let written = connection.execute(sql, [SENTINEL.row, &sealed]);
    written.map_err(|error| OpenError::of_database(database, &error))?;
    Ok(())
}

/// Compares the key with the one that sealed the sentinel.
pub(super) fn check_key(
    connection: &Connection,
    database: &Path,
    key: &Key,
    key_file: &Path,
) -> Result<(), OpenError> {
    let sql = "SELECT value FROM meta WHERE key = ?1";
    let sealed = connection.query_row(sql, [SENTINEL.row], |row| row.get::<_, String>(0)).optional();
    let sealed = sealed.map_err(|error| OpenError::of_database(database, &error))?;
    let sealed = sealed.unwrap_or_default();
    match key.open(SENTINEL, &sealed) {
        Ok(text) if text.expose() == SENTINEL_TEXT => Ok(()),
        Err(SealError::OtherKey) => {
            let sealed_with = key_id(&sealed).unwrap_or_default().to_owned();
            Err(OpenError::KeyWrong { key_file: key_file.to_owned(), sealed_with })
        }
        Ok(_) | Err(SealError::Damaged | SealError::NotSealed) => Err(OpenError::Corrupt {
            path: database.to_owned(),
            cause: "the row that shows which key was used".to_owned(),
        }),
    }
}
