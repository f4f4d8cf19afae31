//! Deleting a channel: nothing is left open behind it.

use std::time::Duration;

use futures_util::FutureExt;
use switchboard::runtime::Settings;
use switchboard::runtime::operations::Operations;
use switchboard_domain::ids::{ChannelId, Partition};
use switchboard_domain::inbox::Control;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{FailureCause, Refusal};
use switchboard_domain::reply::CardOutcome;
use switchboard_domain::settings::Locale;
use switchboard_ports::provider::Ack;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::fakes::store::Verb;
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn first() -> ChannelId {
    ChannelId::new("chn_1")
}

fn slow(world: &World) {
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(20)));
}

async fn delete(process: &Process<'_>) {
    process.driver.withdraw(&first()).await.unwrap();
    process.world.stores().channels.delete(&first()).await.unwrap();
    process.driver.channel_changed(&first()).await.unwrap();
}

/// Running replies end with one sentence on their cards, what waits is refused with one, and nothing comes after.
#[test]
fn a_deleted_channel_leaves_no_card_open_and_nobody_waiting() {
    let world = World::new(1);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            for text in ["one", "two"] {
                process.says("ann", text).await;
            }
            process.says("bob", "three").await;
            process.wait(SECS(2)).await;
            let before = process.world.clock_millis();
            delete(&process).await;
            assert!(process.world.clock_millis() - before < 2_000, "at once");
            assert_eq!(process.world.platform.connections().0, 0);
            assert!(process.status_of(&first()).is_none());
            let ended = process.world.platform.finals();
            process.wait(SECS(120)).await;
            assert_eq!(process.world.platform.finals(), ended, "nothing comes after");
            assert_eq!(process.conversation("ann").await.waiting, 0);
        })
        .unwrap();
    let removed = Notice::ChannelDeleted.text(Locale::En);
    // What waits has a card that said so.
    let refused = Notice::Refused(Refusal::ChannelDeleted).text(Locale::En);
    let cards = world.platform.cards();
    let mut texts: Vec<_> =
        cards.values().filter(|card| card.finished).map(|card| card.text.clone()).collect();
    texts.sort();
    let mut expected = vec![removed.clone(), removed, refused.clone()];
    expected.sort();
    assert_eq!((texts, cards.len()), (expected, 3));
    assert_eq!(world.platform.finals().iter().filter(|text| **text == refused).count(), 1);
    assert_eq!(world.agent.closed_early(), 2);
}

/// What comes while a channel is being deleted is not taken in.
#[test]
fn a_message_that_comes_behind_the_deletion_is_not_acked() {
    let world = World::new(2);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.wait(SECS(2)).await;
            let late = process.world.platform.push(process.world.message("bob", "in time")).unwrap();
            let sink = process.world.platform.sink().unwrap();
            let behind = process.world.message("cid", "behind");
            let id = first();
            let (withdrawn, acks) = tokio::join!(process.driver.withdraw(&id), async {
                tokio::task::yield_now().await;
                (sink.offer(behind).await, late.await)
            });
            withdrawn.unwrap();
            assert_eq!(acks, (Ack::Withheld, Ack::Stored));
            assert_eq!(process.conversation("bob").await.waiting, 0, "what came in time is ended too");
        })
        .unwrap();
    assert!(world.platform.cards().values().all(|card| card.finished));
}

/// A deletion that the store did not allow leaves a channel that can be brought back.
#[test]
fn a_deletion_that_failed_leaves_a_channel_that_works() {
    let world = World::new(3);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.wait(SECS(2)).await;
            process.world.store.away(&[Verb::Accept]);
            assert!(process.driver.withdraw(&first()).await.is_err());
            process.world.store.away(&[]);
            process.wait(SECS(2)).await;
            process.driver.channel_changed(&first()).await.unwrap();
            process.wait(SECS(2)).await;
            assert_eq!(process.status().status, "connected");
            process.says("ann", "two").await;
            process.finals(2).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <one>", "answer to <two>"]);
}

/// Nobody takes in what is asked of a conversation whose channel is gone.
#[test]
fn a_conversation_without_a_channel_takes_no_control() {
    let world = World::new(4);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.finals(1).await;
            let id = process.conversation("ann").await.id;
            assert!(process.driver.control(&id, Control::New).await.unwrap());
            delete(&process).await;
            assert!(!process.driver.control(&id, Control::New).await.unwrap());
            assert_eq!(process.conversation("ann").await.waiting, 0);
        })
        .unwrap();
}

/// What an earlier process has left on its way is waited for as well, also where this one has not loaded it yet.
#[test]
fn a_channel_deleted_right_after_a_restart_leaves_no_card_open() {
    let world = World::new(9);
    world.platform.rule(|call, _, _| match call {
        // The end is stored, and the card knows nothing of it when the process dies.
        Call::Finish => Fate::Slow(SECS(5)),
        Call::Open | Call::Update | Call::Send(_) => Fate::Do,
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.until("it has ended", || process.world.platform.kinds().contains(&Call::Finish)).await;
            assert_eq!(process.conversation("ann").await.waiting, 0);
        })
        .unwrap();
    assert!(world.platform.cards().values().all(|card| !card.finished));
    world.platform.rule(|_, _, _| Fate::Do);
    world.clock.pass(SECS(60));
    world
        .process(|process| async move {
            delete(&process).await;
            process.wait(SECS(60)).await;
        })
        .unwrap();
    assert!(world.platform.cards().values().all(|card| card.finished), "{:?}", world.platform.cards());
}

/// How many conversations have something open in the store.
async fn open_count(process: &Process<'_>) -> usize {
    let mut count = 0;
    for partition in Partition::all() {
        count += process.world.stores().conversations.open(partition, None).await.unwrap().len();
    }
    count
}

/// A platform that takes nothing does not keep a channel from being deleted. A process that comes after that has no settings
/// to go on with: what was on its way has its record, and nothing stays open in the store.
#[test]
fn what_a_deletion_did_not_wait_for_ends_in_the_next_process_with_a_record() {
    let world = World::new(10);
    let nothing = Fate::Refuse(CardOutcome::Throttled { retry_after: SECS(2) });
    world.platform.rule(move |call, _, _| match call {
        Call::Finish | Call::Send(_) => nothing,
        Call::Open | Call::Update => Fate::Do,
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.until("it has ended", || process.world.platform.kinds().contains(&Call::Finish)).await;
            delete(&process).await;
            assert_eq!(open_count(&process).await, 1, "the process dies with an answer on its way");
        })
        .unwrap();
    world.platform.rule(|_, _, _| Fate::Do);
    let calls = world.platform.calls().len();
    world.clock.pass(SECS(60));
    world
        .process(|process| async move {
            process.wait(SECS(60)).await;
            assert_eq!(open_count(&process).await, 0);
            assert_eq!(process.failures().await, [FailureCause::DeliveryRefused]);
        })
        .unwrap();
    assert_eq!(world.platform.calls().len(), calls, "nobody could make a call");
}

/// Both replicas are deaf while it is deleted, and hear again at once when the store did not allow it.
#[test]
fn a_deletion_that_failed_leaves_no_replica_deaf() {
    let world = World::new(3);
    world.set_up().now_or_never().unwrap();
    world.pair(&Settings::of_shared_store(), async |pair| {
        let both = || pair.holders().len() == 2;
        pair.until("both are connected", both).await;
        pair.withdraw(0).await;
        pair.until("nobody is connected", || pair.holders().is_empty()).await;
        // Settings of others that change meanwhile bring nothing back.
        pair.driver(1).agent_changed().await;
        pair.driver(0).agent_changed().await;
        pair.wait(SECS(20)).await;
        assert!(pair.holders().is_empty());
        pair.end_deletion(0, false).await;
        let took = pair.until("both are connected again", both).await;
        assert!(took <= SECS(1), "{took:?}");
        pair.says("ann", "hello").await;
        pair.answered(1).await;
        pair.withdraw(1).await;
        pair.end_deletion(1, true).await;
        pair.wait(SECS(300)).await;
        assert!(pair.holders().is_empty());
    });
}

/// Nobody tells the other one that nothing came of it.
#[test]
fn a_replica_that_dies_while_it_deletes_leaves_a_channel_that_is_connected_again_by_itself() {
    let world = World::new(3);
    world.set_up().now_or_never().unwrap();
    world.pair(&Settings::of_shared_store(), async |pair| {
        pair.until("both are connected", || pair.holders().len() == 2).await;
        pair.withdraw(0).await;
        pair.kill(0);
        let took = pair.until("the other one is connected", || pair.holders() == [1]).await;
        assert!(took <= SECS(125), "{took:?}");
        pair.says("ann", "hello").await;
        pair.answered(1).await;
    });
}
