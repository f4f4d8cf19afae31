//! Failure records in Redis: listed, retried once each, forgotten.
//!
//! A record's number goes up with time and has its partition in its lowest byte, so that a record is found by its id and
//! all partitions together list in order. One that was copied keeps the number that another kind of store gave it; then a place
//! says where it is.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use serde_json::{Map, Value};
use switchboard_domain::ids::{ChannelId, ConversationId, Partition, RetryNumber};
use switchboard_domain::inbox::{Entry, INBOX_ENTRIES_MAX};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::{FailureInfo, FailureStore, Requeued, Retried};
use switchboard_ports::page::{Page, PageRequest};

use super::Core;
use super::accept::{Append, Appended, TRIES_MAX, look};
use crate::stores::cursor::{self, After};
use crate::stores::failure_number;
use crate::stores::records::{AgainRecord, FailureRecord};

/// What was given up on.
pub(super) struct Failures {
    core: Arc<Core>,
}

impl Failures {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

/// The partition that a record's number names.
pub(super) fn named_partition(number: u64) -> Partition {
    Partition(number.to_le_bytes()[0])
}

/// Where a record is: where its number says, or where it was copied to.
async fn partition_of(core: &Core, number: u64) -> Result<Partition, StoreError> {
    let named = named_partition(number);
    let mut command = redis::cmd("EXISTS");
    command.arg(core.keys.of(named, format_args!("failure:{number}")));
    if core.connection.ask::<u8>(&command).await? > 0 {
        return Ok(named);
    }
    Ok(core.partition_of(&format!("flr_{number}")).await?.unwrap_or(named))
}

#[async_trait]
impl FailureStore for Failures {
    async fn list(&self, page: &PageRequest) -> Result<Page<FailureInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => "+inf".to_owned(),
            After::Row(number) => format!("({number}"),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let (core, before) = (&self.core, &before);
        let lists = Partition::all().map(async |partition| {
            let mut command = redis::cmd("ZREVRANGEBYSCORE");
            command.arg(core.keys.of(partition, "failures")).arg(before).arg("-inf");
            let numbers = core.connection.ask::<Vec<u64>>(command.arg("LIMIT").arg(0).arg(limit + 1));
            let numbers = numbers.await?.into_iter();
            Ok::<_, StoreError>(numbers.map(|number| (number, partition)).collect::<Vec<_>>())
        });
        let mut numbers = try_join_all(lists).await?.concat();
        numbers.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        numbers.truncate(limit as usize + 1);
        let found = numbers.iter().map(|(number, partition)| found(core, *partition, *number));
        let found = try_join_all(found).await?.into_iter().flatten();
        let rows = found.map(|found| (found.number.to_string(), found.info)).collect();
        Ok(cursor::page(rows, limit))
    }

    async fn find(&self, id: &str) -> Result<Option<FailureInfo>, StoreError> {
        let Some(number) = failure_number(id) else { return Ok(None) };
        let partition = partition_of(&self.core, number).await?;
        Ok(found(&self.core, partition, number).await?.map(|found| found.info))
    }

    async fn retry(&self, id: &str) -> Result<Option<Retried>, StoreError> {
        let Some(number) = failure_number(id) else { return Ok(None) };
        retry(&self.core, number).await
    }

    async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let Some(number) = failure_number(id) else { return Ok(false) };
        let partition = partition_of(&self.core, number).await?;
        let mut command = redis::cmd("DEL");
        command.arg(self.core.keys.of(partition, format_args!("failure:{number}")));
        let deleted: u64 = self.core.connection.ask(&command).await?;
        // Second, so that whoever dies in between leaves a number without a record, which no list shows.
        let mut command = redis::cmd("ZREM");
        command.arg(self.core.keys.of(partition, "failures")).arg(number);
        self.core.connection.ask::<u64>(&command).await?;
        Ok(deleted > 0)
    }
}

struct Found {
    number: u64,
    info: FailureInfo,
    again: Option<String>,
}

type Fields = (Option<String>, Option<String>, Option<String>, Option<String>, Option<u64>);

async fn found(core: &Core, partition: Partition, number: u64) -> Result<Option<Found>, StoreError> {
    let mut command = redis::cmd("HMGET");
    command.arg(core.keys.of(partition, format_args!("failure:{number}")));
    for field in ["conversation", "channel", "body", "again", "retried_at"] {
        command.arg(field);
    }
    let found: Fields = core.connection.ask(&command).await?;
    let (Some(conversation), Some(channel), Some(body), again, retried_at) = found else {
        return Ok(None);
    };
    let name = number.to_string();
    let row = core.row("failures", &name);
    let info = FailureInfo {
        id: format!("flr_{number}"),
        conversation: ConversationId::new(conversation),
        channel: ChannelId::new(channel),
        failure: row.read::<FailureRecord>(&body)?.open(&row)?,
        retried_at: retried_at.map(Timestamp::from_millis),
        can_be_retried: again.is_some(),
    };
    Ok(Some(Found { number, info, again }))
}

async fn retry(core: &Core, number: u64) -> Result<Option<Retried>, StoreError> {
    let partition = partition_of(core, number).await?;
    let record = core.keys.of(partition, format_args!("failure:{number}"));
    for _ in 0..TRIES_MAX {
        let Some(Found { mut info, again, .. }) = found(core, partition, number).await? else {
            return Ok(None);
        };
        let answer = |info, outcome| Ok(Some(Retried { info, partition, outcome }));
        if info.retried_at.is_some() {
            return answer(info, Requeued::Before);
        }
        let Some(again) = again else { return answer(info, Requeued::Impossible) };
        let conversation = info.conversation.clone();
        let known = look(core, partition, &conversation, &record).await?;
        if known.waiting >= INBOX_ENTRIES_MAX {
            return answer(info, Requeued::Full);
        }
        let row = core.row("failures", conversation.as_str());
        let again = row.read::<AgainRecord>(&again)?.open(&row)?;
        let (now, seq) = (core.clock.now(), known.seq.next());
        let entry = Entry {
            seq,
            accepted_at: now,
            fence: known.fence,
            message: info.failure.message.clone(),
            retry: RetryNumber(number),
            chat: again.chat,
            sender: again.sender,
            sent_at: again.sent_at,
            session_address: again.session_address,
            intake: again.intake,
        };
        let more = Map::from_iter([
            ("retry".to_owned(), Value::from(record.clone())),
            ("waiting".to_owned(), Value::from(known.waiting.to_string())),
        ]);
        let append = Append { partition, id: &conversation, known, entry, unless: None, more };
        match append.make(core, now).await? {
            Appended::Done => {
                info.retried_at = Some(now);
                return answer(info, Requeued::Now(seq));
            }
            Appended::Gone => return Ok(None),
            Appended::Before | Appended::There | Appended::Moved => {}
        }
    }
    Err(StoreError::Unavailable("too many write to one conversation".to_owned()))
}
