//! The failure store: what was given up on, retrying it, and forgetting it. Records are written by
//! `ConversationStore::commit` alone.

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, ConversationId, Partition, Seq};
use switchboard_domain::time::Timestamp;

use crate::conversations::Failure;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// Failure records kept, at least; beyond, the oldest go with the next commit that adds some.
pub const FAILURES_MAX: u64 = 10_000;

/// Failure records.
#[async_trait]
pub trait FailureStore: Send + Sync {
    /// Failure records, newest first.
    async fn list(&self, page: &PageRequest) -> Result<Page<FailureInfo>, StoreError>;

    /// One failure record.
    async fn find(&self, id: &str) -> Result<Option<FailureInfo>, StoreError>;

    /// Puts what failed into the inbox of its conversation once more: the same message, with the record's number as its
    /// retry number (R8). `None` where there is no such record.
    ///
    /// Atomic: the entry and the mark on the record appear together or not at all. A record is retried once: repeated, also
    /// after a time-out or by two callers at once, the answer is [`Requeued::Before`] and nothing changes.
    async fn retry(&self, id: &str) -> Result<Option<Retried>, StoreError>;

    /// Forgets a record; `false` when there was none. What a retry of it has put into an inbox stays there. Repeatable.
    async fn delete(&self, id: &str) -> Result<bool, StoreError>;
}

/// A failure record as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureInfo {
    /// Its id, `flr_…`; never given again.
    pub id: String,
    /// The conversation.
    pub conversation: ConversationId,
    /// The channel.
    pub channel: ChannelId,
    /// The record.
    pub failure: Failure,
    /// When it was retried.
    pub retried_at: Option<Timestamp>,
    /// Whether what a retry needs is there; records of older versions do not have it.
    pub can_be_retried: bool,
}

/// What became of a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retried {
    /// The record as it is now.
    pub info: FailureInfo,
    /// The partition of its conversation, which is to be woken.
    pub partition: Partition,
    /// What was done.
    pub outcome: Requeued,
}

/// What a retry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeued {
    /// It stands in the inbox now.
    Now(Seq),
    /// It was retried before; nothing was done.
    Before,
    /// Too much waits in the conversation ([`switchboard_domain::inbox::INBOX_ENTRIES_MAX`]); nothing was done.
    Full,
    /// The record does not say enough; nothing was done.
    Impossible,
}
