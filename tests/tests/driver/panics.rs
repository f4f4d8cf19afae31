//! Panics in what one conversation calls: caught, counted, and nobody else's trouble.

use std::time::Duration;

use switchboard_domain::outcome::FailureCause;
use switchboard_ports::conversations::Commit;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn panics(world: &World) -> u64 {
    world.counters.sum("switchboard_alarms_total", &["kind=panic"])
}

/// Ann's conversation is the one in trouble; Bob's must not notice.
async fn both_ask(process: &Process<'_>) {
    process.set_up().await;
    process.says("ann", "poison").await;
    process.says("bob", "hello").await;
}

fn bob_is_fine(world: &World) {
    assert_eq!(world.platform.finals_in("chat-bob"), ["answer to <hello>"]);
    let asked = world.agent.questions().iter().filter(|question| *question == "hello").count();
    assert_eq!(asked, 1, "the other conversation was untouched");
}

/// An agent whose code panics each time: asked twice, as an agent whose stream is cut, then one sentence.
#[test]
fn an_agent_that_panics_each_time_ends_its_message_once() {
    let world = World::new(1);
    world.agent.script(|request, _| match request.text.as_str() {
        "poison" => Act::Panic,
        text => Act::Say(answer_to(text), Duration::ZERO),
    });
    world
        .process(|process| async move {
            both_ask(&process).await;
            process.finals(2).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await.len(), 1);
            process.says("ann", "hello again").await;
            process.finals(3).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals_in("chat-ann").len(), 2, "one sentence, then an answer");
    assert_eq!(world.agent.questions().iter().filter(|question| *question == "poison").count(), 2);
    assert_eq!(panics(&world), 2, "each is counted");
    bob_is_fine(&world);
}

/// A platform whose code panics at card calls: of unknown fate each, so that the answer comes as text.
#[test]
fn a_platform_that_panics_at_cards_gets_the_answer_out_as_text() {
    let world = World::new(2);
    world.platform.rule(|call, text, _| match call {
        Call::Update | Call::Finish if text.contains("poison") => Fate::Panic,
        Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
    });
    world
        .process(|process| async move {
            both_ask(&process).await;
            process.finals(1).await;
            process.wait(SECS(7_200)).await;
            assert_eq!(
                process.failures().await,
                [FailureCause::CardAbandoned],
                "tried for an hour, as always"
            );
        })
        .unwrap();
    assert!(panics(&world) > 3);
    assert_eq!(world.platform.finals_in("chat-ann"), [""; 0]);
    bob_is_fine(&world);
}

/// A platform whose code panics at a plain message: nobody knows whether it arrived, and it is known at once.
#[test]
fn a_platform_that_panics_at_a_message_leaves_one_of_unknown_fate() {
    let world = World::new(3);
    world.platform.cards_on(false);
    world.platform.rule(|_, text, _| if text.contains("poison") { Fate::Panic } else { Fate::Do });
    world
        .process(|process| async move {
            both_ask(&process).await;
            process.finals(1).await;
            process.wait(SECS(5)).await;
            assert_eq!(process.failures().await, [FailureCause::DeliveryUnknown]);
            let before = process.world.clock_millis();
            process.driver.stop(SECS(20)).await;
            assert!(process.world.clock_millis() - before < 1_000, "nothing is waited for");
        })
        .unwrap();
    assert_eq!(panics(&world), 1);
    bob_is_fine(&world);
}

/// A store whose code panics at what one answer leaves behind: gone on with from the store as after a crash, and after three
/// of them there is a record and one sentence.
#[test]
fn a_store_that_panics_at_every_end_of_a_turn_ends_it_like_crashes_do() {
    let world = World::new(4);
    let is_poison = |commit: &Commit| commit.transcript.iter().any(|line| line.text == "answer to <poison>");
    world.store.panics_at(is_poison);
    world
        .process(|process| async move {
            both_ask(&process).await;
            process.finals(2).await;
            assert_eq!(process.failures().await, [FailureCause::CrashLoop]);
            process.wait(SECS(600)).await;
            process.says("ann", "hello again").await;
            process.finals(3).await;
        })
        .unwrap();
    let ann = world.platform.finals_in("chat-ann");
    assert_eq!((ann.len(), ann[1].as_str()), (2, "answer to <hello again>"), "one sentence, then an answer");
    assert_eq!(panics(&world), 4, "the first try and three more");
    assert_eq!(world.platform.cards().len(), 3, "all on one card");
    bob_is_fine(&world);
}

/// A store whose code panics while a conversation is read: nothing has begun, so nothing counts; the scan tries again, at its
/// own pace, until it works.
#[test]
fn a_store_that_panics_at_looks_is_asked_again_at_the_pace_of_the_scan() {
    let world = World::new(5);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.panics_at_loads(10);
            process.says("ann", "hello").await;
            process.wait(SECS(10)).await;
            assert!((4..8).contains(&panics(process.world)), "{}", panics(process.world));
            process.finals(1).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!((panics(&world), world.platform.finals()), (10, vec!["answer to <hello>".to_owned()]));
}

/// A message that kills its conversation's task again and again does not keep those behind it.
#[test]
fn messages_behind_one_that_panics_are_answered_in_order() {
    let world = World::new(6);
    world.store.panics_at(|commit| commit.transcript.iter().any(|line| line.text == "answer to <poison>"));
    world
        .process(|process| async move {
            process.set_up().await;
            for text in ["poison", "one", "two"] {
                process.says("ann", text).await;
            }
            process.finals(3).await;
            assert_eq!(process.failures().await, [FailureCause::CrashLoop]);
        })
        .unwrap();
    assert_eq!(world.platform.finals()[1..], ["answer to <one>", "answer to <two>"]);
}

/// A connection whose code panics is one that was lost: the channel knows at once, and is back at once.
#[test]
fn a_connection_that_panics_is_replaced() {
    let world = World::new(7);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.platform.panics_at_connections(1);
            process.wait(SECS(6)).await;
            process.connected().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
        })
        .unwrap();
    assert_eq!((panics(&world), world.platform.connections().1), (1, 2));
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}
