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

/// How long an id is held for one chat while a message is given in; half of it for giving it in.
const CLAIM_KEPT: Duration = Duration::from_mins(1);

/// Records looked at, of those that may go, with one that comes.
const SWEPT_MAX: u64 = 64;

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
        before(&self.core, id).await
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

/// The record of an id, wherever it is. Its place is asked for each time: an id may be given again for another chat when its
/// record has gone.
async fn before(core: &Core, id: &MessageId) -> Result<Option<MessageRecord>, StoreError> {
    let mut place = redis::cmd("GET");
    let place: Option<u8> = core.connection.ask(place.arg(core.keys.place(id.as_str()))).await?;
    let Some(partition) = place.map(Partition) else { return Ok(None) };
    Ok(record_of(core, partition, id).await?.map(|(record, _)| record))
}

/// Makes a partition the only one in which a message of this id may be given in, for a while: two chats lie in two partitions, and
/// nothing that is done in one of them sees the other.
async fn claim(core: &Core, partition: Partition, id: &MessageId) -> Result<(), StoreError> {
    let key = core.keys.claim(id.as_str());
    let (mut claim, mut whose) = (redis::cmd("SET"), redis::cmd("GET"));
    claim.arg(&key).arg(partition.0).arg("NX").arg("EX").arg(CLAIM_KEPT.as_secs());
    if core.connection.ask::<Option<String>>(&claim).await?.is_some() {
        return Ok(());
    }
    match core.connection.ask::<Option<u8>>(whose.arg(&key)).await? {
        Some(claimed) if claimed == partition.0 => Ok(()),
        Some(_) | None => {
            Err(StoreError::Unavailable("the same message is given in for another chat".to_owned()))
        }
    }
}

/// Ends a claim; where that fails, it ends by itself.
async fn release(core: &Core, id: &MessageId) {
    let mut release = redis::cmd("DEL");
    if let Err(error) = core.connection.ask::<u8>(release.arg(core.keys.claim(id.as_str()))).await {
        tracing::debug!(%error, "the claim on a message's id ends by itself");
    }
}

async fn give(core: &Core, message: NewMessage) -> Result<Given, StoreError> {
    let begin = core.clock.now();
    let (partition, id) = (message.key.partition(), message.key.id());
    // A repeated id may name another chat than before; its record is where it was.
    if let Some(record) = before(core, &message.id).await? {
        return Ok(Given::Before(record));
    }
    claim(core, partition, &message.id).await?;
    // Somebody else's claim may have just ended, with what it was for.
    if let Some(record) = before(core, &message.id).await? {
        return Ok(Given::Before(record));
    }
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
            release(core, &message.id).await;
            return Ok(Given::Full);
        }
        if known.seq == Seq(0) {
            core.note_place(id.as_str(), partition, None).await?;
        }
        let now = core.clock.now();
        if now.since(begin) >= CLAIM_KEPT / 2 {
            return Err(StoreError::Unavailable("it took too long to give a message in".to_owned()));
        }
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
            // Whoever claims it from here on finds the record.
            release(core, &record.id).await;
            return Ok(Given::Now { record, seq, partition });
        }
    }
    Err(StoreError::Unavailable("too many write to one conversation".to_owned()))
}

/// Lists a new record with all of its channel, and forgets what is old enough, or one too many; never what has not ended. The
/// list is of all partitions, so no step of it is one with the record's: it may miss a record, and it may name one that is
/// gone. Where none of the oldest has ended, others are looked at as well, in turn, so that those hold nobody up.
async fn sweep(core: &Core, record: &MessageRecord, partition: Partition) -> Result<(), StoreError> {
    let all = core.keys.shared("messages", &record.channel);
    let (mut add, mut count) = (redis::cmd("ZADD"), redis::cmd("ZCARD"));
    add.arg(&all).arg(record.created_at.as_millis()).arg(format!("{}/{}", partition.0, record.id));
    core.connection.ask::<u64>(&add).await?;
    let crowded = core.connection.ask::<u64>(count.arg(&all)).await?.saturating_sub(u64::from(MESSAGES_MAX));
    let kept = u64::try_from(MESSAGES_KEPT.as_millis()).unwrap_or(u64::MAX);
    let oldest = core.clock.now().as_millis().saturating_sub(kept);
    let mut old = redis::cmd("ZCOUNT");
    let old: u64 = core.connection.ask(old.arg(&all).arg("-inf").arg(format!("({oldest}"))).await?;
    let may_go = old.max(crowded);
    if may_go == 0 || swept(core, record, &all, 0, may_go).await? > 0 {
        return Ok(());
    }
    if let Some(further) = may_go.checked_sub(SWEPT_MAX).filter(|further| *further > 0) {
        let windows = further.div_ceil(SWEPT_MAX);
        // Each message that comes looks at another part.
        let window = record.created_at.as_millis().checked_rem(windows).unwrap_or_default();
        swept(core, record, &all, SWEPT_MAX + window * SWEPT_MAX, may_go).await?;
    }
    Ok(())
}

/// Forgets what has ended of those that may go, from a place on; how many there were.
async fn swept(
    core: &Core,
    record: &MessageRecord,
    all: &str,
    from: u64,
    may_go: u64,
) -> Result<u64, StoreError> {
    let (mut read, mut count) = (redis::cmd("ZRANGE"), 0);
    let last = (from + SWEPT_MAX).min(may_go).saturating_sub(1);
    let listed: Vec<String> = core.connection.ask(read.arg(all).arg(from).arg(last)).await?;
    for place in listed {
        let found = place.split_once('/').and_then(|(partition, id)| Some((partition.parse().ok()?, id)));
        let is_over = match found {
            Some((partition, id)) => forget(core, Partition(partition), &record.channel, id).await?,
            None => true,
        };
        if is_over {
            let mut remove = redis::cmd("ZREM");
            core.connection.ask::<u64>(remove.arg(all).arg(place)).await?;
            count += 1;
        }
    }
    Ok(count)
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
