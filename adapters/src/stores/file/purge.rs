//! Forgetting what was said, and whole conversations of a channel, a bounded number of rows with each step.

use rusqlite::Connection;
use switchboard_domain::ids::{ChannelId, ConversationId, SessionNumber};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::transcripts::Forget;

use super::sql::{all, first, run, uint};
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

/// The oldest lines of a conversation, with the time that stands in their records alone.
const OLDEST: &str = "SELECT id, session, json_extract(body, '$.r.at') FROM transcript
    WHERE num = (SELECT num FROM conversations WHERE id = ?1) ORDER BY id LIMIT ?2";

/// Forgets the oldest lines of a conversation, as long as `which` takes them: whether there may be more.
pub(super) fn forget(
    connection: &Connection,
    id: &ConversationId,
    which: Forget,
) -> Result<bool, StoreError> {
    let read = |row: &rusqlite::Row<'_>| {
        let (session, at): (i64, i64) = (row.get(1)?, row.get(2)?);
        let is_taken = which.takes(SessionNumber(uint(session)), Timestamp::from_millis(uint(at)));
        Ok((row.get::<_, i64>(0)?, is_taken))
    };
    let oldest = all(connection, OLDEST, (id.as_str(), PURGE_ROWS_MAX), read)?;
    let taken: Vec<_> = oldest.iter().take_while(|(_, is_taken)| *is_taken).map(|(row, _)| *row).collect();
    let Some(last) = taken.last() else { return Ok(false) };
    let sql = "DELETE FROM transcript WHERE num = (SELECT num FROM conversations WHERE id = ?1) AND id <= ?2";
    run(connection, sql, (id.as_str(), last))?;
    Ok(taken.len() >= PURGE_ROWS_MAX as usize)
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
