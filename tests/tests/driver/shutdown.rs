//! The end of a process in good order.

use std::time::Duration;

use switchboard::runtime::operations::{NotReady, Operations};
use switchboard_domain::notice::Notice;
use switchboard_domain::settings::Locale;
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

/// What an open card shows at the end of the grace.
fn goes_on_after(text: &str) -> String {
    format!("{text}\n\n> {}", Notice::ShuttingDown.text(Locale::En))
}

/// At the end of the grace each open card is told that its answer goes on, once; the next process goes on with the card, and
/// nothing of the sentence stays.
#[test]
fn open_cards_are_told_once_that_their_answers_go_on_after_the_restart() {
    let world = World::new(5);
    world.agent.script(|request, count| match count {
        0..3 if request.text == "silent" => Act::Hang(Vec::new()),
        0..3 => Act::Hang(vec!["half".to_owned()]),
        _ => Act::Say(answer_to(&request.text), SECS(1)),
    });
    let silent = world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.says("bob", "two").await;
            let silent = process.says("cem", "silent").await;
            process.until("both stream", || shown_now(process.world, "half") == 2).await;
            process.until("a card is made", || process.world.platform.cards().len() == 3).await;
            process.driver.stop(SECS(1)).await;
            silent
        })
        .unwrap();
    let cards = world.platform.cards();
    assert_eq!(shown_now(&world, &goes_on_after("half")), 2);
    assert_eq!(cards[&silent].text, Notice::ShuttingDown.text(Locale::En));
    assert!(cards.values().all(|card| !card.finished), "nothing is closed");
    world
        .process(|process| async move {
            process.until("the card is gone on with", || shown_now(process.world, "restarting") == 0).await;
            assert_eq!(process.world.platform.finals(), [""; 0], "the sentence goes with the first update");
            process.finals(3).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let mut finals = world.platform.finals();
    finals.sort();
    assert_eq!(finals, ["answer to <one>", "answer to <silent>", "answer to <two>"]);
    assert_eq!(world.platform.cards().len(), 3, "on the same cards");
    let told = world.platform.seen().iter().filter(|seen| seen.text.contains("restarting")).count();
    assert_eq!((told, world.platform.overlapping()), (3, 0), "once each");
}

/// How many cards show a text with this in it.
fn shown_now(world: &World, text: &str) -> usize {
    world.platform.cards().values().filter(|card| card.text.contains(text)).count()
}

/// A platform that hangs on that update holds nothing up, and the turn goes on all the same.
#[test]
fn a_platform_that_hangs_on_the_last_update_does_not_hold_the_end_up() {
    let world = World::new(6);
    let hangs = |text: &str| if text.contains("restarting") { Fate::Slow(SECS(3_600)) } else { Fate::Do };
    world.platform.rule(move |_, text, _| hangs(text));
    world.agent.script(|request, count| match count {
        0 => Act::Hang(vec!["half".to_owned()]),
        _ => Act::Say(answer_to(&request.text), Duration::ZERO),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            let before = process.world.clock_millis();
            process.driver.stop(SECS(1)).await;
            let took = process.world.clock_millis() - before;
            assert!((5_900..6_500).contains(&took), "{took} ms");
        })
        .unwrap();
    assert!(world.platform.calls().last().unwrap().text.contains("restarting"), "it was tried");
    world
        .process(|process| async move {
            process.finals(1).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.platform.cards().len(), 1);
}

/// A budget without a place for it, or a throttle, is waited for no longer either.
#[test]
fn a_budget_without_a_place_for_the_last_update_does_not_hold_the_end_up() {
    let world = World::new(7);
    world.agent.script(|_, _| Act::Hang(vec!["half".to_owned()]));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.world.platform.hold_claims(true);
            let before = process.world.clock_millis();
            process.driver.stop(SECS(1)).await;
            let took = process.world.clock_millis() - before;
            assert!(took < 6_500, "{took} ms");
        })
        .unwrap();
    assert_eq!(world.platform.cards().values().filter(|card| card.text == "half").count(), 1);
}

/// R12: an update under way at the end of the grace comes back before the last one goes out.
#[test]
fn the_last_update_waits_for_the_one_under_way() {
    let world = World::new(8);
    world.platform.rule(|_, text, _| if text == "half" { Fate::Slow(SECS(4)) } else { Fate::Do });
    world.agent.script(|_, _| Act::Hang(vec!["half".to_owned()]));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            let texts = |process: &World| {
                process.platform.calls().iter().map(|it| it.text.clone()).collect::<Vec<_>>()
            };
            process
                .until("an update is under way", || texts(process.world).contains(&"half".to_owned()))
                .await;
            process.driver.stop(SECS(1)).await;
            assert_eq!(process.world.platform.cut_calls(), 0);
        })
        .unwrap();
    assert_eq!(world.platform.overlapping(), 0);
    assert_eq!(shown_now(&world, &goes_on_after("half")), 1);
}

/// Without a card there is nothing to tell: plain messages say what is final, and nothing else.
#[test]
fn without_a_card_nothing_is_said_about_a_restart() {
    let world = World::new(9);
    world.platform.cards_on(false);
    world.agent.script(|_, _| Act::Hang(vec!["half".to_owned()]));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("it is asked", || !process.world.agent.asked().is_empty()).await;
            process.wait(SECS(1)).await;
            process.driver.stop(SECS(1)).await;
        })
        .unwrap();
    assert_eq!(world.platform.calls(), []);
}

/// Killed between any two steps of its stop, a process leaves a turn that is answered once, on its card, and nothing that stays
/// of what it said last.
#[test]
fn a_stop_killed_between_any_two_steps_costs_nothing() {
    for step in 1.. {
        let world = World::new(10);
        world.agent.script(|request, count| match count {
            0 => Act::Hang(vec!["half".to_owned()]),
            _ => Act::Say(answer_to(&request.text), Duration::ZERO),
        });
        let stopped = world.process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.world.steps.kill_at(Some(step));
            process.driver.stop(SECS(1)).await;
        });
        world.steps.kill_at(None);
        world
            .process(|process| async move {
                process.finals(1).await;
                process.wait(SECS(60)).await;
                assert_eq!(process.failures().await, []);
            })
            .unwrap();
        assert_eq!(world.platform.finals(), ["answer to <hello>"], "killed at step {step}");
        assert_eq!((world.platform.cards().len(), world.platform.overlapping()), (1, 0), "at step {step}");
        if stopped.is_some() {
            assert!(step > 4, "a stop has a commit and a call");
            return;
        }
    }
}
