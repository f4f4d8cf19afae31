//! Messages that nobody asked for, in a file.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_domain::ids::{ChannelId, ConversationId, MessageId, RetryNumber, Seq};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_domain::message::{ChatKind, Sender};
use switchboard_domain::outbound::News;
use switchboard_ports::error::StoreError;
use switchboard_ports::messages::{
    Given, MESSAGE_WAITING_MAX, MESSAGES_KEPT, MESSAGES_MAX, MessageRecord, MessageStore, NewMessage,
};

use super::accept::{begin, entry_key, known, touch};
use super::sql::{first, int, run};
use super::writer::Step;
use super::{Core, row};
use crate::stores::records::{EntryRecord, OutboundRecord};
use crate::stores::seal::Key;

/// Records that are old enough and go with one that comes, at most.
const SWEPT_MAX: u32 = 64;

/// Messages and their records.
pub(super) struct Messages {
    core: Arc<Core>,
}

impl Messages {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl MessageStore for Messages {
    async fn give(&self, message: NewMessage) -> Result<Given, StoreError> {
        let key = Arc::clone(&self.core.key);
        self.core.writer.submit(move |step| give(step, &key, message)).await
    }

    async fn find(&self, id: &MessageId) -> Result<Option<MessageRecord>, StoreError> {
        let (key, id) = (Arc::clone(&self.core.key), id.clone());
        self.core.readers.read(move |connection| found(connection, &key, &id)).await
    }
}

fn found(connection: &Connection, key: &Key, id: &MessageId) -> Result<Option<MessageRecord>, StoreError> {
    let sql =
        "SELECT conversations.id, conversations.channel, body FROM messages JOIN conversations USING (num)
               WHERE messages.id = ?1";
    let texts = first(connection, sql, [id.as_str()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let Some((conversation, channel, body)) = texts else {
        return Ok(None);
    };
    let row = row(key, "messages", id.as_str());
    let record = row.read::<OutboundRecord>(&body)?;
    let place = (ChannelId::new(channel), ConversationId::new(conversation));
    Ok(Some(record.open(id.clone(), place, &row)?))
}

fn give(step: &mut Step<'_>, key: &Key, message: NewMessage) -> Result<Given, StoreError> {
    if let Some(record) = found(step.connection, key, &message.id)? {
        return Ok(Given::Before(record));
    }
    let conversation = message.key.id();
    let known = known(step.connection, conversation.as_str())?;
    if known.as_ref().is_some_and(|known| known.waiting >= MESSAGE_WAITING_MAX) {
        return Ok(Given::Full);
    }
    let partition = message.key.partition();
    let person = message.person.as_deref().filter(|_| message.chat.kind == ChatKind::Private);
    let (num, seq) = match known {
        Some(known) => (known.num, touch(step, &message.chat, "", person, &known)?),
        None => (begin(step, &message.key, &message.chat, "", person)?, Seq(1)),
    };
    let fence = step.leases.lock().unwrap_or_else(PoisonError::into_inner).fence(partition);
    let record = MessageRecord::new(&message, step.now);
    let opaque_id = message.person.clone().unwrap_or_default();
    let entry = Entry {
        seq,
        accepted_at: step.now,
        fence,
        message: message.id,
        retry: RetryNumber(0),
        chat: message.chat,
        sender: Sender { im_user_id: message.person, opaque_id, name: String::new() },
        sent_at: step.now,
        session_address: None,
        intake: Intake::Send { text: message.text, format: message.format },
    };
    let row_key = entry_key(conversation.as_str(), seq);
    let entry_row = row(key, "inbox", &row_key);
    let body = entry_row.write(&EntryRecord::seal(&entry, &entry_row)?)?;
    run(step.connection, "INSERT INTO inbox (num, seq, body) VALUES (?1, ?2, ?3)", (num, int(seq.0), body))?;
    let body = row(key, "messages", record.id.as_str()).write(&OutboundRecord::from(&record))?;
    let sql = "INSERT INTO messages (id, num, channel, at, ended, body) VALUES (?1, ?2, ?3, ?4, 0, ?5)";
    let at = int(step.now.as_millis());
    run(step.connection, sql, (record.id.as_str(), num, record.channel.as_str(), at, body))?;
    sweep(step, &record.channel)?;
    Ok(Given::Now { record, seq, partition })
}

/// Forgets what is old enough, or one too many; never what has not ended.
fn sweep(step: &Step<'_>, channel: &ChannelId) -> Result<(), StoreError> {
    let kept = u64::try_from(MESSAGES_KEPT.as_millis()).unwrap_or(u64::MAX);
    let oldest = int(step.now.as_millis().saturating_sub(kept));
    let sql = "SELECT at FROM messages WHERE channel = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2";
    let crowded = first(step.connection, sql, (channel.as_str(), MESSAGES_MAX), |row| row.get::<_, i64>(0))?;
    let before = crowded.map_or(oldest, |at| oldest.max(at.saturating_add(1)));
    let sql = "DELETE FROM messages WHERE id IN
               (SELECT id FROM messages WHERE channel = ?1 AND at < ?2 AND ended = 1 ORDER BY at LIMIT ?3)";
    run(step.connection, sql, (channel.as_str(), before, SWEPT_MAX))?;
    Ok(())
}

/// Takes news of messages in, as part of a commit. One whose record is gone has no reader any more.
pub(super) fn take_in(step: &Step<'_>, key: &Key, news: Vec<News>) -> Result<(), StoreError> {
    for News { message, progress } in news {
        let Some(mut record) = found(step.connection, key, &message)? else {
            continue;
        };
        record.progress.take_in(progress);
        record.updated_at = step.now;
        let body = row(key, "messages", message.as_str()).write(&OutboundRecord::from(&record))?;
        let sql = "UPDATE messages SET ended = ?2, body = ?3 WHERE id = ?1";
        run(step.connection, sql, (message.as_str(), record.progress.state().is_final(), body))?;
    }
    Ok(())
}
