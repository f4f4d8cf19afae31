//! Channels and agents with every setting that there is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, json};
use switchboard_domain::access::Names;
use switchboard_domain::choice::AllowList;
use switchboard_domain::ids::{AgentId, ChannelId, UserId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::{
    AccessSettings, Busy, ConversationSettings, GroupPolicy, GroupScope, Locale, MappingMode, OnMiss,
    PeopleList, PrivacySettings, Remember, Switchers, SwitchingSettings, TurnLimits, UserMapping,
    UsersPolicy,
};
use switchboard_domain::time::Timestamp;

use crate::agents::{AgentConfig, AgentIdentity, AgentMode, IdentityToken};
use crate::channels::Channel;
use crate::conformance::FakeClock;
use crate::directory::{Directories, DirectorySettings};

/// A channel with everything in it.
#[must_use]
pub fn channel(id: &str, name: &str) -> Channel {
    Channel {
        id: ChannelId::new(id),
        name: name.to_owned(),
        platform: "dingtalk".to_owned(),
        enabled: true,
        default_agent: Some(AgentId::new("agt_1")),
        default_model: Some("model".to_owned()),
        locale: Locale::ZhCn,
        config: json!({ "client_id": "ding1", "card": { "enabled": true, "width": 3 } }),
        secrets: BTreeMap::from([("/client_secret".to_owned(), Secret::new("s3cr3t 密"))]),
        user_mapping: UserMapping::default(),
        directories: Directories::default(),
        switching: SwitchingSettings::default(),
        conversation: ConversationSettings::default(),
        access: AccessSettings::default(),
        privacy: PrivacySettings::default(),
        managed_by_file: false,
        version: Version(1),
        created_at: FakeClock::START,
        updated_at: FakeClock::START,
    }
}

/// An agent with everything in it.
#[must_use]
pub fn agent(id: &str, name: &str) -> AgentConfig {
    AgentConfig {
        id: AgentId::new(id),
        name: name.to_owned(),
        kind: "openai-chat".to_owned(),
        base_url: "https://agent.invalid/v1".to_owned(),
        api_key: Secret::new("sk-s3cr3t"),
        model: Some("model".to_owned()),
        models: AllowList::default(),
        system_prompt: Some("Answer briefly. 请简短回答。".to_owned()),
        headers: BTreeMap::from([("X-Tenant".to_owned(), Secret::new("t1"))]),
        extra_body: Map::from_iter([("temperature".to_owned(), json!(0.5))]),
        stream: true,
        mode: AgentMode::Auto,
        identity: AgentIdentity::default(),
        connect_timeout: Duration::from_millis(1_500),
        limits: TurnLimits::default(),
        history_messages_max: 20,
        history_chars_max: 8_000,
        managed_by_file: true,
        version: Version(1),
        created_at: FakeClock::START,
        updated_at: FakeClock::START,
    }
}

/// Channels that differ from [`channel`] in every choice there is.
#[must_use]
pub fn channel_variants() -> Vec<Channel> {
    let mapping =
        |mode, on_miss| UserMapping { mode, on_miss, email_template: "{user_id}@example.invalid".to_owned() };
    let conversation = |group_scope, busy, idle| ConversationSettings {
        group_scope,
        idle_timeout: Duration::from_millis(idle),
        busy,
        ..ConversationSettings::default()
    };
    let access = |groups, messages_per_minute| AccessSettings {
        groups,
        messages_per_minute,
        ..AccessSettings::default()
    };
    vec![
        Channel {
            enabled: false,
            default_agent: None,
            default_model: None,
            locale: Locale::En,
            config: json!({}),
            secrets: BTreeMap::new(),
            user_mapping: mapping(MappingMode::MatchUsername, OnMiss::Reject),
            conversation: conversation(GroupScope::Shared, Busy::Interrupt, 1),
            access: access(GroupPolicy::Off, 0),
            managed_by_file: true,
            ..channel("chn_1", "one")
        },
        Channel {
            secrets: BTreeMap::from([
                ("/a".to_owned(), Secret::new("")),
                ("/b/c".to_owned(), Secret::new("x")),
            ]),
            user_mapping: mapping(MappingMode::MatchEmail, OnMiss::Create),
            conversation: conversation(GroupScope::PerUser, Busy::Reject, 86_400_000),
            access: access(GroupPolicy::MentionOnly, u32::MAX),
            updated_at: Timestamp::from_millis(1_800_000_000_001),
            ..channel("chn_2", "two")
        },
        Channel {
            user_mapping: mapping(MappingMode::FixedUser(UserId::new("usr_9")), OnMiss::Reject),
            ..channel("chn_3", "three 三")
        },
    ]
}

/// A channel that is not for everybody, and forgets.
#[must_use]
pub fn channel_with_lists() -> Channel {
    let names = |names: &[&str]| Names::new(names.iter().map(ToString::to_string).collect());
    let list = |users: &[&str], departments: &[&str], groups: &[&str]| PeopleList {
        users: names(users),
        departments: names(departments),
        groups: names(groups),
    };
    Channel {
        access: AccessSettings {
            users: UsersPolicy::MappedOnly,
            groups: GroupPolicy::AllMessages,
            allow: list(&["Ann@example.invalid", "usr_1"], &["Sales 销售"], &["cid=="]),
            deny: list(&["usr_2"], &[], &[]),
            messages_per_minute: 7,
            channel_messages_per_minute: 600,
        },
        privacy: PrivacySettings { transcript_days: 30, store_transcripts: false },
        ..channel("chn_8", "eight")
    }
}

/// A channel that asks directories.
#[must_use]
pub fn channel_with_directories() -> Channel {
    let directory = |name: &str, kind: &str, secrets| DirectorySettings {
        name: name.to_owned(),
        kind: kind.to_owned(),
        config: json!({ "url": "https://directory.invalid/" }),
        secrets,
    };
    let secrets = BTreeMap::from([("/bind_password".to_owned(), Secret::new("s3cr3t 密"))]);
    Channel {
        user_mapping: UserMapping { mode: MappingMode::Directory, ..UserMapping::default() },
        directories: Directories {
            chain: vec![directory("corp", "ldap", secrets), directory("erp", "http", BTreeMap::new())],
            cache_ttl: Duration::from_mins(1),
            miss_ttl: Duration::from_secs(1),
        },
        ..channel("chn_5", "five")
    }
}

/// Channels with every way of choosing agents in the chat.
#[must_use]
pub fn channels_that_switch() -> Vec<Channel> {
    let switching = |who, remember| SwitchingSettings {
        who,
        agents: vec![AgentId::new("agt_1"), AgentId::new("agt_2")],
        remember,
    };
    let listed = Switchers::Listed(vec![UserId::new("usr_9")]);
    vec![
        Channel { switching: switching(listed, Remember::User), ..channel("chn_6", "six") },
        Channel {
            switching: switching(Switchers::Nobody, Remember::Conversation),
            conversation: ConversationSettings {
                merge_window: Duration::from_millis(1_500),
                ..ConversationSettings::default()
            },
            ..channel("chn_7", "seven")
        },
    ]
}

pub(super) fn all_channels() -> Vec<Channel> {
    let newer = channels_that_switch().into_iter().chain([channel_with_directories(), channel_with_lists()]);
    channel_variants().into_iter().chain(newer).collect()
}

/// An agent that is told who asks.
#[must_use]
pub fn agent_with_identity() -> AgentConfig {
    let token = IdentityToken {
        secret: Secret::new("0123456789abcdef0123456789abcdef 密"),
        header: "X-Who".to_owned(),
        issuer: "switchboard".to_owned(),
        audience: Some("tools".to_owned()),
        lifetime: Duration::from_mins(1),
    };
    let identity = AgentIdentity { metadata: true, email: true, department: true, token: Some(token) };
    AgentConfig { identity, ..agent("agt_5", "five") }
}

/// Agents that differ from [`agent`] in every choice there is.
#[must_use]
pub fn agent_variants() -> Vec<AgentConfig> {
    vec![
        AgentConfig {
            kind: "echo".to_owned(),
            base_url: String::new(),
            api_key: Secret::default(),
            model: None,
            system_prompt: None,
            headers: BTreeMap::new(),
            extra_body: Map::new(),
            stream: false,
            mode: AgentMode::Stream,
            managed_by_file: false,
            limits: TurnLimits {
                first_output_timeout: Duration::from_millis(1),
                idle_timeout: Duration::from_millis(2),
                turn_timeout: Duration::from_millis(3),
                output_chars_max: 4,
            },
            ..agent("agt_1", "one")
        },
        AgentConfig { mode: AgentMode::Poll, ..agent("agt_2", "two 二") },
    ]
}
