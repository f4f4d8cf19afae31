//! Files of waiting messages, in Redis, under one hash tag, because they share one bound.
//!
//! Whether a message waits is another tag's knowledge: a file that is kept just after its message has ended stays until the
//! next sweep.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_ports::attachments::{
    AttachmentError, AttachmentLimits, AttachmentPlace, AttachmentStore, StoredAttachment,
};
use switchboard_ports::error::StoreError;

use super::Core;

const TAG: &str = "files";

/// Messages with files that are looked at with one command of a sweep.
const LOOKED_AT: u32 = 64;

/// Files dropped by one sweep, about.
const DROPPED_MAX: u32 = 64;

/// Files of waiting messages.
pub(super) struct Attachments {
    core: Arc<Core>,
    limits: AttachmentLimits,
}

impl Attachments {
    pub(super) fn new(core: Arc<Core>, limits: AttachmentLimits) -> Self {
        Self { core, limits }
    }

    async fn is_waiting(&self, conversation: &ConversationId, seq: Seq) -> Result<bool, StoreError> {
        let Some(partition) = self.core.partition_of(conversation.as_str()).await? else {
            return Ok(false);
        };
        let mut command = redis::cmd("ZCOUNT");
        command.arg(self.core.keys.of(partition, format_args!("inbox:{conversation}"))).arg(seq.0).arg(seq.0);
        Ok(self.core.connection.ask::<u64>(&command).await? > 0)
    }
}

/// A file on its way in: position, cost, room there is, media type, content.
type Kept<'a> = (u32, u64, u64, &'a str, &'a [u8]);

/// Keeps a file, or drops all of an entry.
pub(super) async fn keep(core: &Core, entry: &str, file: Option<Kept<'_>>) -> Result<u32, StoreError> {
    let mut call = core.scripts.keep.prepare_invoke();
    call.key(key_of(core, entry)).key(core.keys.shared(TAG, "room")).key(all(core)).arg(entry);
    match file {
        Some((position, cost, room, media_type, content)) => {
            call.arg(position).arg(cost).arg(room).arg(media_type).arg(content);
        }
        None => {
            call.arg("");
        }
    }
    core.connection.run(&call).await
}

/// All entries with files.
pub(super) fn all(core: &Core) -> String {
    core.keys.shared(TAG, "all")
}

fn key_of(core: &Core, entry: &str) -> String {
    core.keys.shared(TAG, format_args!("of:{entry}"))
}

/// The files of an entry, in their order.
pub(super) async fn files(
    core: &Core,
    conversation: &ConversationId,
    seq: Seq,
) -> Result<Vec<(u32, StoredAttachment)>, StoreError> {
    let mut command = redis::cmd("HGETALL");
    command.arg(key_of(core, &entry_of(conversation, seq)));
    let fields: HashMap<String, Vec<u8>> = core.connection.ask(&command).await?;
    let mut files = BTreeMap::new();
    let corrupt = || core.corrupt("files", conversation.as_str());
    for (field, content) in &fields {
        let Some(position) = field.strip_suffix(":content") else { continue };
        let media_type = fields.get(&format!("{position}:type")).ok_or_else(corrupt)?;
        let media_type = String::from_utf8(media_type.clone()).map_err(|_| corrupt())?;
        let position = position.parse::<u32>().map_err(|_| corrupt())?;
        files.insert(position, StoredAttachment { media_type, content: Bytes::from(content.clone()) });
    }
    Ok(files.into_iter().collect())
}

pub(super) fn entry_of(conversation: &ConversationId, seq: Seq) -> String {
    format!("{conversation}/{seq}")
}

#[async_trait]
impl AttachmentStore for Attachments {
    fn limits(&self) -> AttachmentLimits {
        self.limits
    }

    async fn put(&self, place: &AttachmentPlace, file: StoredAttachment) -> Result<(), AttachmentError> {
        if file.content.len() > self.limits.file_bytes_max {
            return Err(AttachmentError::TooLong);
        }
        if !self.is_waiting(&place.conversation, place.seq).await? {
            return Err(AttachmentError::Unwanted);
        }
        let entry = entry_of(&place.conversation, place.seq);
        let (cost, room) = (AttachmentLimits::cost(file.content.len()), self.limits.total_bytes_max);
        let file = (place.position, cost, room, file.media_type.as_str(), file.content.as_ref());
        let kept = keep(&self.core, &entry, Some(file)).await?;
        if kept > 0 { Ok(()) } else { Err(AttachmentError::Full) }
    }

    async fn load(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> Result<Vec<(u32, StoredAttachment)>, StoreError> {
        files(&self.core, conversation, seq).await
    }

    async fn remove(&self, conversation: &ConversationId, seq: Seq) -> Result<(), StoreError> {
        keep(&self.core, &entry_of(conversation, seq), None).await.map(|_| ())
    }

    async fn sweep(&self) -> Result<u32, StoreError> {
        let (mut cursor, mut dropped) = (0_u64, 0);
        loop {
            let mut command = redis::cmd("SSCAN");
            command.arg(all(&self.core)).arg(cursor).arg("COUNT").arg(LOOKED_AT);
            let (next, entries): (u64, Vec<String>) = self.core.connection.ask(&command).await?;
            for entry in entries {
                let (conversation, seq) =
                    entry.rsplit_once('/').ok_or_else(|| self.core.corrupt("files", &entry))?;
                let seq = Seq(self.core.number(seq, "files")?);
                if !self.is_waiting(&ConversationId::new(conversation), seq).await? {
                    dropped += keep(&self.core, &entry, None).await?;
                }
            }
            if next == 0 || dropped >= DROPPED_MAX {
                return Ok(dropped);
            }
            cursor = next;
        }
    }
}
