//! Agents on the wire, outwards.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use switchboard_ports::agents::AgentConfig;
use utoipa::ToSchema;

use super::identity::AgentIdentityView;
use super::merge::MASK;
use super::time::rfc3339;

/// A configured agent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AgentView {
    /// Its id, `agt_…`.
    pub id: String,
    /// Unique without regard to case.
    #[schema(max_length = 100)]
    pub name: String,
    /// What it speaks: `openai-chat`, `echo`, …
    pub kind: String,
    /// Base address of its API; null for built-in kinds.
    pub base_url: Option<String>,
    /// `***` where one is stored.
    pub api_key: Option<&'static str>,
    /// The model asked for.
    pub model: Option<String>,
    /// The models that people may choose in the chat; empty: all.
    pub models: Vec<String>,
    /// What it is told before every conversation.
    pub system_prompt: Option<String>,
    /// Additional headers, each value as `***`.
    pub headers: BTreeMap<String, &'static str>,
    /// Merged into each request's body.
    #[schema(value_type = Object)]
    pub extra_body: Map<String, Value>,
    /// Whether answers are streamed.
    pub stream: bool,
    /// How answers are fetched: `auto`, `stream` or `poll`.
    pub mode: &'static str,
    /// What the agent is told of who asks, beside the user's id.
    pub identity: AgentIdentityView,
    /// Time to connect.
    pub connect_timeout_ms: u64,
    /// Time to the first output.
    pub first_output_timeout_ms: u64,
    /// Time from one output to the next.
    pub idle_timeout_ms: u64,
    /// Time for a whole turn.
    pub turn_timeout_ms: u64,
    /// Longest answer.
    pub max_output_chars: usize,
    /// Most messages handed over as context.
    pub max_history_messages: u32,
    /// Most characters handed over as context.
    pub max_history_chars: u32,
    /// Whether it is kept as code in the configuration file; it cannot be changed here then.
    pub managed_by_file: bool,
    /// Counts changes; also the `ETag`.
    pub version: u64,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

impl From<&AgentConfig> for AgentView {
    fn from(agent: &AgentConfig) -> Self {
        Self {
            id: agent.id.to_string(),
            name: agent.name.clone(),
            kind: agent.kind.clone(),
            base_url: Some(agent.base_url.clone()).filter(|url| !url.is_empty()),
            api_key: (!agent.api_key.is_empty()).then_some(MASK),
            model: agent.model.clone(),
            models: agent.models.0.clone(),
            system_prompt: agent.system_prompt.clone(),
            headers: agent.headers.keys().map(|name| (name.clone(), MASK)).collect(),
            extra_body: agent.extra_body.clone(),
            stream: agent.stream,
            mode: agent.mode.as_str(),
            identity: (&agent.identity).into(),
            connect_timeout_ms: millis(agent.connect_timeout),
            first_output_timeout_ms: millis(agent.limits.first_output_timeout),
            idle_timeout_ms: millis(agent.limits.idle_timeout),
            turn_timeout_ms: millis(agent.limits.turn_timeout),
            max_output_chars: agent.limits.output_chars_max,
            max_history_messages: agent.history_messages_max,
            max_history_chars: agent.history_chars_max,
            managed_by_file: agent.managed_by_file,
            version: agent.version.0,
            created_at: rfc3339(agent.created_at),
            updated_at: rfc3339(agent.updated_at),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
