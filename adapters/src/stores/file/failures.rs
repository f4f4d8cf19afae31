//! Failure records in a file: listed, retried once each, forgotten.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_domain::ids::{ChannelId, ConversationId, Partition, RetryNumber, Seq};
use switchboard_domain::inbox::{Entry, INBOX_ENTRIES_MAX};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::{FailureInfo, FailureStore, Requeued, Retried};
use switchboard_ports::page::{Page, PageRequest};

use super::accept::entry_key;
use super::sql::{all, first, int, run, uint};
use super::writer::Step;
use super::{Core, row};
use crate::stores::cursor::{self, After};
use crate::stores::failure_number;
use crate::stores::records::{AgainRecord, EntryRecord, FailureRecord};
use crate::stores::seal::Key;

const INFO: &str = "SELECT failures.id, conversations.id, channel, body, retried_at, again IS NOT NULL
    FROM failures JOIN conversations USING (num)";

/// What was given up on.
pub(super) struct Failures {
    core: Arc<Core>,
}

impl Failures {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl FailureStore for Failures {
    async fn list(&self, page: &PageRequest) -> Result<Page<FailureInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => i64::MAX,
            After::Row(number) => int(number),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let (key, limit) = (Arc::clone(&self.core.key), cursor::limit(page));
        self.core.readers.read(move |connection| listed(connection, &key, before, limit)).await
    }

    async fn find(&self, id: &str) -> Result<Option<FailureInfo>, StoreError> {
        let Some(number) = failure_number(id) else {
            return Ok(None);
        };
        let key = Arc::clone(&self.core.key);
        self.core.readers.read(move |connection| found(connection, &key, number)).await
    }

    async fn retry(&self, id: &str) -> Result<Option<Retried>, StoreError> {
        let Some(number) = failure_number(id) else {
            return Ok(None);
        };
        let key = Arc::clone(&self.core.key);
        self.core.writer.submit(move |step| retry(step, &key, number)).await
    }

    async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let Some(number) = failure_number(id) else {
            return Ok(false);
        };
        let sql = "DELETE FROM failures WHERE id = ?1";
        self.core.writer.submit(move |step| Ok(run(step.connection, sql, [int(number)])? > 0)).await
    }
}

/// A record as it is read.
struct Listed {
    number: i64,
    conversation: String,
    channel: String,
    body: String,
    retried_at: Option<i64>,
    can_be_retried: bool,
}

fn listed_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        number: row.get(0)?,
        conversation: row.get(1)?,
        channel: row.get(2)?,
        body: row.get(3)?,
        retried_at: row.get(4)?,
        can_be_retried: row.get(5)?,
    })
}

impl Listed {
    fn open(self, key: &Key) -> Result<FailureInfo, StoreError> {
        let number = self.number.to_string();
        let row = row(key, "failures", &number);
        Ok(FailureInfo {
            id: format!("flr_{number}"),
            conversation: ConversationId::new(self.conversation),
            channel: ChannelId::new(self.channel),
            failure: row.read::<FailureRecord>(&self.body)?.open(&row)?,
            retried_at: self.retried_at.map(|at| Timestamp::from_millis(uint(at))),
            can_be_retried: self.can_be_retried,
        })
    }
}

fn listed(
    connection: &Connection,
    key: &Key,
    before: i64,
    limit: u32,
) -> Result<Page<FailureInfo>, StoreError> {
    let sql = format!("{INFO} WHERE failures.id < ?1 ORDER BY failures.id DESC LIMIT ?2");
    let rows = all(connection, &sql, (before, limit + 1), listed_row)?;
    let rows = rows.into_iter().map(|row| Ok((row.number.to_string(), row.open(key)?)));
    Ok(cursor::page(rows.collect::<Result<_, StoreError>>()?, limit))
}

fn found(connection: &Connection, key: &Key, number: u64) -> Result<Option<FailureInfo>, StoreError> {
    let sql = format!("{INFO} WHERE failures.id = ?1");
    let found = first(connection, &sql, [int(number)], listed_row)?;
    found.map(|row| row.open(key)).transpose()
}

/// What a retry has to know.
struct Known {
    num: i64,
    partition: Partition,
    seq: Seq,
    waiting: u32,
    again: Option<String>,
}

/// Appends the entry and marks the record, or neither.
fn retry(step: &mut Step<'_>, key: &Key, number: u64) -> Result<Option<Retried>, StoreError> {
    let Some(mut info) = found(step.connection, key, number)? else {
        return Ok(None);
    };
    let sql = "SELECT num, partition, seq, waiting, again FROM failures JOIN conversations USING (num)
               WHERE failures.id = ?1";
    let known = first(step.connection, sql, [int(number)], |row| {
        Ok(Known {
            num: row.get(0)?,
            partition: Partition(row.get(1)?),
            seq: Seq(uint(row.get(2)?)),
            waiting: row.get(3)?,
            again: row.get(4)?,
        })
    })?;
    let Some(known) = known else {
        return Ok(None);
    };
    let partition = known.partition;
    let outcome = match (&info.retried_at, &known.again) {
        (Some(_), _) => Requeued::Before,
        (None, None) => Requeued::Impossible,
        (None, Some(_)) if known.waiting >= INBOX_ENTRIES_MAX => Requeued::Full,
        (None, Some(again)) => {
            let seq = append(step, key, &info, &known, again, RetryNumber(number))?;
            let sql = "UPDATE failures SET retried_at = ?2 WHERE id = ?1";
            run(step.connection, sql, (int(number), int(step.now.as_millis())))?;
            info.retried_at = Some(step.now);
            Requeued::Now(seq)
        }
    };
    Ok(Some(Retried { info, partition, outcome }))
}

fn append(
    step: &Step<'_>,
    key: &Key,
    info: &FailureInfo,
    known: &Known,
    again: &str,
    retry: RetryNumber,
) -> Result<Seq, StoreError> {
    let conversation = info.conversation.as_str();
    let again_row = row(key, "failures", conversation);
    let again = again_row.read::<AgainRecord>(again)?.open(&again_row)?;
    let leases = step.leases.lock().unwrap_or_else(PoisonError::into_inner);
    let fence = leases.fence(known.partition);
    drop(leases);
    let seq = known.seq.next();
    let entry = Entry {
        seq,
        accepted_at: step.now,
        fence,
        message: info.failure.message.clone(),
        retry,
        chat: again.chat,
        sender: again.sender,
        sent_at: again.sent_at,
        session_address: again.session_address,
        intake: again.intake,
    };
    let row_key = entry_key(conversation, seq);
    let entry_row = row(key, "inbox", &row_key);
    let body = entry_row.write(&EntryRecord::seal(&entry, &entry_row)?)?;
    run(
        step.connection,
        "INSERT INTO inbox (num, seq, body) VALUES (?1, ?2, ?3)",
        (known.num, int(seq.0), body),
    )?;
    let sql = "UPDATE conversations SET active_at = ?2, seq = ?3, waiting = waiting + 1 WHERE num = ?1";
    run(step.connection, sql, (known.num, int(step.now.as_millis()), int(seq.0)))?;
    Ok(seq)
}
