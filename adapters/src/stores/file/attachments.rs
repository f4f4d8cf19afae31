//! Files of waiting messages in the database, in pieces.
//!
//! A file is announced, which takes its room, written piece by piece, each piece a member of the writer's transactions
//! like any other, and then declared whole. What was announced and never became whole is seen by nobody, and goes with
//! its message. Contents are kept as they are, like transcripts: who may read the database may read messages.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use rusqlite::Connection;
use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_ports::attachments::{
    AttachmentError, AttachmentLimits, AttachmentPlace, AttachmentStore, StoredAttachment,
};
use switchboard_ports::error::StoreError;

use super::Core;
use super::sql::{all, first, int, run};
use super::writer::Step;

/// Longest piece, in bytes: written in a few milliseconds.
pub(super) const PIECE_BYTES_MAX: usize = 256 * 1024;

/// Files dropped by one sweep, at most.
const SWEPT_MAX: u32 = 20;

/// Files of waiting messages.
pub(super) struct Attachments {
    core: Arc<Core>,
    limits: AttachmentLimits,
}

impl Attachments {
    pub(super) fn new(core: Arc<Core>, limits: AttachmentLimits) -> Self {
        Self { core, limits }
    }
}

#[async_trait]
impl AttachmentStore for Attachments {
    fn limits(&self) -> AttachmentLimits {
        self.limits
    }

    async fn put(&self, place: &AttachmentPlace, file: StoredAttachment) -> Result<(), AttachmentError> {
        let StoredAttachment { media_type, content } = file;
        if content.len() > self.limits.file_bytes_max {
            return Err(AttachmentError::TooLong);
        }
        let (place, room) = (place.clone(), self.limits.total_bytes_max);
        let cost = AttachmentLimits::cost(content.len());
        let announce = move |step: &mut Step<'_>| announce(step.connection, &place, &media_type, cost, room);
        let id = self.core.writer.submit(announce).await??;
        let mut rest = content;
        let mut number = 0_i64;
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES_MAX));
            let write = move |step: &mut Step<'_>| write_piece(step.connection, id, number, &piece);
            if !self.core.writer.submit(write).await? {
                return Err(AttachmentError::Unwanted);
            }
            number = number.saturating_add(1);
        }
        let finish = move |step: &mut Step<'_>| {
            Ok(run(step.connection, "UPDATE attachments SET whole = 1 WHERE id = ?1", [id])? > 0)
        };
        if self.core.writer.submit(finish).await? { Ok(()) } else { Err(AttachmentError::Unwanted) }
    }

    async fn load(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> Result<Vec<(u32, StoredAttachment)>, StoreError> {
        let conversation = conversation.clone();
        self.core.readers.read(move |connection| load(connection, &conversation, seq)).await
    }

    async fn remove(&self, conversation: &ConversationId, seq: Seq) -> Result<(), StoreError> {
        let conversation = conversation.clone();
        let remove = move |step: &mut Step<'_>| {
            let sql = "DELETE FROM attachments WHERE conversation = ?1 AND seq = ?2";
            run(step.connection, sql, (conversation.as_str(), int(seq.0)))?;
            Ok(())
        };
        self.core.writer.submit(remove).await
    }

    async fn sweep(&self) -> Result<u32, StoreError> {
        // Looked for among the readers, so that the writer has nothing to do where there is nothing to sweep.
        let orphans: Vec<i64> = self.core.readers.read(orphans).await?;
        if orphans.is_empty() {
            return Ok(0);
        }
        let sweep = move |step: &mut Step<'_>| {
            let mut dropped = 0_usize;
            for id in orphans {
                dropped += run(step.connection, "DELETE FROM attachments WHERE id = ?1", [id])?;
            }
            Ok(u32::try_from(dropped).unwrap_or(u32::MAX))
        };
        self.core.writer.submit(sweep).await
    }
}

/// Takes room for a file. The outer result is the store's, the inner one the caller's.
fn announce(
    connection: &Connection,
    place: &AttachmentPlace,
    media_type: &str,
    cost: u64,
    room: u64,
) -> Result<Result<i64, AttachmentError>, StoreError> {
    let AttachmentPlace { conversation, seq, position } = place;
    let (conversation, seq) = (conversation.as_str(), int(seq.0));
    let waiting = "SELECT 1 FROM conversations AS c, inbox AS i
                   WHERE c.id = ?1 AND i.num = c.num AND i.seq = ?2";
    if first(connection, waiting, (conversation, seq), |_| Ok(()))?.is_none() {
        return Ok(Err(AttachmentError::Unwanted));
    }
    let replaced = "DELETE FROM attachments WHERE conversation = ?1 AND seq = ?2 AND position = ?3";
    run(connection, replaced, (conversation, seq, position))?;
    let taken = "SELECT cost FROM attachment_room WHERE one = 1";
    let taken = first(connection, taken, [], |row| row.get::<_, i64>(0))?.unwrap_or_default();
    if taken.saturating_add(int(cost)) > int(room) {
        return Ok(Err(AttachmentError::Full));
    }
    let sql = "INSERT INTO attachments (conversation, seq, position, media_type, cost, whole)
               VALUES (?1, ?2, ?3, ?4, ?5, 0)";
    run(connection, sql, (conversation, seq, position, media_type, int(cost)))?;
    Ok(Ok(connection.last_insert_rowid()))
}

/// Writes a piece of a file that is still wanted; whether it was.
fn write_piece(connection: &Connection, id: i64, number: i64, piece: &Bytes) -> Result<bool, StoreError> {
    let sql = "INSERT INTO attachment_pieces (attachment, number, content)
               SELECT id, ?2, ?3 FROM attachments WHERE id = ?1";
    Ok(run(connection, sql, (id, number, piece.as_ref()))? > 0)
}

fn load(
    connection: &Connection,
    conversation: &ConversationId,
    seq: Seq,
) -> Result<Vec<(u32, StoredAttachment)>, StoreError> {
    let sql = "SELECT id, position, media_type FROM attachments
               WHERE conversation = ?1 AND seq = ?2 AND whole = 1 ORDER BY position";
    let found = all(connection, sql, (conversation.as_str(), int(seq.0)), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, String>(2)?))
    })?;
    let mut files = Vec::with_capacity(found.len());
    for (id, position, media_type) in found {
        let sql = "SELECT content FROM attachment_pieces WHERE attachment = ?1 ORDER BY number";
        let mut content = BytesMut::new();
        for piece in all(connection, sql, [id], |row| row.get::<_, Vec<u8>>(0))? {
            content.extend_from_slice(&piece);
        }
        files.push((position, StoredAttachment { media_type, content: content.freeze() }));
    }
    Ok(files)
}

/// Files whose messages do not wait.
fn orphans(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT id FROM attachments AS a WHERE NOT EXISTS (
                 SELECT 1 FROM conversations AS c, inbox AS i
                 WHERE c.id = a.conversation AND i.num = c.num AND i.seq = a.seq
               ) LIMIT ?1";
    all(connection, sql, [SWEPT_MAX], |row| row.get(0))
}
