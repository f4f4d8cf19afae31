//! All ports in one place: the only file beside `compose` that spells `Arc<dyn Port>`.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_ports::agent::{Agent, AgentKind};
use switchboard_ports::agents::AgentStore;
use switchboard_ports::alerts::AlertSink;
use switchboard_ports::attachments::AttachmentStore;
use switchboard_ports::audit::AuditStore;
use switchboard_ports::channels::ChannelStore;
use switchboard_ports::clock::{Clock, Entropy};
use switchboard_ports::conversations::ConversationStore;
use switchboard_ports::directory::{Directory, DirectoryKind};
use switchboard_ports::durability::DurabilityProbe;
use switchboard_ports::failures::FailureStore;
use switchboard_ports::journal::JournalStore;
use switchboard_ports::messages::MessageStore;
use switchboard_ports::playground::Playground;
use switchboard_ports::provider::{Link, Provider};
use switchboard_ports::replicas::{Bulletin, ReplicaStore};
use switchboard_ports::sessions::SessionStore;
use switchboard_ports::tokens::TokenStore;
use switchboard_ports::traces::SpanExporter;
use switchboard_ports::transcripts::Transcripts;
use switchboard_ports::usage::UsageStore;
use switchboard_ports::users::UserStore;

/// A channel's access to its platform, shared by its connection and all its conversations.
pub type SharedLink = Arc<dyn Link>;

/// A configured agent, shared by all runs.
pub type SharedAgent = Arc<dyn Agent>;

/// A configured directory, shared by all look-ups.
pub type SharedDirectory = Arc<dyn Directory>;

/// Who is told alerts.
pub type SharedAlerts = Arc<dyn AlertSink>;

/// Everything the application needs from outside, put together by `compose` or by a test.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
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
    /// Who was mapped how.
    pub audit: Arc<dyn AuditStore>,
    /// What happened.
    pub journal: Arc<dyn JournalStore>,
    /// What apps used of their quotas.
    pub usage: Arc<dyn UsageStore>,
    /// Which replicas live, and what they observe.
    pub replicas: Arc<dyn ReplicaStore>,
    /// What replicas tell each other.
    pub bulletin: Arc<dyn Bulletin>,
    /// What the store may lose.
    pub durability: Arc<dyn DurabilityProbe>,
    /// Who takes the spans of traces; `None`: nobody.
    pub traces: Option<Arc<dyn SpanExporter>>,
    /// What signed-in people say and see without a chat platform.
    pub playground: Arc<dyn Playground>,
    /// Who is told alerts, if anybody is.
    pub alerts: Option<SharedAlerts>,
    /// Chat platforms by name.
    pub providers: BTreeMap<&'static str, Arc<dyn Provider>>,
    /// Kinds of agents by name.
    pub agent_kinds: BTreeMap<&'static str, Arc<dyn AgentKind>>,
    /// Kinds of directories by name.
    pub directory_kinds: BTreeMap<&'static str, Arc<dyn DirectoryKind>>,
}
