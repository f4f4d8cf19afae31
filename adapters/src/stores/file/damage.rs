//! Damage of the database file: looked for when it is opened, noticed while it runs, and never written over.
//!
//! Opening looks at what is small or open, so that it takes as long as there is work and not as there is history. What is
//! damaged beyond that shows when it is read. From then on this process writes nothing any more: a store that takes
//! messages into a broken file loses more than one that takes none.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::{Connection, OpenFlags};
use switchboard_ports::error::StoreError;

use super::error::{DAMAGED, OpenError};
use super::schema::{self, Found};
use super::shape;

/// Tables that are read whole when a store is opened: they hold settings, or what is open.
const SMALL: [&str; 6] = ["meta", "fences", "channels", "agents", "tokens", "inbox"];

/// Looked up at both ends only, because they grow with the history.
const LARGE: [&str; 6] = [
    "SELECT max(num) FROM conversations",
    "SELECT count(*) FROM conversations WHERE waiting > 0 OR replies > 0",
    "SELECT max(num) FROM states",
    "SELECT max(id) FROM transcript",
    "SELECT max(id) FROM users",
    "SELECT max(at) FROM marks",
];

/// Characters of a path that stay as they are in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// Whether the file was found damaged; shared by all who use it.
#[derive(Debug)]
pub(super) struct Damage {
    database: PathBuf,
    found: AtomicBool,
}

impl Damage {
    pub(super) fn none(database: &Path) -> Self {
        Self { database: database.to_owned(), found: AtomicBool::new(false) }
    }

    /// Takes note of what an error says about the file; tells once.
    pub(super) fn note(&self, error: &StoreError) {
        if is_damage(error) && !self.found.swap(true, Ordering::Relaxed) {
            tracing::error!(
                database = %self.database.display(), %error,
                "the store's file is damaged; nothing more is written to it: stop the server, then restore a backup with \
                 `switchboard store restore --from FILE`"
            );
        }
    }

    pub(super) fn is_found(&self) -> bool {
        self.found.load(Ordering::Relaxed)
    }
}

/// What everybody hears who wants to write to a damaged file.
pub(super) fn refusal() -> StoreError {
    StoreError::Unavailable(DAMAGED.to_owned())
}

/// Whether an error says that the file is damaged, and not one record in it.
fn is_damage(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(words) if words.starts_with(DAMAGED))
}

/// Reads what is small or open of a store of the newest format, and a little of everything else.
pub(super) fn look(connection: &Connection, database: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_database(database, &error);
    for table in SMALL {
        checked(connection, database, &format!("PRAGMA quick_check('{table}')"))?;
    }
    for sql in LARGE {
        connection.query_row(sql, [], |_| Ok(())).map_err(failed)?;
    }
    Ok(())
}

/// What a whole look has found.
pub(super) struct Looked {
    /// The store's format.
    pub(super) format: u32,
    /// How many conversations are in it.
    pub(super) conversations: u64,
}

/// Reads everything in a file: whether it is sound, and a store that this version knows, with all that is part of its format. Changes nothing.
pub(super) fn look_whole(path: &Path) -> Result<Looked, OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_database(path, &error);
    let connection = read_only(path).map_err(failed)?;
    let Found::Format(format) = schema::inspect(&connection, path, schema::MIGRATIONS)? else {
        return Err(OpenError::NotAStore(path.to_owned()));
    };
    checked(&connection, path, "PRAGMA integrity_check(1)")?;
    shape::check(&connection, path, format)?;
    let count = connection.query_row("SELECT count(*) FROM conversations", [], |row| row.get::<_, i64>(0));
    let conversations = u64::try_from(count.map_err(failed)?).unwrap_or_default();
    Ok(Looked { format, conversations })
}

/// A connection that cannot write. A database without a log is read as one that nobody changes, so that it may lie in a
/// folder that cannot be written.
pub(super) fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0);
    let mut address = String::from("file:");
    address.extend(utf8_percent_encode(&path.to_string_lossy(), PLAIN));
    address.push_str(if has_log { "?mode=ro" } else { "?mode=ro&immutable=1" });
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(address, flags)
}

/// Runs one of SQLite's checks, whose first line is `ok` or says what is wrong.
fn checked(connection: &Connection, path: &Path, check: &str) -> Result<(), OpenError> {
    let line = connection.query_row(check, [], |row| row.get::<_, String>(0));
    let line = line.map_err(|error| OpenError::of_database(path, &error))?;
    if line == "ok" {
        return Ok(());
    }
    // The check's own words can quote contents: its first ones say enough.
    let told = line.lines().find(|line| !line.starts_with("***")).unwrap_or_default();
    let cause = told.chars().take(80).collect();
    Err(OpenError::Corrupt { path: path.to_owned(), cause })
}
