//! Forgetting a channel's conversations, a bounded number of rows with each step.

use rusqlite::Connection;
use switchboard_domain::ids::ChannelId;
use switchboard_ports::error::StoreError;

use super::sql::{first, run};
use crate::stores::PURGE_ROWS_MAX;

/// What hangs on a conversation and can be long, with a way to delete some of it.
const LONG: [&str; 5] = [
    "DELETE FROM transcript WHERE id IN (SELECT id FROM transcript WHERE num = ?1 LIMIT ?2)",
    "DELETE FROM shown WHERE num = ?1 AND key IN (SELECT key FROM shown WHERE num = ?1 LIMIT ?2)",
    "DELETE FROM failures WHERE id IN (SELECT id FROM failures WHERE num = ?1 LIMIT ?2)",
    "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE num = ?1 LIMIT ?2)",
    "DELETE FROM inbox WHERE num = ?1 AND seq IN (SELECT seq FROM inbox WHERE num = ?1 ORDER BY seq LIMIT ?2)",
];

/// One step: whether there may be more.
pub(super) fn step(connection: &Connection, channel: &ChannelId) -> Result<bool, StoreError> {
    let mut rows_left = PURGE_ROWS_MAX as usize;
    while let Some(num) = next(connection, channel)? {
        let mut is_empty = true;
        for sql in LONG {
            let deleted = run(connection, sql, (num, i64::try_from(rows_left).unwrap_or(i64::MAX)))?;
            rows_left -= deleted.min(rows_left);
            is_empty &= rows_left > 0;
        }
        if !is_empty {
            keep_count(connection, num)?;
            return Ok(true);
        }
        run(connection, "DELETE FROM states WHERE num = ?1", [num])?;
        run(connection, "DELETE FROM conversations WHERE num = ?1", [num])?;
        rows_left -= 1;
        if rows_left == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn next(connection: &Connection, channel: &ChannelId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT num FROM conversations WHERE channel = ?1 LIMIT 1";
    first(connection, sql, [channel.as_str()], |row| row.get(0))
}

/// A conversation half deleted still counts what waits in it.
fn keep_count(connection: &Connection, num: i64) -> Result<(), StoreError> {
    let sql =
        "UPDATE conversations SET waiting = (SELECT count(*) FROM inbox WHERE inbox.num = ?1) WHERE num = ?1";
    run(connection, sql, [num])?;
    Ok(())
}
