//! What a suite needs from an implementation's tests.

use std::sync::Arc;

use async_trait::async_trait;

use crate::agents::AgentStore;
use crate::attachments::AttachmentStore;
use crate::audit::AuditStore;
use crate::channels::ChannelStore;
use crate::conformance::FakeClock;
use crate::conversations::ConversationStore;
use crate::failures::FailureStore;
use crate::messages::MessageStore;
use crate::tokens::TokenStore;
use crate::transcripts::Transcripts;
use crate::usage::UsageStore;
use crate::users::UserStore;

/// All stores of one implementation, over the same data.
#[derive(Clone)]
pub struct StoreSet {
    /// Inbox, state and outbox of conversations.
    pub conversations: Arc<dyn ConversationStore>,
    /// Transcripts.
    pub transcripts: Arc<dyn Transcripts>,
    /// Failure records.
    pub failures: Arc<dyn FailureStore>,
    /// Messages that nobody asked for.
    pub messages: Arc<dyn MessageStore>,
    /// Configured channels.
    pub channels: Arc<dyn ChannelStore>,
    /// Configured agents.
    pub agents: Arc<dyn AgentStore>,
    /// Company users.
    pub users: Arc<dyn UserStore>,
    /// API tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// Files of waiting messages.
    pub attachments: Arc<dyn AttachmentStore>,
    /// What apps used of their quotas.
    pub usage: Arc<dyn UsageStore>,
    /// Who was mapped how.
    pub audit: Arc<dyn AuditStore>,
}

/// Fresh, empty stores and what a case may do to them. Dropping it cleans up.
#[async_trait]
pub trait Fixture: Send {
    /// The clock that the stores were given.
    fn clock(&self) -> Arc<FakeClock>;

    /// The stores, as opened last. A case drops what it got before it calls [`Fixture::reopen`].
    fn stores(&self) -> StoreSet;

    /// Dies without a word and comes back: only what is durable is left. `false`, and nothing done, for stores that
    /// forget; cases about surviving end there.
    async fn reopen(&mut self) -> bool;
}
