//! Two replicas behind one address: what was changed through one of them is asked of the other one a moment later, which has
//! heard nothing of it.

use std::time::Duration;

use futures_util::FutureExt;
use switchboard::runtime::Settings;
use switchboard::runtime::operations::{ChannelStatus, Operations, RuntimeEvent};
use switchboard_domain::ids::{ChannelId, ConversationKey, MessageId};
use switchboard_domain::inbox::Control;
use switchboard_domain::message::{Chat, ChatKind};
use switchboard_domain::outbound::Format;
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::conformance::samples;
use switchboard_ports::conversations::ConversationStore;
use switchboard_ports::messages::{Given, NewMessage};
use switchboard_ports::provider::CheckResult;
use switchboard_tests::world::{Pair, World, channel_config};
use tokio::sync::broadcast::Receiver;

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// Both are connected, and the second one hears nothing.
fn side_by_side(scenario: impl AsyncFnOnce(Pair<'_>)) {
    let world = World::new(5);
    world.platform.takes_secret("secret");
    world.set_up().now_or_never().expect("memory answers at once");
    world.pair(&Settings::of_shared_store(), async |pair| {
        pair.until("both are connected", || pair.holders().len() == 2).await;
        pair.deafen(1);
        scenario(pair).await;
    });
}

fn first() -> ChannelId {
    ChannelId::new("chn_1")
}

fn second() -> ChannelId {
    ChannelId::new("chn_2")
}

/// A channel that somebody has made this instant.
async fn made(pair: &Pair<'_>) -> Channel {
    let made =
        Channel { id: second(), name: "another bot".to_owned(), ..channel_config(Timestamp::default()) };
    pair.world.stores().channels.insert(&made).await.unwrap();
    made
}

async fn changed(pair: &Pair<'_>, change: impl FnOnce(&mut Channel)) -> Channel {
    let channels = &pair.world.stores().channels;
    let mut channel = channels.find(&first()).await.unwrap().unwrap();
    let before = channel.version;
    change(&mut channel);
    channel.version = channels.update(&channel, before).await.unwrap();
    channel
}

/// As it is asked over HTTP.
async fn status(pair: &Pair<'_>, stored: &Channel) -> Option<ChannelStatus> {
    pair.driver(1).take_in(std::slice::from_ref(stored)).await.unwrap();
    pair.driver(1).statuses(std::slice::from_ref(&stored.id)).await.pop()
}

async fn tested(pair: &Pair<'_>, channel: &ChannelId) -> Option<Vec<CheckResult>> {
    let checks = pair.driver(1).preflight(channel).await.unwrap()?;
    Some(checks.into_iter().map(|check| check.result).collect())
}

#[test]
fn a_test_goes_by_the_settings_that_are_stored() {
    side_by_side(async |pair| {
        assert_eq!(tested(&pair, &first()).await, Some(vec![CheckResult::Ok]));
        let wrong = ("/secret".to_owned(), Secret::new("wrong"));
        changed(&pair, |channel| channel.secrets.extend([wrong])).await;
        assert_eq!(tested(&pair, &first()).await, Some(vec![CheckResult::Failed]));
        assert_eq!(tested(&pair, &second()).await, None);
        made(&pair).await;
        assert_eq!(tested(&pair, &second()).await, Some(vec![CheckResult::Ok]));
        pair.world.stores().channels.delete(&second()).await.unwrap();
        assert_eq!(tested(&pair, &second()).await, None);
    });
}

/// Whatever the draft says of itself: with the same app its limits would be those of the channel that runs.
#[test]
fn settings_that_are_only_tested_are_in_force_nowhere() {
    side_by_side(async |pair| {
        let stored = pair.world.stores().channels.find(&first()).await.unwrap().unwrap();
        assert!(stored.enabled);
        let checks = pair.driver(1).preflight_of(stored).await.unwrap();
        assert_eq!(checks.len(), 1);
        assert_eq!(pair.world.platform.tested(), [false]);
        assert!(tested(&pair, &first()).await.is_some());
        assert_eq!(pair.world.platform.tested(), [false, true]);
    });
}

#[test]
fn a_status_is_that_of_the_settings_that_are_stored() {
    side_by_side(async |pair| {
        let made = made(&pair).await;
        let told = status(&pair, &made).await.unwrap();
        assert_ne!(told.status, "disabled");
        let off = changed(&pair, |channel| channel.enabled = false).await;
        let told = status(&pair, &off).await.unwrap();
        let ours = told.replicas.iter().find(|row| row.replica.as_str() == pair.driver(1).replica().as_str());
        assert_eq!(ours.unwrap().status, "disabled");
        let on = changed(&pair, |channel| channel.enabled = true).await;
        assert_ne!(status(&pair, &on).await.unwrap().status, "disabled");
    });
}

#[test]
fn a_restart_finds_a_channel_that_was_just_made_or_enabled() {
    side_by_side(async |pair| {
        made(&pair).await;
        assert!(pair.driver(1).restart(&second()).await.unwrap());
        changed(&pair, |channel| channel.enabled = false).await;
        assert!(!pair.driver(1).restart(&first()).await.unwrap());
        changed(&pair, |channel| channel.enabled = true).await;
        assert!(pair.driver(1).restart(&first()).await.unwrap());
    });
}

#[test]
fn a_message_is_taken_for_a_channel_that_was_just_made() {
    side_by_side(async |pair| {
        made(&pair).await;
        let chat = Chat { id: "chat-ann".to_owned(), kind: ChatKind::Private, title: None };
        let message = NewMessage {
            id: MessageId::new("msg_1"),
            key: ConversationKey { channel: second(), chat: chat.id.clone(), member: None },
            chat,
            person: Some("ann".to_owned()),
            text: "hello".to_owned(),
            format: Format::Text,
            fingerprint: String::new(),
        };
        let given = pair.driver(1).send(message).await.unwrap();
        assert!(matches!(given, Some(Given::Now { .. })), "{given:?}");
        pair.until("it is seen", || pair.world.platform.finals() == ["hello"]).await;
    });
}

#[test]
fn a_conversation_of_a_channel_that_was_just_made_is_controlled_and_its_author_tried() {
    side_by_side(async |pair| {
        made(&pair).await;
        let key = samples::key_on("chn_2", "chat-ann");
        pair.world.store.accept(samples::ask(&key, "m1", "hello")).await.unwrap();
        let sender = pair.world.message("ann", "hello").sender;
        assert!(pair.driver(1).control(&key.id(), Control::New).await.unwrap());
        made_again(&pair).await;
        assert!(pair.driver(1).try_mapping(&second(), sender).await.unwrap().is_some());
    });
}

/// One that this replica does not know, under the id of one that it did.
async fn made_again(pair: &Pair<'_>) {
    pair.world.stores().channels.delete(&second()).await.unwrap();
    assert_eq!(tested(pair, &second()).await, None);
    made(pair).await;
}

/// Statuses of the channel that were told meanwhile: how many replicas have a row in each.
fn rows_told(events: &mut Receiver<RuntimeEvent>) -> Vec<usize> {
    let told = std::iter::from_fn(|| events.try_recv().ok());
    let rows = told.filter_map(|event| match event {
        RuntimeEvent::ChannelStatus(status) => Some(status.replicas.len()),
        RuntimeEvent::TurnStarted { .. }
        | RuntimeEvent::TurnFinished { .. }
        | RuntimeEvent::Failure { .. } => None,
    });
    rows.collect()
}

#[test]
fn whoever_watches_a_replica_is_told_that_another_one_has_gone_or_come() {
    side_by_side(async |pair| {
        pair.wait(SECS(10)).await;
        let mut events = pair.driver(0).events();
        pair.cut_off(1);
        pair.wait(SECS(10)).await;
        assert_eq!(rows_told(&mut events).last(), Some(&1));
        pair.mend(1);
        pair.wait(SECS(10)).await;
        assert_eq!(rows_told(&mut events).last(), Some(&2));
    });
}

/// What it said before is forgotten by then, and what has not changed since is said again.
#[test]
fn replicas_that_were_asleep_for_long_show_all_their_rows_again() {
    side_by_side(async |pair| {
        pair.enable(0, false).await;
        pair.wait(SECS(10)).await;
        assert_eq!(pair.status(0).await.replicas.len(), 2);
        pair.world.clock.pass(SECS(60));
        pair.wait(SECS(10)).await;
        assert_eq!(pair.status(0).await.replicas.len(), 2);
    });
}

#[test]
fn a_replica_that_is_cut_off_does_not_say_who_lives_and_answers_for_itself() {
    side_by_side(async |pair| {
        assert_eq!(pair.driver(0).replicas().unwrap().len(), 2);
        pair.cut_off(0);
        pair.wait(SECS(30)).await;
        assert_eq!(pair.driver(0).replicas(), None);
        assert_eq!(pair.driver(1).replicas().unwrap().len(), 1);
        let here = pair.driver(0).statuses_here();
        let (channel, status) = &here[0];
        assert_eq!((&channel.id, here.len(), status.replicas.len()), (&first(), 1, 1));
        assert_eq!(status.last_error.as_ref().unwrap().code.as_str(), "store_unavailable");
        let begun = pair.world.clock_millis();
        pair.driver(0).statuses(&[first()]).await;
        assert!(pair.world.clock_millis() - begun <= 2_000);
    });
}
