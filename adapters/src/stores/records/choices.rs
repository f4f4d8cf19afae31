//! The record of what people chose in the chat.

use serde::{Deserialize, Serialize};
use switchboard_domain::choice::{Choices, ChosenModel};
use switchboard_domain::ids::AgentId;

use super::channel::LocaleRecord;

/// What was chosen, by a conversation or by a user for a channel.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ChoicesRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// Whose model it is; always there with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) locale: Option<LocaleRecord>,
}

impl From<&Choices> for ChoicesRecord {
    fn from(from: &Choices) -> Self {
        Self {
            agent: from.agent.as_ref().map(AgentId::to_string),
            model: from.model.as_ref().map(|model| model.name.clone()),
            model_agent: from.model.as_ref().map(|model| model.agent.to_string()),
            locale: from.locale.map(LocaleRecord::from),
        }
    }
}

impl From<ChoicesRecord> for Choices {
    fn from(from: ChoicesRecord) -> Self {
        let model = from.model.zip(from.model_agent);
        Self {
            agent: from.agent.map(AgentId::new),
            model: model.map(|(name, agent)| ChosenModel { agent: AgentId::new(agent), name }),
            locale: from.locale.map(Into::into),
        }
    }
}
