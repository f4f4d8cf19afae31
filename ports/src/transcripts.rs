//! Reading conversations and transcripts, and forgetting them. Written only by `ConversationStore::commit`.

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, ConversationId, ConversationKey, SessionNumber, UserId};
use switchboard_domain::message::ChatKind;
use switchboard_domain::snapshot::TranscriptLine;
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// Conversations and what was said in them, for agents' history, the API and the panel. All methods only read, but for those
/// that forget.
#[async_trait]
pub trait Transcripts: Send + Sync {
    /// Conversations, last active first.
    async fn conversations(
        &self,
        filter: &ConversationFilter,
        page: &PageRequest,
    ) -> Result<Page<ConversationInfo>, StoreError>;

    /// One conversation.
    async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationInfo>, StoreError>;

    /// The private conversation that was last active with a person, as the platform's calls name them.
    async fn private_with(
        &self,
        channel: &ChannelId,
        person: &str,
    ) -> Result<Option<ConversationInfo>, StoreError>;

    /// A conversation's transcript over all sessions, oldest first.
    async fn lines(
        &self,
        id: &ConversationId,
        page: &PageRequest,
    ) -> Result<Page<TranscriptLine>, StoreError>;

    /// The last `lines_max` lines of one session, oldest first: what an agent gets as context.
    async fn recent(
        &self,
        id: &ConversationId,
        session: SessionNumber,
        lines_max: u32,
    ) -> Result<Vec<TranscriptLine>, StoreError>;

    /// The answer that a platform's message shows, by what the platform calls the message, in any conversation of the chat:
    /// in a group people quote what others were answered. `None` where the name is not known (any more), and where the
    /// answer has not ended.
    async fn shown_as(
        &self,
        channel: &ChannelId,
        chat: &str,
        key: &str,
    ) -> Result<Option<TranscriptLine>, StoreError>;

    /// Forgets the oldest lines of a conversation as long as `which` takes them, in bounded steps: returns whether there may be
    /// more. Nothing else of it changes; what platforms call forgotten answers leads nowhere from then on. A cursor of
    /// `lines` to what is left stays good. Repeatable.
    async fn forget(&self, id: &ConversationId, which: Forget) -> Result<bool, StoreError>;

    /// Forgets all conversations of a channel with inbox, transcript and failures, in bounded steps: returns whether
    /// there may be more. Deduplication marks stay until they are old enough. Repeatable.
    async fn purge(&self, channel: &ChannelId) -> Result<bool, StoreError>;
}

/// Which lines are forgotten: the oldest, as long as this holds for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forget {
    /// All.
    All,
    /// What was said before this moment.
    Before(Timestamp),
    /// What was said in sessions before this one.
    SessionsBefore(SessionNumber),
}

impl Forget {
    /// Whether a line is forgotten.
    #[must_use]
    pub fn takes(self, session: SessionNumber, at: Timestamp) -> bool {
        match self {
            Self::All => true,
            Self::Before(moment) => at < moment,
            Self::SessionsBefore(first) => session < first,
        }
    }
}

/// Which conversations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    /// Only of this channel.
    pub channel: Option<ChannelId>,
    /// Only with this mapped user.
    pub user: Option<UserId>,
    /// Only where a transcript line or the title contains this text (case-insensitive for ASCII).
    pub text: Option<String>,
}

/// A conversation as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationInfo {
    /// Its id.
    pub id: ConversationId,
    /// What makes it.
    pub key: ConversationKey,
    /// Private or group.
    pub kind: ChatKind,
    /// The group's title, where the platform gives one; a message without one leaves the last.
    pub title: Option<String>,
    /// The last author's name.
    pub author: String,
    /// The person behind a private chat, as the platform's calls name them; `None` in groups, and where the platform gives no
    /// usable name or the person has not written since format 4.
    pub person: Option<String>,
    /// The user that the last author was mapped to.
    pub user: Option<UserId>,
    /// The current session, and when it began; `None` before the first commit.
    pub session: Option<(SessionNumber, Timestamp)>,
    /// When its first message was accepted.
    pub created_at: Timestamp,
    /// When something last happened in it.
    pub active_at: Timestamp,
    /// Entries that have not ended.
    pub waiting: u32,
}
