//! The message store: messages that nobody asked for, what became of them, and the keys under which they were given in.
//!
//! A message is an entry of its conversation's inbox; its record beside it tells how far it is. Commits write both.

use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, ConversationId, ConversationKey, MessageId, Partition, Seq};
use switchboard_domain::message::Chat;
use switchboard_domain::outbound::{Format, Progress};
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;

/// How long records are kept, at least, unless there are more than [`MESSAGES_MAX`] of a channel's.
pub const MESSAGES_KEPT: Duration = Duration::from_hours(7 * 24);

/// Records of one channel that are kept, at least; of more, the oldest that have ended go.
pub const MESSAGES_MAX: u32 = 10_000;

/// Entries that may wait in a conversation when a message is given in; the rest of the inbox is for people.
pub const MESSAGE_WAITING_MAX: u32 = 40;

/// Messages that nobody asked for.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Puts a message into the inbox of its conversation, and makes its record.
    ///
    /// Atomic: entry and record appear together or not at all. A message whose id has a record is not put in again: the
    /// answer is [`Given::Before`], whatever else it says. Where [`MESSAGE_WAITING_MAX`] entries wait already, nothing is
    /// done. Repeatable by id; after a time-out: unknown, repeat it.
    async fn give(&self, message: NewMessage) -> Result<Given, StoreError>;

    /// One record.
    async fn find(&self, id: &MessageId) -> Result<Option<MessageRecord>, StoreError>;
}

/// A message on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id, `msg_…`.
    pub id: MessageId,
    /// The conversation.
    pub key: ConversationKey,
    /// Where it goes.
    pub chat: Chat,
    /// The person it is for, as the platform's calls name them; `None` in groups.
    pub person: Option<String>,
    /// Its text; not blank, at most [`switchboard_domain::outbound::MESSAGE_CHARS_MAX`] characters.
    pub text: String,
    /// How it is meant.
    pub format: Format,
    /// What was asked for, as a hash: tells a repeated request from another one under the same key.
    pub fingerprint: String,
}

/// What became of giving a message in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// It stands in the inbox now.
    Now {
        /// Its record.
        record: MessageRecord,
        /// Its place.
        seq: Seq,
        /// The partition of its conversation, which is to be woken.
        partition: Partition,
    },
    /// There is a record of this id; nothing was done.
    Before(MessageRecord),
    /// Too much waits in the conversation; nothing was done.
    Full,
}

/// A message as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its id.
    pub id: MessageId,
    /// The channel.
    pub channel: ChannelId,
    /// The conversation.
    pub conversation: ConversationId,
    /// What was asked for, as a hash.
    pub fingerprint: String,
    /// How far it is.
    pub progress: Progress,
    /// When it was given in.
    pub created_at: Timestamp,
    /// When something was last heard of it.
    pub updated_at: Timestamp,
}

impl MessageRecord {
    /// The record of a message that is given in now.
    #[must_use]
    pub fn new(message: &NewMessage, now: Timestamp) -> Self {
        Self {
            id: message.id.clone(),
            channel: message.key.channel.clone(),
            conversation: message.key.id(),
            fingerprint: message.fingerprint.clone(),
            progress: Progress::default(),
            created_at: now,
            updated_at: now,
        }
    }
}
