//! The record of a channel.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard_domain::ids::{AgentId, ChannelId, UserId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::{
    Busy, ConversationSettings, GroupScope, Locale, MappingMode, OnMiss, PrivacySettings, Stale,
    SwitchingSettings, UserMapping,
};
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::directory::Directories;
use switchboard_ports::error::StoreError;

use super::access::AccessRecord;
use super::asked::DirectoriesRecord;
use super::switching::SwitchingRecord;
use super::{Record, Row, millis, mirrored};

/// A channel; its id is the row's key, its version a column.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct ChannelRecord {
    name: String,
    platform: String,
    enabled: bool,
    default_agent: Option<String>,
    default_model: Option<String>,
    locale: LocaleRecord,
    config: Value,
    secrets_sealed: BTreeMap<String, String>,
    user_mapping: MappingRecord,
    // Format 2 added it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directories: Option<DirectoriesRecord>,
    // Format 3 added it; not written where it is as ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    switching: Option<SwitchingRecord>,
    conversation: ConversationSettingsRecord,
    access: AccessRecord,
    // Since `RULES_SINCE`; not written where nothing is forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    privacy: Option<PrivacyRecord>,
    managed_by_file: bool,
    created_at: u64,
    updated_at: u64,
}

/// The format that added directories.
const DIRECTORIES_SINCE: u32 = 2;
/// The format that added who may choose agents.
const SWITCHING_SINCE: u32 = 3;
/// The format that added lists of access and privacy.
const RULES_SINCE: u32 = 4;

impl Record for ChannelRecord {
    const VERSION: u32 = 4;
    const OLDEST: u32 = 1;

    /// Directories and lists decide about access, switching about who may choose agents, and privacy about what is forgotten: who
    /// does not know them must not read, and lose, a channel that has some.
    fn since(&self) -> u32 {
        if self.privacy.is_some() || self.access.has_rules() {
            RULES_SINCE
        } else if self.switching.is_some() {
            SWITCHING_SINCE
        } else if self.directories.is_some() || matches!(self.user_mapping.mode, ModeRecord::Directory) {
            DIRECTORIES_SINCE
        } else {
            1
        }
    }
}

mirrored!(LocaleRecord = Locale { En, ZhCn });

#[derive(Debug, Serialize, Deserialize)]
struct MappingRecord {
    mode: ModeRecord,
    on_miss: OnMissRecord,
    email_template: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModeRecord {
    AutoCreate,
    MatchUsername,
    MatchEmail,
    FixedUser(String),
    // Format 2 added it.
    Directory,
}

mirrored!(OnMissRecord = OnMiss { Create, Reject });

#[derive(Debug, Serialize, Deserialize)]
struct ConversationSettingsRecord {
    group_scope: GroupScopeRecord,
    idle_timeout_ms: u64,
    busy: BusyRecord,
    // Not written where they are as ever, so that what older programs wrote and what they read stays the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    merge_window_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stale_after_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stale: Option<StaleRecord>,
}

impl From<ConversationSettings> for ConversationSettingsRecord {
    fn from(from: ConversationSettings) -> Self {
        let usual = ConversationSettings::default();
        Self {
            group_scope: from.group_scope.into(),
            idle_timeout_ms: millis(from.idle_timeout),
            busy: from.busy.into(),
            merge_window_ms: (!from.merge_window.is_zero()).then(|| millis(from.merge_window)),
            stale_after_ms: (from.stale_after != usual.stale_after).then(|| millis(from.stale_after)),
            stale: (from.stale != usual.stale).then(|| from.stale.into()),
        }
    }
}

impl From<ConversationSettingsRecord> for ConversationSettings {
    fn from(from: ConversationSettingsRecord) -> Self {
        let usual = Self::default();
        Self {
            group_scope: from.group_scope.into(),
            idle_timeout: Duration::from_millis(from.idle_timeout_ms),
            busy: from.busy.into(),
            merge_window: from.merge_window_ms.map_or(usual.merge_window, Duration::from_millis),
            stale_after: from.stale_after_ms.map_or(usual.stale_after, Duration::from_millis),
            stale: from.stale.map_or(usual.stale, Into::into),
        }
    }
}

mirrored!(GroupScopeRecord = GroupScope { PerUser, Shared });
mirrored!(BusyRecord = Busy { Queue, Interrupt, Reject });
mirrored!(StaleRecord = Stale { Answer, Note, Skip });

#[derive(Debug, Serialize, Deserialize)]
struct PrivacyRecord {
    transcript_days: u32,
    store_transcripts: bool,
}

impl From<PrivacySettings> for PrivacyRecord {
    fn from(from: PrivacySettings) -> Self {
        Self { transcript_days: from.transcript_days, store_transcripts: from.store_transcripts }
    }
}

impl From<PrivacyRecord> for PrivacySettings {
    fn from(from: PrivacyRecord) -> Self {
        Self { transcript_days: from.transcript_days, store_transcripts: from.store_transcripts }
    }
}

impl ChannelRecord {
    /// Seals a channel for its row.
    pub(in crate::stores) fn seal(from: &Channel, row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            name: from.name.clone(),
            platform: from.platform.clone(),
            enabled: from.enabled,
            default_agent: from.default_agent.as_ref().map(AgentId::to_string),
            default_model: from.default_model.clone(),
            locale: from.locale.into(),
            config: from.config.clone(),
            secrets_sealed: seal_all(&from.secrets, row, "secrets")?,
            user_mapping: (&from.user_mapping).into(),
            directories: DirectoriesRecord::seal(&from.directories, row)?,
            switching: (from.switching != SwitchingSettings::default())
                .then(|| SwitchingRecord::from(&from.switching)),
            conversation: from.conversation.into(),
            access: (&from.access).into(),
            privacy: from.privacy.forgets().then(|| from.privacy.into()),
            managed_by_file: from.managed_by_file,
            created_at: from.created_at.as_millis(),
            updated_at: from.updated_at.as_millis(),
        })
    }

    /// Opens the channel of a row.
    pub(in crate::stores) fn open(self, version: Version, row: &Row<'_>) -> Result<Channel, StoreError> {
        Ok(Channel {
            id: ChannelId::new(row.key),
            name: self.name,
            platform: self.platform,
            enabled: self.enabled,
            default_agent: self.default_agent.map(AgentId::new),
            default_model: self.default_model,
            locale: self.locale.into(),
            config: self.config,
            secrets: open_all(self.secrets_sealed, row, "secrets")?,
            user_mapping: self.user_mapping.into(),
            directories: match self.directories {
                Some(directories) => directories.open(row)?,
                None => Directories::default(),
            },
            switching: self.switching.map(SwitchingSettings::from).unwrap_or_default(),
            conversation: self.conversation.into(),
            access: self.access.into(),
            privacy: self.privacy.map_or_else(PrivacySettings::default, Into::into),
            managed_by_file: self.managed_by_file,
            version,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }
}

/// Seals a map's values, each for its own place.
pub(super) fn seal_all(
    secrets: &BTreeMap<String, Secret>,
    row: &Row<'_>,
    field: &str,
) -> Result<BTreeMap<String, String>, StoreError> {
    let seal = |(name, secret): (&String, &Secret)| {
        let sealed = row.seal(&format!("{field}/{name}"), secret)?;
        Ok((name.clone(), sealed))
    };
    secrets.iter().map(seal).collect()
}

/// Opens what [`seal_all`] sealed.
pub(super) fn open_all(
    sealed: BTreeMap<String, String>,
    row: &Row<'_>,
    field: &str,
) -> Result<BTreeMap<String, Secret>, StoreError> {
    let open = |(name, sealed): (String, String)| {
        let secret = row.open(&format!("{field}/{name}"), &sealed)?;
        Ok((name, secret))
    };
    sealed.into_iter().map(open).collect()
}

impl From<&UserMapping> for MappingRecord {
    fn from(from: &UserMapping) -> Self {
        let mode = match &from.mode {
            MappingMode::AutoCreate => ModeRecord::AutoCreate,
            MappingMode::MatchUsername => ModeRecord::MatchUsername,
            MappingMode::MatchEmail => ModeRecord::MatchEmail,
            MappingMode::FixedUser(user) => ModeRecord::FixedUser(user.to_string()),
            MappingMode::Directory => ModeRecord::Directory,
        };
        Self { mode, on_miss: from.on_miss.into(), email_template: from.email_template.clone() }
    }
}

impl From<MappingRecord> for UserMapping {
    fn from(from: MappingRecord) -> Self {
        let mode = match from.mode {
            ModeRecord::AutoCreate => MappingMode::AutoCreate,
            ModeRecord::MatchUsername => MappingMode::MatchUsername,
            ModeRecord::MatchEmail => MappingMode::MatchEmail,
            ModeRecord::FixedUser(user) => MappingMode::FixedUser(UserId::new(user)),
            ModeRecord::Directory => MappingMode::Directory,
        };
        Self { mode, on_miss: from.on_miss.into(), email_template: from.email_template }
    }
}
