//! What a user chose in the chat, on the wire: in exports.

use serde::Serialize;
use switchboard_domain::choice::Choices;
use switchboard_domain::ids::ChannelId;

use super::channel::{LOCALES, word};

/// What a user chose in a channel that remembers choices for users.
#[derive(Debug, Serialize)]
pub struct ChoiceView {
    /// The channel.
    pub channel_id: String,
    /// The agent; null: the channel's own.
    pub agent_id: Option<String>,
    /// The model; null: the agent's own.
    pub model: Option<ChosenModelView>,
    /// The language of the bot's own sentences; null: the channel's.
    pub locale: Option<&'static str>,
}

/// A model, and the agent whose it is.
#[derive(Debug, Serialize)]
pub struct ChosenModelView {
    /// The agent.
    pub agent_id: String,
    /// The model's name.
    pub name: String,
}

impl ChoiceView {
    /// Of what is stored.
    #[must_use]
    pub fn of(channel: &ChannelId, chosen: Choices) -> Self {
        let model = chosen.model;
        Self {
            channel_id: channel.to_string(),
            agent_id: chosen.agent.map(|agent| agent.to_string()),
            model: model.map(|it| ChosenModelView { agent_id: it.agent.to_string(), name: it.name }),
            locale: chosen.locale.map(|locale| word(&LOCALES, &locale)),
        }
    }
}
