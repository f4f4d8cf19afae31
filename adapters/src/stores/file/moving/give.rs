//! Rows of a file store, table by table in the order of their keys.

use bytes::{Bytes, BytesMut};
use rusqlite::{Connection, Row, params_from_iter};
use switchboard_domain::ids::Partition;
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::DEDUPLICATION_KEPT;
use switchboard_ports::error::StoreError;

use super::super::error::store_error;
use super::super::sql::{int, uint, walk};
use super::take::COPIED_MARK;
use crate::hex::digits;
use crate::stores::copy::items::{
    ConversationItem, FailureItem, FileItem, Item, JournalItem, LineItem, Mark, MessageItem, Named,
    TokenItem, UsageItem,
};
use crate::stores::copy::side::{Batch, Counters, Cursor};
use crate::stores::hashed::hashed;

/// Rows of one batch, at most.
const ROWS_MAX: usize = 500;

/// Bytes of a batch, about: the row that reaches this is its last.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Marks of one batch, at most.
const MARKS_MAX: u32 = 2_000;

/// A table as it is read: what stands before `WHERE`, its key, and what a row is.
struct Stage {
    select: &'static str,
    key: &'static [&'static str],
    item: fn(&Row<'_>, &Connection) -> rusqlite::Result<Item>,
}

/// In the order in which they are given: what a row refers to comes before it.
const STAGES: [Stage; 15] = [
    Stage { select: "SELECT id, name, version, body FROM channels", key: &["id"], item: channel },
    Stage { select: "SELECT id, name, version, body FROM agents", key: &["id"], item: agent },
    Stage { select: "SELECT id, name, hash, body FROM tokens", key: &["id"], item: token },
    Stage { select: "SELECT id, body FROM users", key: &["id"], item: user },
    Stage {
        select: "SELECT platform, im_user_id, user FROM identities",
        key: &["platform", "im_user_id"],
        item: identity,
    },
    Stage {
        select:
            "SELECT num, id, channel, chat, member, kind, title, author, person, user, session, session_at,
                 created_at, active_at, seq, waiting, replies, version, commit_id, body
                 FROM conversations LEFT JOIN states USING (num)",
        key: &["num"],
        item: conversation,
    },
    Stage {
        select: "SELECT inbox.num AS num, inbox.seq AS seq, id, body FROM inbox JOIN conversations USING (num)",
        key: &["inbox.num", "inbox.seq"],
        item: entry,
    },
    Stage {
        select:
            "SELECT transcript.num AS num, transcript.id AS line, conversations.id AS id, transcript.session,
                 text, body FROM transcript JOIN conversations USING (num)",
        key: &["transcript.num", "transcript.id"],
        item: line,
    },
    Stage {
        select: "SELECT shown.key AS key, shown.num AS num, id, shown.seq FROM shown JOIN conversations USING (num)",
        key: &["shown.key", "shown.num"],
        item: shown,
    },
    Stage {
        select: "SELECT failures.id AS id, conversations.id, body, again, retried_at
                 FROM failures JOIN conversations USING (num)",
        key: &["failures.id"],
        item: failure,
    },
    Stage {
        select: "SELECT messages.id AS id, conversations.id, messages.channel, at, ended, body
                 FROM messages JOIN conversations USING (num)",
        key: &["messages.id"],
        item: message,
    },
    Stage {
        select: "SELECT id, conversation, seq, position, media_type FROM attachments",
        key: &["id"],
        item: file,
    },
    Stage {
        select: "SELECT month, platform, app, api_calls, pushes, batch FROM usage",
        key: &["month", "platform", "app"],
        item: usage,
    },
    Stage { select: "SELECT id, body FROM audit", key: &["id"], item: audit },
    Stage {
        select: "SELECT journal_lines.num AS num, number, book, subject, at, body
                 FROM journal_lines JOIN journal_subjects USING (num)",
        key: &["journal_lines.num", "journal_lines.number"],
        item: journal,
    },
];

/// The stage with contents, which are read one at a time.
const FILES: usize = 11;

/// Rows after a place.
pub(super) fn rows(connection: &Connection, after: &Cursor) -> Result<Batch<Item>, StoreError> {
    let Some(stage) = STAGES.get(after.stage) else {
        return Ok(Batch { rows: Vec::new(), next: None });
    };
    let keys = stage.key.join(", ");
    let places: Vec<_> = (1..=stage.key.len()).map(|number| format!("?{number}")).collect();
    let is_first = after.after.is_empty();
    let condition = if is_first { "1".to_owned() } else { format!("({keys}) > ({})", places.join(", ")) };
    let whole = if after.stage == FILES { " AND whole = 1" } else { "" };
    let limit = if after.stage == FILES { 1 } else { ROWS_MAX };
    let sql = format!("{} WHERE {condition}{whole} ORDER BY {keys} LIMIT {limit}", stage.select);
    let mut statement = connection.prepare_cached(&sql).map_err(store_error)?;
    let bound = params_from_iter(after.after.iter().take(stage.key.len()));
    let mut found = statement.query(bound).map_err(store_error)?;
    let (mut rows, mut bytes, mut last) = (Vec::new(), 0, after.after.clone());
    while let Some(row) = found.next().map_err(store_error)? {
        let mut key = key_of(row, stage).map_err(store_error)?;
        let mut item = (stage.item)(row, connection).map_err(store_error)?;
        if let Item::Line(line) = &mut item {
            line.position = position_after(&last, &key);
            key.push(line.position.to_string());
        }
        bytes += size(&item);
        rows.push(item);
        last = key;
        if bytes >= BYTES_MAX {
            return Ok(Batch { rows, next: Some(Cursor { stage: after.stage, after: last }) });
        }
    }
    let is_full = rows.len() >= limit;
    let next = if is_full { Cursor { stage: after.stage, after: last } } else { after.next_stage() };
    Ok(Batch { rows, next: (next.stage < STAGES.len()).then_some(next) })
}

/// The key's columns as texts: SQLite compares them with numbers as numbers.
fn key_of(row: &Row<'_>, stage: &Stage) -> rusqlite::Result<Vec<String>> {
    let column = |name: &&str| {
        let name = match *name {
            "transcript.id" => "line",
            name => name.rsplit_once('.').map_or(name, |(_, column)| column),
        };
        Ok(match row.get::<_, rusqlite::types::Value>(name)? {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Null
            | rusqlite::types::Value::Real(_)
            | rusqlite::types::Value::Blob(_) => String::new(),
        })
    };
    stage.key.iter().map(column).collect()
}

/// A line's place in its conversation, by the line before: `[conversation, line, position]`.
fn position_after(last: &[String], key: &[String]) -> u64 {
    match last {
        [conversation, _, position] if key.first() == Some(conversation) => {
            position.parse::<u64>().map_or(0, |position| position + 1)
        }
        _ => 0,
    }
}

/// Bytes of what can be long.
fn size(item: &Item) -> usize {
    match item {
        Item::Conversation(conversation) => conversation.state.as_ref().map_or(0, String::len),
        Item::Entry { body, .. } | Item::User { body, .. } | Item::Audit { body, .. } => body.len(),
        Item::Line(line) => line.text.len() + line.body.len(),
        Item::Channel(named) | Item::Agent(named) => named.body.len(),
        Item::Failure(failure) => failure.body.len() + failure.again.as_ref().map_or(0, String::len),
        Item::Message(message) => message.body.len(),
        Item::File(file) => file.content.len(),
        Item::Journal(line) => line.body.len(),
        Item::Token(_) | Item::Identity { .. } | Item::Shown { .. } | Item::Usage(_) => 0,
    }
}

fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get(index).map(uint)
}

fn number_if(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(uint))
}

fn named(row: &Row<'_>) -> rusqlite::Result<Named> {
    Ok(Named { id: row.get(0)?, name: row.get(1)?, version: number(row, 2)?, body: row.get(3)? })
}

fn channel(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Channel(named(row)?))
}

fn agent(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Agent(named(row)?))
}

fn token(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    let hash = digits(row.get::<_, [u8; 32]>(2)?.iter());
    Ok(Item::Token(TokenItem { id: row.get(0)?, name: row.get(1)?, hash, body: row.get(3)? }))
}

fn user(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::User { id: row.get(0)?, body: row.get(1)? })
}

fn identity(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Identity { platform: row.get(0)?, im_user_id: row.get(1)?, user: row.get(2)? })
}

fn conversation(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Conversation(Box::new(ConversationItem {
        id: row.get(1)?,
        channel: row.get(2)?,
        chat: row.get(3)?,
        member: row.get(4)?,
        kind: row.get(5)?,
        title: row.get(6)?,
        author: row.get(7)?,
        person: row.get(8)?,
        user: row.get(9)?,
        session: number_if(row, 10)?,
        session_at: number_if(row, 11)?,
        created_at: number(row, 12)?,
        active_at: number(row, 13)?,
        seq: number(row, 14)?,
        waiting: number(row, 15)?,
        replies: number(row, 16)?,
        version: number(row, 17)?,
        commit: row.get(18)?,
        state: row.get(19)?,
    })))
}

fn entry(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Entry { conversation: row.get(2)?, seq: number(row, 1)?, body: row.get(3)? })
}

/// The position follows from the line before.
fn line(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Line(LineItem {
        conversation: row.get(2)?,
        position: 0,
        session: number(row, 3)?,
        text: row.get(4)?,
        body: row.get(5)?,
    }))
}

fn shown(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Shown { conversation: row.get(2)?, seq: number(row, 3)?, key: row.get(0)? })
}

fn failure(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Failure(FailureItem {
        number: number(row, 0)?,
        conversation: row.get(1)?,
        body: row.get(2)?,
        again: row.get(3)?,
        retried_at: number_if(row, 4)?,
    }))
}

fn message(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Message(MessageItem {
        id: row.get(0)?,
        conversation: row.get(1)?,
        channel: row.get(2)?,
        at: number(row, 3)?,
        ended: row.get(4)?,
        body: row.get(5)?,
    }))
}

fn file(row: &Row<'_>, connection: &Connection) -> rusqlite::Result<Item> {
    let sql = "SELECT content FROM attachment_pieces WHERE attachment = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(sql)?;
    let mut content = BytesMut::new();
    let pieces = statement.query_map([row.get::<_, i64>(0)?], |piece| piece.get::<_, Vec<u8>>(0))?;
    for piece in pieces {
        content.extend_from_slice(&piece?);
    }
    Ok(Item::File(FileItem {
        conversation: row.get(1)?,
        seq: number(row, 2)?,
        position: row.get(3)?,
        media_type: row.get(4)?,
        content: Bytes::from(content),
    }))
}

fn usage(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Usage(UsageItem {
        month: row.get(0)?,
        platform: row.get(1)?,
        app: row.get(2)?,
        api_calls: number(row, 3)?,
        pushes: number(row, 4)?,
        batch: row.get(5)?,
    }))
}

fn audit(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Audit { number: number(row, 0)?, body: row.get(1)? })
}

fn journal(row: &Row<'_>, _: &Connection) -> rusqlite::Result<Item> {
    Ok(Item::Journal(JournalItem {
        book: row.get(2)?,
        subject: row.get(3)?,
        number: number(row, 1)?,
        at: number(row, 4)?,
        body: row.get(5)?,
    }))
}

/// Counters.
pub(super) fn counters(connection: &Connection) -> Result<Counters, StoreError> {
    let mut fences = vec![0; Partition::all().count()];
    for (partition, token) in walk(connection, "SELECT partition, token FROM fences", [], |row| {
        Ok((usize::from(row.get::<_, u8>(0)?), number(row, 1)?))
    })? {
        if let Some(fence) = fences.get_mut(partition) {
            *fence = token;
        }
    }
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'failures'";
    let failures = walk(connection, sql, [], |row| number(row, 0))?;
    Ok(Counters { fences, failures: failures.into_iter().max().unwrap_or_default() })
}

/// Marks that still count.
pub(super) fn marks(
    connection: &Connection,
    after: &Cursor,
    now: Timestamp,
) -> Result<Batch<Mark>, StoreError> {
    let kept = u64::try_from(DEDUPLICATION_KEPT.as_millis()).unwrap_or(u64::MAX);
    let [channel, message] = <[String; 2]>::try_from(after.after.clone()).unwrap_or_default();
    let sql = "SELECT channel, message, at FROM marks WHERE (channel, message) > (?1, ?2)
               ORDER BY channel, message LIMIT ?3";
    let found = walk(connection, sql, (channel, message, MARKS_MAX), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, number(row, 2)?))
    })?;
    let is_full = found.len() >= MARKS_MAX as usize;
    let last = found.last().map(|(channel, message, _)| vec![channel.clone(), message.clone()]);
    let next = last.filter(|_| is_full).map(|after| Cursor { stage: 0, after });
    let expired = int(now.as_millis().saturating_sub(kept));
    let found = found.into_iter().filter(|(.., at)| int(*at) > expired);
    let rows = found.map(|(channel, message, at)| {
        let hash = message.strip_prefix(COPIED_MARK).map_or_else(|| hashed(&message), str::to_owned);
        Mark { channel, hash, partition: None, until: Timestamp::from_millis(at.saturating_add(kept)) }
    });
    Ok(Batch { rows: rows.collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_where_they_are_looked_for() {
        assert!(STAGES[FILES].select.contains("attachments"));
    }
}
