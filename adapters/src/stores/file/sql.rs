//! Short ways to run cached statements.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};
use switchboard_ports::error::StoreError;

use super::error::store_error;

/// Runs a statement; answers how many rows it changed.
pub(super) fn run(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    prepare(connection, sql)?.execute(params).map_err(store_error)
}

/// The first row.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = prepare(connection, sql)?;
    statement.query_row(params, read).optional().map_err(store_error)
}

/// All rows. Statements have a limit wherever a table can grow.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = prepare(connection, sql)?;
    let rows = statement.query_map(params, read).map_err(store_error)?;
    rows.collect::<Result<_, _>>().map_err(store_error)
}

/// All rows of a statement that may walk a table, because no server runs meanwhile.
pub(super) fn walk<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let found = statement.query_map(params, read).map_err(store_error)?;
    found.collect::<Result<_, _>>().map_err(store_error)
}

/// How many rows such a statement has changed.
pub(super) fn change(connection: &Connection, sql: &str, params: impl Params) -> Result<u64, StoreError> {
    let changed = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params));
    Ok(u64::try_from(changed.map_err(store_error)?).unwrap_or(u64::MAX))
}

fn prepare<'a>(connection: &'a Connection, sql: &str) -> Result<CachedStatement<'a>, StoreError> {
    #[cfg(test)]
    seen::note(sql);
    connection.prepare_cached(sql).map_err(store_error)
}

/// A number as SQLite keeps it; what is larger than any counter or time becomes the largest.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as it was before [`int`].
pub(super) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Every statement that was run in this process, so that a test can ask for their plans.
#[cfg(test)]
pub(super) mod seen {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    pub(super) fn note(sql: &str) {
        STATEMENTS.lock().unwrap().insert(sql.to_owned());
    }

    /// What was run so far.
    pub(in crate::stores::file) fn statements() -> BTreeSet<String> {
        STATEMENTS.lock().unwrap().clone()
    }
}
