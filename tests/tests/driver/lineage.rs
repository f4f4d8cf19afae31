//! A store whose server is replaced by another one: what is in memory is looked at again, and what was lost is given again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use switchboard::runtime::Settings;
use switchboard_adapters::stores;
use switchboard_ports::clock::Clock;
use switchboard_ports::conversations::ConversationStore;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::store::Verb;
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// One that has got nothing.
fn empty(world: &World) -> Arc<dyn ConversationStore> {
    stores::memory(Arc::clone(&world.clock) as Arc<dyn Clock>).conversations
}

/// An agent that takes its time.
fn slowly(world: &World) {
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(2)));
}

async fn asked(process: &Process<'_>, count: usize) {
    process.until("the agent is asked", || process.world.agent.questions().len() >= count).await;
}

#[test]
fn a_server_that_comes_back_with_everything_has_nobody_asked_again() {
    let world = World::new(21);
    slowly(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            asked(&process, 1).await;
            process.world.store.fail_over(None);
            process.says("ann", "two").await;
            process.finals(2).await;
            process.wait(SECS(30)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.agent.questions(), ["one", "two"]);
    assert_eq!(world.platform.finals(), ["answer to <one>", "answer to <two>"]);
}

#[test]
fn what_is_being_answered_and_what_waits_is_given_to_a_server_that_has_lost_it() {
    let world = World::new(22);
    slowly(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            asked(&process, 1).await;
            process.says("ann", "two").await;
            process.wait(SECS(1)).await;
            process.world.store.fail_over(Some(empty(process.world)));
            process.finals(2).await;
            process.wait(SECS(30)).await;
            assert_eq!(process.failures().await, []);
            assert!(process.world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
        })
        .unwrap();
    assert_eq!(world.agent.questions(), ["one", "one", "two"]);
    assert_eq!(world.platform.finals(), ["answer to <one>", "answer to <two>"]);
}

/// Its place in the inbox is the one that a lost message had.
#[test]
fn a_message_that_comes_after_the_loss_is_not_taken_for_an_earlier_one() {
    let world = World::new(23);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.finals(1).await;
            process.world.store.fail_over(Some(empty(process.world)));
            process.says("ann", "two").await;
            process.finals(2).await;
            process.says("ann", "three").await;
            process.finals(3).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <one>", "answer to <two>", "answer to <three>"]);
    assert_eq!(world.agent.questions(), ["one", "two", "three"]);
}

/// The lost one is being answered while another one gets its place: neither ends the other.
#[test]
fn of_two_messages_of_one_place_each_is_answered() {
    let world = World::new(24);
    slowly(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            asked(&process, 1).await;
            process.world.store.fail_over(Some(empty(process.world)));
            process.says("ann", "two").await;
            process.finals(2).await;
            process.wait(SECS(30)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let mut finals = world.platform.finals();
    finals.sort();
    assert_eq!(finals, ["answer to <one>", "answer to <two>"]);
}

/// Its end is decided, and not written yet, when the server is replaced; another message has its place by then.
#[test]
fn an_end_that_was_to_be_written_ends_no_message_that_came_since() {
    let world = World::new(25);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.away(&[Verb::Commit]);
            process.says("ann", "one").await;
            // Its answer is whole, and waits for its commit.
            process.wait(SECS(2)).await;
            process.world.store.fail_over(Some(empty(process.world)));
            process.says("ann", "two").await;
            process.world.store.away(&[]);
            process.finals(2).await;
            process.wait(SECS(30)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let mut finals = world.platform.finals();
    finals.sort();
    assert_eq!(finals, ["answer to <one>", "answer to <two>"]);
}

/// Longer than leases last, so that partitions may be anybody's when it is over.
#[test]
fn replicas_that_could_not_reach_the_store_for_long_give_it_what_it_has_lost() {
    let world = World::new(26);
    world.set_up().now_or_never().expect("memory answers at once");
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(5)));
    let people = ["ann", "bob", "cid", "dan", "eve", "fay"];
    world.pair(&Settings::of_shared_store(), async |pair| {
        pair.until("both are connected", || pair.holders().len() == 2).await;
        for person in people {
            pair.says(person, "hello").await;
        }
        pair.wait(SECS(2)).await;
        pair.world.store.away(&Verb::ALL);
        pair.wait(SECS(45)).await;
        pair.world.store.fail_over(Some(empty(pair.world)));
        pair.world.store.away(&[]);
        pair.answered(people.len()).await;
        pair.wait(SECS(30)).await;
    });
    assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
    assert_eq!(world.platform.finals().len(), people.len());
}
