//! Formats of the store, one after the other: `PRAGMA user_version` says which one a file has.

use std::path::Path;

use rusqlite::Connection;
use switchboard_domain::time::Timestamp;

use super::copies;
use super::error::OpenError;

/// What leads from format n to format n + 1, from 0, the empty file.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema/v1.sql"),
    include_str!("schema/v2.sql"),
    include_str!("schema/v3.sql"),
    include_str!("schema/v4.sql"),
    include_str!("schema/v5.sql"),
    include_str!("schema/v6.sql"),
    include_str!("schema/v7.sql"),
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

/// Brings a database to the newest format, each step in one transaction, after a copy of what was there before the first:
/// formats in between are of no use to anybody, and their copies would push out older ones. `first` is done in the same
/// transaction as the first step from nothing.
pub(super) fn migrate(
    connection: &Connection,
    path: &Path,
    found: Found,
    migrations: &[&str],
    now: Timestamp,
    first: impl FnOnce(&Connection) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let mut first = Some(first);
    let done = match found {
        Found::Empty => 0,
        Found::Format(format) => format,
    };
    for (format, migration) in (1..).zip(migrations).skip(done as usize) {
        if found == Found::Format(format - 1) {
            let copy = copies::before_migration(connection, path, format - 1, now)?;
            let to = newest(migrations);
            tracing::info!(from = format - 1, to, copy = %copy.display(), "migrating the store");
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
    copies::prune(path);
    Ok(())
}
