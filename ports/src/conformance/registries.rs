//! The suites of `ChannelStore` and `AgentStore`, which promise the same, method by method.

use std::collections::BTreeMap;
use std::sync::Arc;
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

use crate::agents::{AgentConfig, AgentIdentity, AgentMode, AgentStore, IdentityToken};
use crate::channels::{Channel, ChannelStore};
use crate::conformance::{FakeClock, Stores};
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

fn all_channels() -> Vec<Channel> {
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

fn channels(stores: Stores) -> Arc<dyn ChannelStore> {
    stores.channels
}

fn agents(stores: Stores) -> Arc<dyn AgentStore> {
    stores.agents
}

/// The cases, once per port.
macro_rules! registry_cases {
    ($(#[$doc:meta])* $suite:ident, $store:path, $sample:path, $variants:path, $id:ident) => {
        $(#[$doc])*
        pub mod $suite {
            use futures_util::future::join_all;
            use switchboard_domain::ids::{$id, Version};
            use switchboard_domain::time::Timestamp;

            use crate::conformance::Fixture;
            use crate::error::StoreError;

            /// Every choice and every secret, over a death too.
            pub async fn each_comes_back_as_it_was(mut fixture: impl Fixture) {
                let variants = $variants();
                for one in &variants {
                    assert_eq!($store(fixture.stores()).insert(one).await, Ok(()));
                }
                for after_a_death in [false, true] {
                    if after_a_death && !fixture.reopen().await {
                        return;
                    }
                    let store = $store(fixture.stores());
                    for one in &variants {
                        assert_eq!(store.find(&one.id).await.as_ref(), Ok(&Some(one.clone())));
                    }
                    let listed = store.list().await.unwrap();
                    assert_eq!(listed.len(), variants.len());
                    assert!(variants.iter().all(|one| listed.contains(one)));
                }
            }

            /// An answer, not an error.
            pub async fn what_is_not_there_is_not_found(fixture: impl Fixture) {
                let store = $store(fixture.stores());
                assert_eq!(store.find(&$id::new("nobody")).await, Ok(None));
                assert_eq!(store.list().await, Ok(vec![]));
            }

            /// Without regard to case.
            pub async fn the_list_is_in_name_order(fixture: impl Fixture) {
                let store = $store(fixture.stores());
                for (n, name) in ["beta", "Alpha", "客服", "gamma", "Delta"].into_iter().enumerate() {
                    store.insert(&$sample(&format!("x_{n}"), name)).await.unwrap();
                }
                let names: Vec<_> = store.list().await.unwrap().into_iter().map(|one| one.name).collect();
                assert_eq!(names, ["Alpha", "beta", "Delta", "gamma", "客服"]);
            }

            /// Names without regard to case, in every script; the id is looked at first.
            pub async fn a_taken_name_or_id_is_refused(fixture: impl Fixture) {
                let store = $store(fixture.stores());
                store.insert(&$sample("x_1", "Größe")).await.unwrap();
                let name = store.insert(&$sample("x_2", "gRÖße")).await;
                assert_eq!(name, Err(StoreError::Duplicate("name")));
                let id = store.insert(&$sample("x_1", "other")).await;
                assert_eq!(id, Err(StoreError::Duplicate("id")));
                let repeated = store.insert(&$sample("x_1", "Größe")).await;
                assert_eq!(repeated, Err(StoreError::Duplicate("id")));
                assert_eq!(store.list().await, Ok(vec![$sample("x_1", "Größe")]));
            }

            /// The version counts by one, whatever the caller wrote into the record.
            pub async fn an_update_counts_the_version(fixture: impl Fixture) {
                let store = $store(fixture.stores());
                store.insert(&$sample("x_1", "one")).await.unwrap();
                let mut changed = $sample("x_1", "renamed");
                changed.version = Version(77);
                changed.updated_at = Timestamp::from_millis(5);
                assert_eq!(store.update(&changed, Version(1)).await, Ok(Version(2)));
                changed.version = Version(2);
                assert_eq!(store.find(&changed.id).await, Ok(Some(changed.clone())));
                // The old name is free, its own is no obstacle.
                store.insert(&$sample("x_2", "one")).await.unwrap();
                assert_eq!(store.update(&changed, Version(2)).await, Ok(Version(3)));
            }

            /// Changed or deleted meanwhile.
            pub async fn an_update_of_another_version_is_a_conflict(fixture: impl Fixture) {
                let store = $store(fixture.stores());
                let one = $sample("x_1", "one");
                store.insert(&one).await.unwrap();
                for wrong in [0, 2, 9] {
                    let answer = store.update(&$sample("x_1", "renamed"), Version(wrong)).await;
                    assert_eq!(answer, Err(StoreError::Conflict));
                }
                assert_eq!(store.update(&$sample("x_9", "nine"), Version(1)).await, Err(StoreError::Conflict));
                assert_eq!(store.list().await, Ok(vec![one]));
            }

            /// And nothing is changed.
            pub async fn an_update_to_a_taken_name_is_refused(fixture: impl Fixture) {
                let store = $store(fixture.stores());
                store.insert(&$sample("x_1", "one")).await.unwrap();
                store.insert(&$sample("x_2", "two")).await.unwrap();
                let answer = store.update(&$sample("x_2", "ONE"), Version(1)).await;
                assert_eq!(answer, Err(StoreError::Duplicate("name")));
                assert_eq!(store.find(&$id::new("x_2")).await, Ok(Some($sample("x_2", "two"))));
                // Only the case of its own name changes.
                assert_eq!(store.update(&$sample("x_2", "TWO"), Version(1)).await, Ok(Version(2)));
            }

            /// Two editors.
            pub async fn of_updates_at_once_exactly_one_wins(fixture: impl Fixture) {
                let store = $store(fixture.stores());
                let one = $sample("x_1", "one");
                store.insert(&one).await.unwrap();
                let answers = join_all((0..5).map(|_| store.update(&one, Version(1)))).await;
                let won = answers.iter().filter(|answer| **answer == Ok(Version(2))).count();
                let lost = answers.iter().filter(|answer| **answer == Err(StoreError::Conflict)).count();
                assert_eq!((won, lost), (1, 4));
            }

            /// Then name and id are free.
            pub async fn deleting_is_repeatable(fixture: impl Fixture) {
                let store = $store(fixture.stores());
                let one = $sample("x_1", "one");
                store.insert(&one).await.unwrap();
                assert_eq!(store.delete(&one.id).await, Ok(true));
                assert_eq!(store.delete(&one.id).await, Ok(false));
                assert_eq!(store.find(&one.id).await, Ok(None));
                assert_eq!(store.insert(&one).await, Ok(()));
            }
        }
    };
}

registry_cases!(
    /// Channels.
    channels_suite, super::channels, super::channel, super::all_channels, ChannelId
);
registry_cases!(
    /// Agents.
    agents_suite, super::agents, super::agent, super::agent_variants, AgentId
);

/// One test per case of a registry's contract.
#[doc(hidden)]
#[macro_export]
macro_rules! __registry_suite {
    ($fresh:path; $suite:ident) => {
        $crate::__conformance_cases!($fresh; (registries::$suite);
            each_comes_back_as_it_was,
            what_is_not_there_is_not_found,
            the_list_is_in_name_order,
            a_taken_name_or_id_is_refused,
            an_update_counts_the_version,
            an_update_of_another_version_is_a_conflict,
            an_update_to_a_taken_name_is_refused,
            of_updates_at_once_exactly_one_wins,
            deleting_is_repeatable,
        );
    };
}

/// One test per case of the channel store's contract.
#[macro_export]
macro_rules! channel_store_suite {
    ($fresh:path) => {
        $crate::__registry_suite!($fresh; channels_suite);
    };
}

/// One test per case of the agent store's contract.
#[macro_export]
macro_rules! agent_store_suite {
    ($fresh:path) => {
        $crate::__registry_suite!($fresh; agents_suite);
    };
}
