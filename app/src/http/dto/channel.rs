//! Channels on the wire, outwards.

use serde::Serialize;
use serde_json::Value;
use switchboard_domain::settings::{Busy, ConversationSettings, GroupScope, Locale, OnMiss, Stale};
use switchboard_ports::channels::Channel;
use utoipa::ToSchema;

use super::access::AccessView;
use super::mapping::UserMappingView;
use super::privacy::PrivacyView;
use super::secrets;
use super::switching::SwitchingView;
use super::time::rfc3339;

/// Words of the API for each value, used both ways.
pub(super) const LOCALES: [(&str, Locale); 2] = [("en", Locale::En), ("zh-CN", Locale::ZhCn)];
pub(super) const SCOPES: [(&str, GroupScope); 2] =
    [("per_user", GroupScope::PerUser), ("shared", GroupScope::Shared)];
pub(super) const BUSY: [(&str, Busy); 3] =
    [("queue", Busy::Queue), ("interrupt", Busy::Interrupt), ("reject", Busy::Reject)];
pub(super) const STALE: [(&str, Stale); 3] =
    [("answer", Stale::Answer), ("note", Stale::Note), ("skip", Stale::Skip)];
pub(super) const ON_MISS: [(&str, OnMiss); 2] = [("create", OnMiss::Create), ("reject", OnMiss::Reject)];

pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, of)| of == value).map_or("", |(word, _)| word)
}

/// A configured bot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChannelView {
    /// Its id, `chn_…`.
    pub id: String,
    /// Unique without regard to case.
    pub name: String,
    /// The platform.
    #[serde(rename = "type")]
    pub platform: String,
    /// Whether it should be connected.
    pub enabled: bool,
    /// The agent that answers.
    pub default_agent_id: Option<String>,
    /// The model asked for, instead of the agent's.
    pub default_model: Option<String>,
    /// `en` or `zh-CN`.
    pub locale: &'static str,
    /// The platform's settings, secrets as `***`.
    #[schema(value_type = Object)]
    pub config: Value,
    /// How authors become users.
    pub user_mapping: UserMappingView,
    /// Who may choose agent and model in the chat.
    pub switching: SwitchingView,
    /// Rules of conversations.
    pub conversation: ConversationSettingsView,
    /// Who may write, how often.
    pub access: AccessView,
    /// How long what was said is kept.
    pub privacy: PrivacyView,
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

/// Rules of conversations.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConversationSettingsView {
    /// `per_user` or `shared`.
    pub group_scope: &'static str,
    /// A session ends by itself after so long without a message; 0: never.
    pub idle_timeout_minutes: u64,
    /// `queue`, `interrupt` or `reject`.
    pub busy: &'static str,
    /// Messages of one author within this time of each other become one turn; 0: each has its own.
    pub merge_window_ms: u64,
    /// A message older than this when it would be answered is stale; 0: never.
    pub stale_after_minutes: u64,
    /// What happens to a stale message: `answer`, `note` (a line says that the answer is late) or `skip`.
    pub stale: &'static str,
}

impl From<&Channel> for ChannelView {
    fn from(channel: &Channel) -> Self {
        Self {
            id: channel.id.to_string(),
            name: channel.name.clone(),
            platform: channel.platform.clone(),
            enabled: channel.enabled,
            default_agent_id: channel.default_agent.as_ref().map(ToString::to_string),
            default_model: channel.default_model.clone(),
            locale: word(&LOCALES, &channel.locale),
            config: secrets::masked(&channel.config, &channel.secrets),
            user_mapping: UserMappingView::of(&channel.user_mapping, &channel.directories),
            switching: (&channel.switching).into(),
            conversation: channel.conversation.into(),
            access: (&channel.access).into(),
            privacy: channel.privacy.into(),
            managed_by_file: channel.managed_by_file,
            version: channel.version.0,
            created_at: rfc3339(channel.created_at),
            updated_at: rfc3339(channel.updated_at),
        }
    }
}

impl From<ConversationSettings> for ConversationSettingsView {
    fn from(settings: ConversationSettings) -> Self {
        Self {
            group_scope: word(&SCOPES, &settings.group_scope),
            idle_timeout_minutes: settings.idle_timeout.as_secs() / 60,
            busy: word(&BUSY, &settings.busy),
            merge_window_ms: u64::try_from(settings.merge_window.as_millis()).unwrap_or(u64::MAX),
            stale_after_minutes: settings.stale_after.as_secs() / 60,
            stale: word(&STALE, &settings.stale),
        }
    }
}
