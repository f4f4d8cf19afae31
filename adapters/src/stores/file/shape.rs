//! Whether a database has the tables that its format says: for files that come from outside, before they take a store's place.
//!
//! The format is a number in the file, and a file can say any. What it should look like is made by our own migrations, in
//! memory. Columns are compared, and not the words they were declared with, which versions of SQLite write differently.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;

use super::error::OpenError;
use super::schema::{self, MIGRATIONS};

/// One column: its name, its type, whether it must have a value, its place in the key.
type Column = (String, String, bool, i64);

/// What a database consists of.
#[derive(Debug, Default)]
struct Shape {
    tables: BTreeMap<String, Vec<Column>>,
    indexes: BTreeSet<String>,
    /// Triggers and views with their text: they are programs, and do what they say to every change.
    programs: BTreeMap<String, String>,
}

/// Compares a database with its format. What else is in it is of no use and does no harm, unless it acts by itself.
pub(super) fn check(connection: &Connection, path: &Path, format: u32) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_database(path, &error);
    let found = shape(connection).map_err(failed)?;
    let (expected, newest) = (expected(format), expected(schema::newest(MIGRATIONS)));
    let (expected, newest) = (expected.map_err(failed)?, newest.map_err(failed)?);
    match expected.misses(&found).or_else(|| expected.foresees(&found, &newest)) {
        None => Ok(()),
        Some(what) => {
            let cause = format!("it says that it has format {format}, and {what}");
            Err(OpenError::Corrupt { path: path.to_owned(), cause })
        }
    }
}

impl Shape {
    /// What `found` has otherwise.
    fn misses(&self, found: &Self) -> Option<String> {
        for (table, columns) in &self.tables {
            match found.tables.get(table) {
                None => return Some(format!("has no table {table}")),
                Some(other) if other != columns => {
                    return Some(format!("has other columns in table {table}"));
                }
                Some(_) => {}
            }
        }
        if let Some(index) = self.indexes.difference(&found.indexes).next() {
            return Some(format!("has no index {index}"));
        }
        (self.programs != found.programs).then(|| "has other triggers or views".to_owned())
    }

    /// What `found` has that is this format's in future only: a migration would stumble over it.
    fn foresees(&self, found: &Self, newest: &Self) -> Option<String> {
        let early = |name: &&String| newest.tables.contains_key(*name) || newest.indexes.contains(*name);
        let ours = |name: &&String| self.tables.contains_key(*name) || self.indexes.contains(*name);
        let mut names = found.tables.keys().chain(&found.indexes);
        names
            .find(|name| early(name) && !ours(name))
            .map(|name| format!("has {name}, which is a later one's"))
    }
}

/// What a format consists of.
fn expected(format: u32) -> rusqlite::Result<Shape> {
    let made = Connection::open_in_memory()?;
    for migration in MIGRATIONS.iter().take(format as usize) {
        made.execute_batch(migration)?;
    }
    shape(&made)
}

fn shape(connection: &Connection) -> rusqlite::Result<Shape> {
    let mut shape = Shape::default();
    // Names with this beginning are SQLite's own.
    let sql =
        r"SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\'";
    let mut parts = connection.prepare(sql)?;
    let parts = parts.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    for part in parts {
        let (kind, name, text) = part?;
        match kind.as_str() {
            "table" => {
                let columns = columns(connection, &name)?;
                shape.tables.insert(name, columns);
            }
            "index" => {
                shape.indexes.insert(name);
            }
            _ => {
                shape.programs.insert(name, text);
            }
        }
    }
    Ok(shape)
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let sql = "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1) ORDER BY cid";
    let mut columns = connection.prepare(sql)?;
    let columns =
        columns.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    columns.collect()
}
