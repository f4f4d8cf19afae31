//! Messages that nobody asked for, in Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use switchboard_domain::ids::{ChannelId, ConversationId, MessageId, Partition, RetryNumber, Seq};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_domain::message::Sender;
use switchboard_ports::error::StoreError;
use switchboard_ports::messages::{
    Given, MESSAGE_WAITING_MAX, MESSAGES_KEPT, MESSAGES_MAX, MessageRecord, MessageStore, NewMessage,
};

use super::Core;
use super::accept::{Append, Appended, TRIES_MAX, fields, look};
use crate::stores::records::OutboundRecord;

/// How long the place of a record is known: longer than any record is kept after its end.
pub(super) const PLACE_KEPT: Duration = Duration::from_hours(60 * 24);

/// Records looked at, of those that may go, with one that comes.
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
        give(&self.core, message).await
    }

    async fn find(&self, id: &MessageId) -> Result<Option<MessageRecord>, StoreError> {
        let Some(partition) = self.core.partition_of(id.as_str()).await? else {
            return Ok(None);
        };
        Ok(record_of(&self.core, partition, id).await?.map(|(record, _)| record))
    }
}

/// A record, and as it is written.
pub(super) async fn record_of(
    core: &Core,
    partition: Partition,
    id: &MessageId,
) -> Result<Option<(MessageRecord, String)>, StoreError> {
    let mut command = redis::cmd("HMGET");
    command.arg(core.keys.of(partition, format_args!("message:{id}")));
    command.arg("conversation").arg("channel").arg("body");
    let found: (Option<String>, Option<String>, Option<String>) = core.connection.ask(&command).await?;
    let (Some(conversation), Some(channel), Some(body)) = found else {
        return Ok(None);
    };
    let row = core.row("messages", id.as_str());
    let place = (ChannelId::new(channel), ConversationId::new(conversation));
    let record = row.read::<OutboundRecord>(&body)?.open(id.clone(), place, &row)?;
    Ok(Some((record, body)))
}

async fn give(core: &Core, message: NewMessage) -> Result<Given, StoreError> {
    // A repeated id may name another chat than before; its record is where it was.
    if let Some(partition) = core.partition_of(message.id.as_str()).await?
        && let Some((record, _)) = record_of(core, partition, &message.id).await?
    {
        return Ok(Given::Before(record));
    }
    let (partition, id) = (message.key.partition(), message.key.id());
    let unless = core.keys.of(partition, format_args!("message:{}", message.id));
    core.note_place(message.id.as_str(), partition, Some(PLACE_KEPT)).await?;
    for _ in 0..TRIES_MAX {
        let known = look(core, partition, &id, &unless).await?;
        if known.there
            && let Some((record, _)) = record_of(core, partition, &message.id).await?
        {
            return Ok(Given::Before(record));
        }
        if known.waiting >= MESSAGE_WAITING_MAX {
            return Ok(Given::Full);
        }
        if known.seq == Seq(0) {
            core.note_place(id.as_str(), partition, None).await?;
        }
        let now = core.clock.now();
        let record = MessageRecord::new(&message, now);
        let body = core.row("messages", record.id.as_str()).write(&OutboundRecord::from(&record))?;
        let mut more = fields(&message.key, &message.chat, "", message.person.as_deref());
        more.insert("waiting".to_owned(), Value::from(known.waiting.to_string()));
        let kept = json!({ "id": record.id.as_str(), "body": body });
        more.insert("message".to_owned(), kept);
        let seq = known.seq.next();
        let entry = Entry {
            seq,
            accepted_at: now,
            fence: known.fence,
            message: message.id.clone(),
            retry: RetryNumber(0),
            chat: message.chat.clone(),
            sender: Sender {
                im_user_id: message.person.clone(),
                opaque_id: message.person.clone().unwrap_or_default(),
                name: String::new(),
            },
            sent_at: now,
            session_address: None,
            intake: Intake::Send { text: message.text.clone(), format: message.format },
        };
        let append = Append { partition, id: &id, known, entry, unless: Some(unless.clone()), more };
        if let Appended::Done = append.make(core, now).await? {
            if let Err(error) = sweep(core, &record, partition).await {
                tracing::debug!(%error, "old records of messages stay until the next message");
            }
            return Ok(Given::Now { record, seq, partition });
        }
    }
    Err(StoreError::Unavailable("too many write to one conversation".to_owned()))
}

/// Lists a new record with all of its channel, and forgets what is old enough, or one too many; never what has not ended. The
/// list is of all partitions, so no step of it is one with the record's: it may miss a record, and it may name one that is
/// gone.
async fn sweep(core: &Core, record: &MessageRecord, partition: Partition) -> Result<(), StoreError> {
    let all = core.keys.shared("messages", &record.channel);
    let (mut add, mut count, mut read) = (redis::cmd("ZADD"), redis::cmd("ZCARD"), redis::cmd("ZRANGE"));
    add.arg(&all).arg(record.created_at.as_millis()).arg(format!("{}/{}", partition.0, record.id));
    core.connection.ask::<u64>(&add).await?;
    let crowded = core.connection.ask::<u64>(count.arg(&all)).await?.saturating_sub(u64::from(MESSAGES_MAX));
    let kept = u64::try_from(MESSAGES_KEPT.as_millis()).unwrap_or(u64::MAX);
    let oldest = core.clock.now().as_millis().saturating_sub(kept);
    let looked_at = read.arg(&all).arg(0).arg(SWEPT_MAX - 1).arg("WITHSCORES");
    let listed: Vec<(String, u64)> = core.connection.ask(looked_at).await?;
    for (rank, (place, at)) in (1..).zip(listed) {
        if at >= oldest && rank > crowded {
            break;
        }
        let found = place.split_once('/').and_then(|(partition, id)| Some((partition.parse().ok()?, id)));
        let is_over = match found {
            Some((partition, id)) => forget(core, Partition(partition), &record.channel, id).await?,
            None => true,
        };
        if is_over {
            let mut remove = redis::cmd("ZREM");
            core.connection.ask::<u64>(remove.arg(&all).arg(place)).await?;
        }
    }
    Ok(())
}

/// Forgets a record that has ended; `false` where it has not.
async fn forget(
    core: &Core,
    partition: Partition,
    channel: &ChannelId,
    id: &str,
) -> Result<bool, StoreError> {
    let (record, mut ended) = (core.keys.of(partition, format_args!("message:{id}")), redis::cmd("HGET"));
    if core.connection.ask::<Option<String>>(ended.arg(&record).arg("ended")).await?.as_deref() == Some("0") {
        return Ok(false);
    }
    let (mut delete, mut remove) = (redis::cmd("DEL"), redis::cmd("ZREM"));
    core.connection.ask::<u64>(delete.arg(record)).await?;
    remove.arg(core.keys.of(partition, format_args!("messages:{channel}"))).arg(id);
    core.connection.ask::<u64>(&remove).await?;
    Ok(true)
}
