//! All stores of one implementation.

use std::sync::Arc;

use crate::agents::AgentStore;
use crate::attachments::AttachmentStore;
use crate::audit::AuditStore;
use crate::budget::BudgetStore;
use crate::channels::ChannelStore;
use crate::conversations::ConversationStore;
use crate::durability::DurabilityProbe;
use crate::failures::FailureStore;
use crate::journal::JournalStore;
use crate::messages::MessageStore;
use crate::replicas::{Bulletin, ReplicaStore};
use crate::sessions::SessionStore;
use crate::tokens::TokenStore;
use crate::transcripts::Transcripts;
use crate::usage::UsageStore;
use crate::users::UserStore;

/// All stores, over the same data.
#[derive(Clone)]
pub struct Stores {
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
    /// Sessions of the panel.
    pub sessions: Arc<dyn SessionStore>,
    /// Files of waiting messages.
    pub attachments: Arc<dyn AttachmentStore>,
    /// What apps used of their quotas.
    pub usage: Arc<dyn UsageStore>,
    /// Who was mapped how.
    pub audit: Arc<dyn AuditStore>,
    /// What happened.
    pub journal: Arc<dyn JournalStore>,
    /// What all replicas together may call.
    pub budgets: Arc<dyn BudgetStore>,
    /// Who lives.
    pub replicas: Arc<dyn ReplicaStore>,
    /// What replicas tell each other.
    pub bulletin: Arc<dyn Bulletin>,
    /// What the store may lose.
    pub durability: Arc<dyn DurabilityProbe>,
}
