//! Rows of another store, put where they are not yet.

use std::collections::HashMap;

use rusqlite::{Connection, TransactionBehavior};
use switchboard_domain::ids::Partition;
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::conversations::DEDUPLICATION_KEPT;
use switchboard_ports::error::StoreError;

use super::super::attachments::PIECE_BYTES_MAX;
use super::super::error::store_error;
use super::super::journal::add_subject;
use super::super::sql::{change, int, uint, walk};
use super::super::{folded, row as record_row};
use crate::stores::copy::items::{ConversationItem, FileItem, Item, JournalItem, LineItem, Mark, Named};
use crate::stores::copy::side::Counters;
use crate::stores::hashed;
use crate::stores::records::UserRecord;
use crate::stores::seal::Key;

/// What the mark of a message begins with whose name's hash alone is known.
pub(in crate::stores::file) const COPIED_MARK: &str = "#";

/// All of it or nothing.
pub(super) fn within(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let begun = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let transaction = begun.map_err(store_error)?;
    work(&transaction)?;
    transaction.commit().map_err(store_error)
}

/// Makes counters at least these.
pub(super) fn counters(connection: &Connection, counters: &Counters) -> Result<(), StoreError> {
    for (partition, token) in Partition::all().zip(&counters.fences) {
        let sql = "INSERT INTO fences (partition, token) VALUES (?1, ?2)
                   ON CONFLICT (partition) DO UPDATE SET token = max(token, excluded.token)";
        change(connection, sql, (partition.0, int(*token)))?;
    }
    let failures = int(counters.failures);
    let sql = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'failures'";
    if change(connection, sql, [failures])? == 0 {
        let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES ('failures', ?1)";
        change(connection, sql, [failures])?;
    }
    Ok(())
}

/// Puts a row where it is not yet.
pub(super) fn row(
    connection: &Connection,
    key: &Key,
    lines: &mut Lines,
    item: &Item,
) -> Result<(), StoreError> {
    match item {
        Item::Channel(named) => put_named(connection, "channels", named),
        Item::Agent(named) => put_named(connection, "agents", named),
        Item::Token(token) => {
            let sql =
                "INSERT INTO tokens (id, name, hash, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
            let hash = hashed::bytes(&token.hash);
            let hash = hash.ok_or_else(|| record_row(key, "tokens", &token.id).corrupt("hash"))?;
            done(change(connection, sql, (&token.id, &token.name, hash, &token.body)))
        }
        Item::User { id, body } => user(connection, key, id, body),
        Item::Identity { platform, im_user_id, user } => {
            let sql = "INSERT INTO identities (platform, im_user_id, user) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO NOTHING";
            done(change(connection, sql, (platform, im_user_id, user)))
        }
        Item::Conversation(conversation) => put_conversation(connection, conversation),
        Item::Entry { conversation, seq, body } => {
            let sql = "INSERT INTO inbox (num, seq, body) SELECT num, ?2, ?3 FROM conversations WHERE id = ?1
                       ON CONFLICT DO NOTHING";
            done(change(connection, sql, (conversation, int(*seq), body)))
        }
        Item::Line(line) => lines.put(connection, line),
        Item::Shown { conversation, seq, key } => {
            let sql = "INSERT INTO shown (key, num, seq) SELECT ?3, num, ?2 FROM conversations WHERE id = ?1
                       ON CONFLICT DO NOTHING";
            done(change(connection, sql, (conversation, int(*seq), key)))
        }
        Item::Failure(failure) => {
            let sql = "INSERT INTO failures (id, num, body, again, retried_at)
                       SELECT ?2, num, ?3, ?4, ?5 FROM conversations WHERE id = ?1 ON CONFLICT DO NOTHING";
            let params = (
                &failure.conversation,
                int(failure.number),
                &failure.body,
                &failure.again,
                failure.retried_at.map(int),
            );
            done(change(connection, sql, params))
        }
        Item::Message(message) => {
            let sql = "INSERT INTO messages (id, num, channel, at, ended, body)
                       SELECT ?2, num, ?3, ?4, ?5, ?6 FROM conversations WHERE id = ?1 ON CONFLICT DO NOTHING";
            let (at, ended) = (int(message.at), i64::from(message.ended));
            let params = (&message.conversation, &message.id, &message.channel, at, ended, &message.body);
            done(change(connection, sql, params))
        }
        Item::File(file) => put_file(connection, file),
        Item::Usage(usage) => {
            let sql = "INSERT INTO usage (month, platform, app, api_calls, pushes, batch)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
            let counts = (int(usage.api_calls), int(usage.pushes));
            let params = (usage.month, &usage.platform, &usage.app, counts.0, counts.1, &usage.batch);
            done(change(connection, sql, params))
        }
        Item::Audit { number, body } => {
            let sql = "INSERT INTO audit (id, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            done(change(connection, sql, (int(*number), body)))
        }
        Item::Journal(line) => put_journal(connection, line),
    }
}

fn done(changed: Result<u64, StoreError>) -> Result<(), StoreError> {
    changed.map(drop)
}

fn put_named(connection: &Connection, table: &str, named: &Named) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO {table} (id, name, version, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"
    );
    done(change(connection, &sql, (&named.id, &named.name, int(named.version), &named.body)))
}

fn user(connection: &Connection, key: &Key, id: &str, body: &str) -> Result<(), StoreError> {
    let row = record_row(key, "users", id);
    let user = row.read::<UserRecord>(body)?.open(Vec::new(), &row);
    let email = user.email.as_deref().filter(|_| user.email_verified).map(folded);
    let sql = "INSERT INTO users (id, username, email, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    done(change(connection, sql, (id, folded(&user.username), email, body)))
}

fn put_conversation(connection: &Connection, item: &ConversationItem) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO conversations (id, partition, channel, chat, member, kind, title, author, person, user,
                 session, session_at, created_at, active_at, seq, waiting, replies, version, commit_id)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
               ON CONFLICT DO NOTHING";
    let params = rusqlite::params![
        item.id,
        item.partition().0,
        item.channel,
        item.chat,
        item.member,
        item.kind,
        item.title,
        item.author,
        item.person,
        item.user,
        item.session.map(int),
        item.session_at.map(int),
        int(item.created_at),
        int(item.active_at),
        int(item.seq),
        int(item.waiting),
        int(item.replies),
        int(item.version),
        item.commit,
    ];
    change(connection, sql, params)?;
    let Some(state) = &item.state else { return Ok(()) };
    let sql = "INSERT INTO states (num, body) SELECT num, ?2 FROM conversations WHERE id = ?1
               ON CONFLICT DO NOTHING";
    done(change(connection, sql, (&item.id, state)))
}

/// How many lines conversations have, of those that a batch adds to.
#[derive(Default)]
pub(super) struct Lines(HashMap<String, u64>);

impl Lines {
    /// A line has no name of its own: it is there where its conversation has more lines than come before it.
    fn put(&mut self, connection: &Connection, line: &LineItem) -> Result<(), StoreError> {
        let count = if let Some(count) = self.0.get(&line.conversation) {
            *count
        } else {
            let sql = "SELECT count(*) FROM transcript
                       WHERE num = (SELECT num FROM conversations WHERE id = ?1)";
            let counts = walk(connection, sql, [&line.conversation], |row| row.get::<_, i64>(0))?;
            counts.into_iter().map(uint).sum()
        };
        let is_next = count == line.position;
        if is_next {
            let sql = "INSERT INTO transcript (num, session, text, body)
                       SELECT num, ?2, ?3, ?4 FROM conversations WHERE id = ?1";
            change(connection, sql, (&line.conversation, int(line.session), &line.text, &line.body))?;
        }
        self.0.insert(line.conversation.clone(), count + u64::from(is_next));
        Ok(())
    }
}

/// A line keeps its number, which is its subject's last where there is no greater one.
fn put_journal(connection: &Connection, line: &JournalItem) -> Result<(), StoreError> {
    let sql = "SELECT num FROM journal_subjects WHERE book = ?1 AND subject = ?2";
    let known = walk(connection, sql, (&line.book, &line.subject), |row| row.get::<_, i64>(0))?;
    let num = match known.first() {
        Some(num) => *num,
        None => add_subject(connection, &line.book, &line.subject)?,
    };
    let sql =
        "INSERT INTO journal_lines (num, number, at, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let new = change(connection, sql, (num, int(line.number), int(line.at), &line.body))?;
    let sql = "UPDATE journal_subjects SET last = max(last, ?2), lines = lines + ?3 WHERE num = ?1";
    done(change(connection, sql, (num, int(line.number), int(new))))
}

fn put_file(connection: &Connection, file: &FileItem) -> Result<(), StoreError> {
    let sql = "INSERT INTO attachments (conversation, seq, position, media_type, cost, whole)
               VALUES (?1, ?2, ?3, ?4, ?5, 1) ON CONFLICT DO NOTHING";
    let cost = int(AttachmentLimits::cost(file.content.len()));
    let params = (&file.conversation, int(file.seq), file.position, &file.media_type, cost);
    if change(connection, sql, params)? == 0 {
        return Ok(());
    }
    let id = connection.last_insert_rowid();
    for (number, piece) in (0_i64..).zip(file.content.chunks(PIECE_BYTES_MAX)) {
        let sql = "INSERT INTO attachment_pieces (attachment, number, content) VALUES (?1, ?2, ?3)";
        change(connection, sql, (id, number, piece))?;
    }
    Ok(())
}

fn copied(mark: &Mark) -> String {
    format!("{COPIED_MARK}{}", mark.hash)
}

/// Puts marks, for the time that is left to them.
pub(super) fn marks(connection: &Connection, marks: &[Mark]) -> Result<(), StoreError> {
    let kept = u64::try_from(DEDUPLICATION_KEPT.as_millis()).unwrap_or(u64::MAX);
    for mark in marks {
        let sql = "INSERT INTO marks (channel, message, at) VALUES (?1, ?2, ?3)
                   ON CONFLICT (channel, message) DO UPDATE SET at = max(at, excluded.at)";
        let at = int(mark.until.as_millis().saturating_sub(kept));
        change(connection, sql, (&mark.channel, copied(mark), at))?;
    }
    Ok(())
}

/// How many are not there.
pub(super) fn missing(connection: &Connection, marks: &[Mark]) -> Result<usize, StoreError> {
    let mut missing = 0;
    for mark in marks {
        let sql = "SELECT 1 FROM marks WHERE channel = ?1 AND message = ?2";
        let found = walk(connection, sql, (&mark.channel, copied(mark)), |_| Ok(()))?;
        missing += usize::from(found.is_empty());
    }
    Ok(missing)
}
