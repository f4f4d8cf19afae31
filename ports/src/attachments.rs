//! The bounded area in which the files of waiting messages are kept until their turns end (R6).
//!
//! A file here is a copy that saves asking the platform again, whose own copy may be gone by then. What is lost is
//! fetched again or done without, so that a store may keep these less firmly than anything else; it must not mix them
//! up, and it must not let them grow.

use async_trait::async_trait;
use bytes::Bytes;
use switchboard_domain::ids::{ConversationId, Seq};
use thiserror::Error;

use crate::error::StoreError;

/// Longest file that is taken, in bytes.
pub const FILE_BYTES_MAX: usize = 20 * 1024 * 1024;

/// All files together, in bytes, unless an implementation was opened with another bound.
pub const TOTAL_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a file costs at least, in bytes: this bounds how many there can be.
pub const FILE_COST_MIN: u64 = 4 * 1024;

/// The bounds of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentLimits {
    /// Longest file, in bytes.
    pub file_bytes_max: usize,
    /// All files together, in bytes; each counts at least [`FILE_COST_MIN`].
    pub total_bytes_max: u64,
}

impl Default for AttachmentLimits {
    fn default() -> Self {
        Self { file_bytes_max: FILE_BYTES_MAX, total_bytes_max: TOTAL_BYTES_MAX }
    }
}

impl AttachmentLimits {
    /// What a file of this length counts.
    #[must_use]
    pub fn cost(bytes: usize) -> u64 {
        u64::try_from(bytes).unwrap_or(u64::MAX).max(FILE_COST_MIN)
    }
}

/// Where a file belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttachmentPlace {
    /// The conversation.
    pub conversation: ConversationId,
    /// The message's inbox entry.
    pub seq: Seq,
    /// Which of the message's files, from 0.
    pub position: u32,
}

/// A file as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttachment {
    /// What it is: `image/png`.
    pub media_type: String,
    /// The content, whole.
    pub content: Bytes,
}

/// Why a file is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AttachmentError {
    /// There is no room for it now. Nothing was kept: go on without, or fetch it when it is needed.
    #[error("the area for files is full")]
    Full,
    /// It is longer than any file may be.
    #[error("the file is too long")]
    TooLong,
    /// Its message has ended or was never there: nobody needs it.
    #[error("the file's message is not waiting")]
    Unwanted,
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Files of waiting messages.
#[async_trait]
pub trait AttachmentStore: Send + Sync {
    /// The bounds that this area was opened with.
    fn limits(&self) -> AttachmentLimits;

    /// Keeps a file while its message waits; one that was there before is replaced. All of it is seen by later loads,
    /// or nothing. Repeatable. Dropping the future may leave room taken until the message ends, never half a file.
    /// After a time-out: unknown, repeat it or go on without.
    async fn put(&self, place: &AttachmentPlace, file: StoredAttachment) -> Result<(), AttachmentError>;

    /// The files of a message that are kept, by position.
    async fn load(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> Result<Vec<(u32, StoredAttachment)>, StoreError>;

    /// Drops the files of a message. Repeatable; dropping the future does not undo.
    async fn remove(&self, conversation: &ConversationId, seq: Seq) -> Result<(), StoreError>;

    /// Drops files whose messages do not wait (any more), a bounded number of them; answers how many it dropped, 0 when
    /// there is none left. Whoever lost the word of a message's end leaves such files behind.
    async fn sweep(&self) -> Result<u32, StoreError>;
}
