//! The agent store: configured agents.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use switchboard_domain::choice::AllowList;
use switchboard_domain::ids::{AgentId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::TurnLimits;
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;

/// Configured agents at most; creating one more is refused by the application.
pub const AGENTS_MAX: usize = 1_000;

/// Names in an agent's list of models that people may choose, at most.
pub const MODELS_MAX: usize = 200;

/// Longest value of an additional header, in bytes, as it is written in settings (variables not replaced yet).
pub const HEADER_VALUE_BYTES_MAX: usize = 4 * 1024;

/// Configured agents. The same contract as `ChannelStore`, method by method.
#[async_trait]
pub trait AgentStore: Send + Sync {
    /// All agents in name order. There are at most [`AGENTS_MAX`].
    async fn list(&self) -> Result<Vec<AgentConfig>, StoreError>;

    /// One agent.
    async fn find(&self, id: &AgentId) -> Result<Option<AgentConfig>, StoreError>;

    /// Adds an agent. `Duplicate("name")` when the name is taken (compared without regard to case), `Duplicate("id")`
    /// when the id is.
    async fn insert(&self, agent: &AgentConfig) -> Result<(), StoreError>;

    /// Replaces an agent whose stored version is `expected` by one with a version one greater, which is returned.
    async fn update(&self, agent: &AgentConfig, expected: Version) -> Result<Version, StoreError>;

    /// Deletes an agent; `false` when there was none. Whether a channel uses it is the application's question. Repeatable.
    async fn delete(&self, id: &AgentId) -> Result<bool, StoreError>;
}

/// How an agent's answers are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AgentMode {
    /// As the agent can: streamed, or by polling where it says that it cannot stream.
    #[default]
    Auto,
    /// Always streamed.
    Stream,
    /// Asked for until they are done.
    Poll,
}

impl AgentMode {
    /// All of them, with the names used in the API, the configuration and stores.
    pub const ALL: [(&str, Self); 3] = [("auto", Self::Auto), ("stream", Self::Stream), ("poll", Self::Poll)];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Stream => "stream",
            Self::Poll => "poll",
        }
    }
}

/// What an agent is told of who asks, beside the user's id, which says nothing about anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentIdentity {
    /// Whether it is told in each request's `metadata`.
    pub metadata: bool,
    /// Whether it may know the e-mail address; only one that is verified is told.
    pub email: bool,
    /// Whether it may know the department.
    pub department: bool,
    /// A signed token in a header of each request, where one is asked for.
    pub token: Option<IdentityToken>,
}

/// A signed token about who asks (JWT, HS256).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityToken {
    /// What it is signed with: at least [`TOKEN_SECRET_BYTES_MIN`] bytes. Encrypted at rest.
    pub secret: Secret,
    /// The header that carries it.
    pub header: String,
    /// Who made it (`iss`).
    pub issuer: String,
    /// Whom it is for (`aud`); `None`: the agent's base address.
    pub audience: Option<String>,
    /// How long it counts.
    pub lifetime: Duration,
}

/// Shortest secret that tokens are signed with (RFC 7518 §3.2).
pub const TOKEN_SECRET_BYTES_MIN: usize = 32;

/// A configured agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentConfig {
    /// Its id.
    pub id: AgentId,
    /// Its name, unique without regard to case, 1 to 100 characters.
    pub name: String,
    /// What it speaks: `openai-chat`, `echo`, …
    pub kind: String,
    /// Base address of its API; empty for built-in kinds.
    pub base_url: String,
    /// Its key; encrypted at rest.
    pub api_key: Secret,
    /// The model asked for.
    pub model: Option<String>,
    /// The models that people may choose in the chat; at most [`MODELS_MAX`] names.
    pub models: AllowList,
    /// What it is told before every conversation.
    pub system_prompt: Option<String>,
    /// Additional headers; values are encrypted at rest.
    pub headers: BTreeMap<String, Secret>,
    /// Merged into each request's body.
    pub extra_body: Map<String, Value>,
    /// Whether answers are streamed.
    pub stream: bool,
    /// How answers are fetched, where the kind leaves a choice.
    pub mode: AgentMode,
    /// What it is told of who asks, beside the user's id.
    pub identity: AgentIdentity,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time-outs and bounds of its turns.
    pub limits: TurnLimits,
    /// Most transcript lines handed over as context.
    pub history_messages_max: u32,
    /// Most characters handed over as context.
    pub history_chars_max: u32,
    /// Whether it is kept as code in the configuration file.
    pub managed_by_file: bool,
    /// Counts changes, from 1.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
