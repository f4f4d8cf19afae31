//! Many at once.

use std::time::Duration;

use switchboard_ports::provider::Ack;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;
const PEOPLE: usize = 100;
const MESSAGES: usize = 10;

/// A thousand messages of a hundred people, every tenth delivered twice, with a cut connection and rotations in the middle:
/// each is answered once, in order.
#[test]
fn a_thousand_messages_are_answered_once_and_in_order() {
    let world = World::new(1);
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), Duration::from_millis(20)));
    world
        .process(|process| async move {
            process.set_up().await;
            for round in 0..MESSAGES {
                let mut people = Vec::new();
                for person in 0..PEOPLE {
                    let message = process.world.message(&format!("p{person}"), &format!("{person}:{round}"));
                    people.push(message.clone());
                    if (person + round) % 10 == 0 {
                        people.push(message);
                    }
                }
                let delivered = people.into_iter().map(|message| process.deliver(message));
                futures_util::future::join_all(delivered).await;
                match round {
                    3 => process.world.platform.cut_connections(),
                    5 | 6 => process.world.platform.rotate(),
                    _ => {}
                }
                process.wait(Duration::from_millis(500)).await;
            }
            process.finals(PEOPLE * MESSAGES).await;
            process.wait(SECS(120)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    for person in 0..PEOPLE {
        let finals = world.platform.finals_in(&format!("chat-p{person}"));
        let expected: Vec<_> = (0..MESSAGES).map(|round| format!("answer to <{person}:{round}>")).collect();
        assert_eq!(finals, expected);
    }
    assert_eq!(world.agent.asked().len(), PEOPLE * MESSAGES);
    assert_eq!(world.platform.overlapping(), 0);
    assert_eq!(world.counters.sum("switchboard_messages_duplicate_total", &[]), 100);
}

/// Fifty conversations with an agent that hangs delay nobody else.
#[test]
fn fifty_hung_conversations_delay_nobody_else() {
    let world = World::new(2);
    world.agent.script(|request, _| {
        if request.text == "hang" {
            Act::Hang(vec!["half".to_owned()])
        } else {
            Act::Say(answer_to(&request.text), Duration::from_millis(20))
        }
    });
    world
        .process(|process| async move {
            process.set_up().await;
            for person in 0..50 {
                assert_eq!(
                    process.push(process.world.message(&format!("hung{person}"), "hang")).await.unwrap(),
                    Ack::Stored
                );
            }
            process.wait(SECS(2)).await;
            let before = process.world.clock_millis();
            process.says("ann", "hello").await;
            process.finals(1).await;
            let took = process.world.clock_millis() - before;
            assert!(took < 1_000, "{took} ms");
            // Each of them ends by its own time-out.
            process.finals(51).await;
        })
        .unwrap();
    assert_eq!(world.agent.closed_early(), 50);
    assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
}

/// Beside fifty conversations that hang, a hundred others are answered, and each of the fifty is stopped or begun anew.
#[test]
fn commands_reach_fifty_hung_conversations_beside_a_crowd() {
    let world = World::new(4);
    world.agent.script(|request, _| {
        if request.text == "hang" {
            Act::Hang(vec!["half".to_owned()])
        } else {
            Act::Say(answer_to(&request.text), Duration::from_millis(20))
        }
    });
    let sessions = world
        .process(|process| async move {
            process.set_up().await;
            for person in 0..50 {
                process.says(&format!("hung{person}"), "hang").await;
            }
            process.until("all of them hang", || process.world.agent.asked().len() == 50).await;
            for person in 0..100 {
                process.push(process.world.message(&format!("p{person}"), "hello"));
                if person % 2 == 0 {
                    let command = if person % 4 == 0 { "/stop" } else { "/new" };
                    process.push(process.world.message(&format!("hung{}", person / 2), command));
                }
            }
            // An answer each, a card and a sentence for each that is stopped or begun anew; none by a time-out.
            process.wait(SECS(20)).await;
            assert_eq!(process.failures().await, []);
            let mut sessions = Vec::new();
            for person in 0..50 {
                let (number, _) = process.conversation(&format!("hung{person}")).await.session.unwrap();
                sessions.push(number.0);
            }
            sessions
        })
        .unwrap();
    assert_eq!(world.agent.closed_early(), 50);
    for person in 0..100 {
        assert_eq!(world.platform.finals_in(&format!("chat-p{person}")), ["answer to <hello>"]);
    }
    let expected: Vec<_> = (0..50).map(|person| if person % 2 == 0 { 1 } else { 2 }).collect();
    assert_eq!(sessions, expected);
    assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
}

/// A process that dies under a crowd leaves everybody answered once by the next.
#[test]
fn a_crowd_survives_three_kills() {
    let world = World::new(3);
    world.process(|process| async move { process.set_up().await }).unwrap();
    let messages: Vec<_> = (0..30)
        .flat_map(|person| (0..3).map(move |n| (format!("p{person}"), format!("{person}:{n}"))))
        .map(|(person, text)| world.message(&person, &text))
        .collect();
    for kill_at in [Some(100), Some(250), Some(400), None] {
        world.steps.kill_at(kill_at);
        let said = messages.clone();
        let ended = world.process(|process| async move {
            // In frame order: one connection carries them all.
            process.connected().await;
            futures_util::future::join_all(said.into_iter().map(|message| process.deliver(message))).await;
            process.wait(SECS(180)).await;
            assert_eq!(process.failures().await, []);
        });
        assert_eq!(ended.is_none(), kill_at.is_some(), "killed at {kill_at:?}");
    }
    for person in 0..30 {
        let finals = world.platform.finals_in(&format!("chat-p{person}"));
        assert_eq!(finals, (0..3).map(|n| format!("answer to <{person}:{n}>")).collect::<Vec<_>>());
    }
    assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
}
