//! Accepting, as one member of the writer's transaction (R1, R2).

use std::sync::PoisonError;

use rusqlite::Connection;
use switchboard_domain::ids::{ConversationKey, Seq};
use switchboard_domain::inbox::Verdict;
use switchboard_domain::message::{Chat, ChatKind};
use switchboard_ports::conversations::{Accepted, Arrival};
use switchboard_ports::error::StoreError;

use super::moving::COPIED_MARK;
use super::row;
use super::sql::{first, int, run, uint};
use super::writer::Step;
use crate::stores::hashed::hashed;
use crate::stores::records::EntryRecord;
use crate::stores::seal::Key;

/// What accepting has to know of a conversation.
pub(super) struct Known {
    pub(super) num: i64,
    pub(super) seq: Seq,
    pub(super) waiting: u32,
}

/// Marks and appends, or neither.
pub(super) fn accept(step: &mut Step<'_>, key: &Key, arrival: Arrival) -> Result<Accepted, StoreError> {
    let at = int(step.now.as_millis());
    let copied = format!("{COPIED_MARK}{}", hashed(arrival.message.as_str()));
    let known_before = "SELECT 1 FROM marks WHERE channel = ?1 AND message = ?2";
    if first(step.connection, known_before, (arrival.key.channel.as_str(), copied), |_| Ok(()))?.is_some() {
        return Ok(Accepted::Duplicate);
    }
    let mark = "INSERT INTO marks (channel, message, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let (channel, message) = (arrival.key.channel.as_str(), arrival.message.as_str());
    if run(step.connection, mark, (channel, message, at))? == 0 {
        return Ok(Accepted::Duplicate);
    }
    *step.marked += 1;
    let id = arrival.key.id();
    let known = known(step.connection, id.as_str())?;
    let verdict = arrival.admission.verdict(known.as_ref().map_or(0, |known| known.waiting));
    if let Verdict::Pass(_) = verdict {
        return Ok(Accepted::First { seq: None, verdict, at: step.now });
    }
    let (chat, author) = (&arrival.chat, arrival.sender.name.as_str());
    let person = match chat.kind {
        ChatKind::Private => arrival.sender.im_user_id.as_deref(),
        ChatKind::Group => None,
    };
    let (num, seq) = match known {
        Some(known) => (known.num, touch(step, chat, author, person, &known)?),
        None => (begin(step, &arrival.key, chat, author, person)?, Seq(1)),
    };
    let leases = step.leases.lock().unwrap_or_else(PoisonError::into_inner);
    let fence = leases.fence(arrival.key.partition());
    drop(leases);
    let entry = arrival.into_entry(seq, verdict, fence, step.now);
    let row_key = entry_key(id.as_str(), seq);
    let row = row(key, "inbox", &row_key);
    let body = row.write(&EntryRecord::seal(&entry, &row)?)?;
    let append = "INSERT INTO inbox (num, seq, body) VALUES (?1, ?2, ?3)";
    run(step.connection, append, (num, int(seq.0), body))?;
    Ok(Accepted::First { seq: Some(seq), verdict, at: step.now })
}

/// How an inbox row is named in seals and errors.
pub(super) fn entry_key(conversation: &str, seq: Seq) -> String {
    format!("{conversation}/{seq}")
}

/// A kind of chat as its column has it.
fn kind_name(kind: ChatKind) -> &'static str {
    match kind {
        ChatKind::Private => "private",
        ChatKind::Group => "group",
    }
}

pub(super) fn known(connection: &Connection, id: &str) -> Result<Option<Known>, StoreError> {
    let sql = "SELECT num, seq, waiting FROM conversations WHERE id = ?1";
    first(connection, sql, [id], |row| {
        Ok(Known { num: row.get(0)?, seq: Seq(uint(row.get(1)?)), waiting: row.get(2)? })
    })
}

/// Makes a conversation with one entry.
pub(super) fn begin(
    step: &Step<'_>,
    key: &ConversationKey,
    chat: &Chat,
    author: &str,
    person: Option<&str>,
) -> Result<i64, StoreError> {
    let sql = "INSERT INTO conversations (id, partition, channel, chat, member, kind, title, author,
                 created_at, active_at, seq, waiting, replies, version, person)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, 1, 1, 0, 0, ?10)";
    let id = key.id();
    let params = (
        id.as_str(),
        key.partition().0,
        key.channel.as_str(),
        &key.chat,
        &key.member,
        kind_name(chat.kind),
        &chat.title,
        author,
        int(step.now.as_millis()),
        person,
    );
    run(step.connection, sql, params)?;
    Ok(step.connection.last_insert_rowid())
}

/// One more entry of a conversation. Nobody's name takes the last author's place.
pub(super) fn touch(
    step: &Step<'_>,
    chat: &Chat,
    author: &str,
    person: Option<&str>,
    known: &Known,
) -> Result<Seq, StoreError> {
    let seq = known.seq.next();
    let sql = "UPDATE conversations SET kind = ?2, title = coalesce(?3, title), author = coalesce(nullif(?4, ''), author),
                 active_at = ?5, seq = ?6, waiting = waiting + 1, person = coalesce(?7, person) WHERE num = ?1";
    let params =
        (known.num, kind_name(chat.kind), &chat.title, author, int(step.now.as_millis()), int(seq.0), person);
    run(step.connection, sql, params)?;
    Ok(seq)
}
