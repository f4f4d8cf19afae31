//! The record of an agent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switchboard_domain::choice::AllowList;
use switchboard_domain::ids::{AgentId, Version};
use switchboard_domain::settings::TurnLimits;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::{AgentConfig, AgentIdentity, AgentMode};
use switchboard_ports::error::StoreError;

use super::channel::{open_all, seal_all};
use super::identity::IdentityRecord;
use super::{Record, Row, millis, mirrored};

const API_KEY: &str = "api_key";
const HEADERS: &str = "headers";

/// An agent; its id is the row's key, its version a column.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct AgentRecord {
    name: String,
    kind: String,
    base_url: String,
    api_key_sealed: String,
    model: Option<String>,
    /// Since format 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<String>,
    system_prompt: Option<String>,
    headers_sealed: BTreeMap<String, String>,
    extra_body: Map<String, Value>,
    stream: bool,
    /// Since format 2.
    #[serde(default)]
    mode: ModeRecord,
    /// Since `IDENTITY_SINCE`; not written where nothing is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityRecord>,
    connect_timeout_ms: u64,
    first_output_timeout_ms: u64,
    idle_timeout_ms: u64,
    turn_timeout_ms: u64,
    output_chars_max: u64,
    history_messages_max: u32,
    history_chars_max: u32,
    managed_by_file: bool,
    created_at: u64,
    updated_at: u64,
}

/// The format that added the mode.
const MODE_SINCE: u32 = 2;
/// The format that added which models may be chosen.
const MODELS_SINCE: u32 = 3;
/// The format that added what is told of who asks.
const IDENTITY_SINCE: u32 = 4;

impl Record for AgentRecord {
    const VERSION: u32 = 4;
    const OLDEST: u32 = 1;

    /// A list of models that may be chosen, and the key of what an agent is told of who asks, are not to be lost.
    fn since(&self) -> u32 {
        if self.identity.is_some() {
            IDENTITY_SINCE
        } else if self.models.is_empty() {
            MODE_SINCE
        } else {
            MODELS_SINCE
        }
    }
}

mirrored!(ModeRecord = AgentMode { Auto, Stream, Poll });

impl Default for ModeRecord {
    fn default() -> Self {
        AgentMode::default().into()
    }
}

impl AgentRecord {
    /// Seals an agent for its row.
    pub(in crate::stores) fn seal(from: &AgentConfig, row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            name: from.name.clone(),
            kind: from.kind.clone(),
            base_url: from.base_url.clone(),
            api_key_sealed: row.seal(API_KEY, &from.api_key)?,
            model: from.model.clone(),
            models: from.models.0.clone(),
            system_prompt: from.system_prompt.clone(),
            headers_sealed: seal_all(&from.headers, row, HEADERS)?,
            extra_body: from.extra_body.clone(),
            stream: from.stream,
            mode: from.mode.into(),
            identity: IdentityRecord::seal(&from.identity, row)?,
            connect_timeout_ms: millis(from.connect_timeout),
            first_output_timeout_ms: millis(from.limits.first_output_timeout),
            idle_timeout_ms: millis(from.limits.idle_timeout),
            turn_timeout_ms: millis(from.limits.turn_timeout),
            output_chars_max: u64::try_from(from.limits.output_chars_max).unwrap_or(u64::MAX),
            history_messages_max: from.history_messages_max,
            history_chars_max: from.history_chars_max,
            managed_by_file: from.managed_by_file,
            created_at: from.created_at.as_millis(),
            updated_at: from.updated_at.as_millis(),
        })
    }

    /// Opens the agent of a row.
    pub(in crate::stores) fn open(self, version: Version, row: &Row<'_>) -> Result<AgentConfig, StoreError> {
        Ok(AgentConfig {
            id: AgentId::new(row.key),
            name: self.name,
            kind: self.kind,
            base_url: self.base_url,
            api_key: row.open(API_KEY, &self.api_key_sealed)?,
            model: self.model,
            models: AllowList(self.models),
            system_prompt: self.system_prompt,
            headers: open_all(self.headers_sealed, row, HEADERS)?,
            extra_body: self.extra_body,
            stream: self.stream,
            mode: self.mode.into(),
            identity: match self.identity {
                Some(identity) => identity.open(row)?,
                None => AgentIdentity::default(),
            },
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            limits: TurnLimits {
                first_output_timeout: Duration::from_millis(self.first_output_timeout_ms),
                idle_timeout: Duration::from_millis(self.idle_timeout_ms),
                turn_timeout: Duration::from_millis(self.turn_timeout_ms),
                output_chars_max: usize::try_from(self.output_chars_max).unwrap_or(usize::MAX),
            },
            history_messages_max: self.history_messages_max,
            history_chars_max: self.history_chars_max,
            managed_by_file: self.managed_by_file,
            version,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }
}
