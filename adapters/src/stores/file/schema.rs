//! Formats of the store, one after the other: `PRAGMA user_version` says which one a file has.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::error::OpenError;

/// What leads from format n to format n + 1, from 0, the empty file.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema/v1.sql"),
    include_str!("schema/v2.sql"),
    include_str!("schema/v3.sql"),
    include_str!("schema/v4.sql"),
];

/// Marks a database as ours: "SWBD".
const APPLICATION_ID: i64 = 0x5357_4244;

/// What a database is, before anything is written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Empty,
    /// A store of this format, which is one we know.
    Format(u32),
}

/// The newest format of these migrations.
pub(super) fn newest(migrations: &[&str]) -> u32 {
    u32::try_from(migrations.len()).unwrap_or(u32::MAX)
}

/// Looks at a database without changing it.
pub(super) fn inspect(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<Found, OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_database(path, &error);
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let format = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if format == 0 && tables == 0 {
        return Ok(Found::Empty);
    }
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(OpenError::NotAStore(path.to_owned()));
    }
    let corrupt = || OpenError::Corrupt { path: path.to_owned(), cause: format!("format {format}") };
    let found = u32::try_from(format).map_err(|_| corrupt())?;
    let known = newest(migrations);
    if found > known {
        return Err(OpenError::NewerVersion { found, known });
    }
    if found == 0 { Err(corrupt()) } else { Ok(Found::Format(found)) }
}

/// Brings a database to the newest format, each step in one transaction, after a copy of what was there. `first` is done
/// in the same transaction as the first step from nothing.
pub(super) fn migrate(
    connection: &Connection,
    path: &Path,
    found: Found,
    migrations: &[&str],
    first: impl FnOnce(&Connection) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let mut first = Some(first);
    let done = match found {
        Found::Empty => 0,
        Found::Format(format) => format,
    };
    for (format, migration) in (1..).zip(migrations).skip(done as usize) {
        if format > 1 && found != Found::Empty {
            let copy = copy(connection, path, format - 1)?;
            tracing::info!(from = format - 1, to = format, copy = %copy.display(), "migrating the store");
        }
        let failed = |error: rusqlite::Error| OpenError::of_database(path, &error);
        let transaction = connection.unchecked_transaction().map_err(failed)?;
        transaction.execute_batch(migration).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", format).map_err(failed)?;
        if let Some(first) = first.take().filter(|_| format == 1) {
            first(&transaction)?;
        }
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

/// Copies a database as it is, beside it; a copy left over by an earlier attempt is replaced.
fn copy(connection: &Connection, path: &Path, format: u32) -> Result<PathBuf, OpenError> {
    let target = path.with_extension(format!("format{format}.db"));
    let partial = path.with_extension(format!("format{format}.partial"));
    let io = |error: std::io::Error| OpenError::of(&partial, &error);
    if partial.exists() {
        fs::remove_file(&partial).map_err(io)?;
    }
    // Made by us first, because SQLite would let others read it.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(io)?;
    let name = partial.to_string_lossy();
    let copied = connection.execute("VACUUM INTO ?1", [&name]);
    copied.map_err(|error| OpenError::of_database(&partial, &error))?;
    fs::rename(&partial, &target).map_err(|error| OpenError::of(&target, &error))?;
    Ok(target)
}
