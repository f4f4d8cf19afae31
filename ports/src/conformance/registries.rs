//! The suites of `ChannelStore` and `AgentStore`, which promise the same, method by method.

mod variety;

use std::sync::Arc;

use self::variety::all_channels;
pub use self::variety::{
    agent, agent_variants, agent_with_identity, channel, channel_variants, channel_with_directories,
    channel_with_lists, channels_that_switch,
};
use crate::agents::AgentStore;
use crate::channels::ChannelStore;
use crate::conformance::Stores;

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
