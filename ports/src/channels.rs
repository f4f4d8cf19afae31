//! The channel store: configured bots, what is *desired* of them. What is observed lives with the replica.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;
use switchboard_domain::ids::{AgentId, ChannelId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::{
    AccessSettings, ConversationSettings, Locale, PrivacySettings, SwitchingSettings, UserMapping,
};
use switchboard_domain::time::Timestamp;

use crate::directory::Directories;
use crate::error::StoreError;

/// Configured channels at most; creating one more is refused by the application.
pub const CHANNELS_MAX: usize = 5_000;

/// Configured channels.
#[async_trait]
pub trait ChannelStore: Send + Sync {
    /// All channels in name order. There are at most [`CHANNELS_MAX`].
    async fn list(&self) -> Result<Vec<Channel>, StoreError>;

    /// One channel.
    async fn find(&self, id: &ChannelId) -> Result<Option<Channel>, StoreError>;

    /// Adds a channel. `Duplicate("name")` when the name is taken (compared without regard to case), `Duplicate("id")`
    /// when the id is. Repeating it after a time-out gives `Duplicate("id")` when it had worked.
    async fn insert(&self, channel: &Channel) -> Result<(), StoreError>;

    /// Replaces a channel whose stored version is `expected` by one with a version one greater, which is returned.
    /// `Conflict` when the version is another or the channel is gone; `Duplicate("name")` when the name is taken.
    async fn update(&self, channel: &Channel, expected: Version) -> Result<Version, StoreError>;

    /// Deletes a channel; `false` when there was none. Its conversations stay. Repeatable.
    async fn delete(&self, id: &ChannelId) -> Result<bool, StoreError>;
}

/// A configured bot.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// Its name, unique without regard to case, 1 to 100 characters.
    pub name: String,
    /// The platform, as the provider describes itself: `dingtalk`.
    pub platform: String,
    /// Whether it should be connected.
    pub enabled: bool,
    /// The agent that answers; `None`: each message gets one sentence.
    pub default_agent: Option<AgentId>,
    /// The model asked for, instead of the agent's.
    pub default_model: Option<String>,
    /// The language of our own sentences.
    pub locale: Locale,
    /// The provider's settings without its secrets, defaults filled in.
    pub config: Value,
    /// The provider's secrets by JSON pointer into the settings (`/client_secret`). Encrypted at rest.
    pub secrets: BTreeMap<String, Secret>,
    /// How authors become users.
    pub user_mapping: UserMapping,
    /// The directories that are asked who authors are.
    pub directories: Directories,
    /// Who may choose agent and model in the chat.
    pub switching: SwitchingSettings,
    /// Rules of conversations.
    pub conversation: ConversationSettings,
    /// Who may write, how often.
    pub access: AccessSettings,
    /// How long what was said is kept.
    pub privacy: PrivacySettings,
    /// Whether it is kept as code in the configuration file.
    pub managed_by_file: bool,
    /// Counts changes, from 1.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
