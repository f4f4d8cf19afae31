//! The end of a process in good order.

use std::time::Duration;

use switchboard::runtime::operations::{NotReady, Operations};
use switchboard_ports::provider::Ack;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// What runs finishes within the grace, what waits is left to the next process, and the sockets are closed.
#[test]
fn a_stop_lets_what_runs_finish_and_keeps_what_waits() {
    let world = World::new(1);
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(2)));
    world
        .process(|process| async move {
            process.set_up().await;
            for text in ["one", "two"] {
                process.says("ann", text).await;
            }
            process.wait(SECS(1)).await;
            let sink = process.world.platform.sink().unwrap();
            let late = process.world.message("bob", "late");
            let before = process.world.clock_millis();
            let ((), ack) = tokio::join!(process.driver.stop(SECS(20)), async {
                process.wait(Duration::from_millis(100)).await;
                assert_eq!(process.driver.ready().await, Err(NotReady::Stopping));
                sink.offer(late).await
            });
            assert_eq!(ack, Ack::Withheld, "nothing new is taken in");
            let took = process.world.clock_millis() - before;
            assert!(took < 8_000, "it ends as soon as there is nothing to do: {took} ms");
            assert_eq!(process.world.platform.connections().0, 0);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <one>"]);
    assert_eq!(world.agent.questions(), ["one"]);
    world.process(|process| async move { process.finals(2).await }).unwrap();
    assert_eq!(world.platform.finals(), ["answer to <one>", "answer to <two>"]);
    assert_eq!(world.agent.questions(), ["one", "two"]);
}

/// A turn that outlasts the grace is left to the next process, as often as it takes: that is no crash.
#[test]
fn a_parked_turn_is_no_crash() {
    let world = World::new(2);
    world.agent.script(|request, count| match count {
        0..6 => Act::Hang(vec!["half".to_owned()]),
        _ => Act::Say(answer_to(&request.text), Duration::ZERO),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.driver.stop(SECS(1)).await;
        })
        .unwrap();
    for count in 2..=6 {
        world
            .process(|process| async move {
                process.until("it is asked again", || process.world.agent.asked().len() == count).await;
                process.wait(SECS(2)).await;
                let before = process.world.clock_millis();
                process.driver.stop(SECS(1)).await;
                assert!(process.world.clock_millis() - before < 2_000);
            })
            .unwrap();
    }
    world
        .process(|process| async move {
            process.finals(1).await;
            process.wait(SECS(30)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.platform.cards().len(), 1, "on one card");
}

/// A plain message that is on its way when the grace ends is waited for, so that its fate is known.
#[test]
fn a_part_on_its_way_at_the_end_of_the_grace_is_known_to_be_sent() {
    let world = World::new(3);
    world.platform.cards_on(false);
    world.platform.rule(|_, _, _| Fate::Slow(SECS(8)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("a call", || !process.world.platform.calls().is_empty()).await;
            process.driver.stop(SECS(1)).await;
            assert_eq!(process.world.platform.cut_calls(), 0);
        })
        .unwrap();
    world
        .process(|process| async move {
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// A finish that is on its way when the grace ends is done, and the next process has nothing left to do.
#[test]
fn a_finish_on_its_way_at_the_end_of_the_grace_is_done() {
    let world = World::new(4);
    world.platform.rule(|call, _, _| if call == Call::Finish { Fate::Slow(SECS(8)) } else { Fate::Do });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("a finish", || process.world.platform.kinds().contains(&Call::Finish)).await;
            process.driver.stop(SECS(1)).await;
        })
        .unwrap();
    let calls = world.platform.calls().len();
    world.process(|process| async move { process.wait(SECS(60)).await }).unwrap();
    assert_eq!(world.platform.calls().len(), calls);
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}
