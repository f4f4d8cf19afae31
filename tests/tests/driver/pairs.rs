//! Two replicas, one of which dies while answers run.

use std::time::Duration;

use futures_util::FutureExt;
use switchboard::runtime::Settings;
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::world::{Pair, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// People enough for each replica to have some of their conversations.
const PEOPLE: [&str; 12] =
    ["ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "lea"];

/// Twelve answers of twenty seconds are under way on two replicas.
fn with_answers_under_way(scenario: impl AsyncFnOnce(&Pair<'_>)) -> World {
    let world = World::new(9);
    world.set_up().now_or_never().unwrap();
    world.agent.script(|_, _| Act::Say((0..20).map(|n| format!("word{n} ")).collect(), SECS(1)));
    world.pair(&Settings::of_shared_store(), async |pair| {
        pair.until("both are connected", || pair.holders().len() == 2).await;
        for person in PEOPLE {
            pair.says(person, "hello").await;
        }
        pair.wait(SECS(3)).await;
        assert_eq!(pair.world.agent.asked().len(), PEOPLE.len(), "each is being answered");
        scenario(&pair).await;
    });
    world
}

/// The lease (10 s) and two seconds.
#[test]
fn a_conversation_whose_owner_dies_goes_on_within_the_lease_and_two_seconds() {
    with_answers_under_way(async |pair| {
        let asked = || pair.world.agent.asked().len();
        pair.kill(0);
        pair.wait(SECS(12)).await;
        let by_then = asked();
        assert!(by_then > PEOPLE.len(), "the dead one had none");
        pair.answered(PEOPLE.len()).await;
        assert_eq!(asked(), by_then, "some went on later");
    });
}

/// A disabled channel lets running answers finish, also those of an owner that was dead by then.
#[test]
fn a_channel_that_is_disabled_after_a_replica_died_finishes_the_answers_of_the_dead_one() {
    let world = with_answers_under_way(async |pair| {
        pair.kill(0);
        pair.wait(SECS(3)).await;
        pair.enable(1, false).await;
        pair.answered(PEOPLE.len()).await;
        assert!(pair.world.agent.asked().len() > PEOPLE.len(), "the dead one had none");
    });
    assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
}
