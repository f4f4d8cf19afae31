//! Turns and memory.

use std::time::Duration;

use switchboard_tests::fakes::agent::Act;
use switchboard_tests::world::World;

#[test]
fn a_message_is_answered_in_a_card_that_streams_and_closes() {
    let world = World::new(1);
    world
        .process(|process| async move {
            process.set_up().await;
            let id = process.says("ann", "hello").await;
            process
                .until("the card is closed", || {
                    process.world.platform.cards().get(&id).is_some_and(|it| it.finished)
                })
                .await;
        })
        .expect("nobody killed it");
    let seen: Vec<_> = world.platform.seen().into_iter().map(|seen| seen.text).collect();
    assert_eq!(seen.first().map(String::as_str), Some("Thinking..."));
    assert!(seen.len() >= 3, "the card streams: {seen:?}");
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.platform.overlapping(), 0);
}

#[test]
fn a_conversation_is_remembered_until_new_is_said() {
    let world = World::new(2);
    world
        .process(|process| async move {
            process.set_up().await;
            for text in
                ["I'm working on a React project", "How do I optimize performance?", "/new", "And now?"]
            {
                let before = process.world.platform.finals().len();
                process.says("ann", text).await;
                process.until("an end", || process.world.platform.finals().len() > before).await;
            }
        })
        .expect("nobody killed it");
    let asked = world.agent.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].history.is_empty());
    let context: Vec<_> = asked[1].history.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(context, ["I'm working on a React project", "answer to <I'm working on a React project>"]);
    assert!(asked[2].history.is_empty(), "context leaked over /new: {:?}", asked[2].history);
    assert!(world.platform.finals().contains(&"Started a new conversation. How can I help you?".to_owned()));
}

#[test]
fn new_in_the_middle_of_an_answer_closes_the_card_and_nothing_of_it_appears_later() {
    let world = World::new(3);
    world
        .agent
        .script(|_, _| Act::Say((0..50).map(|n| format!("word{n} ")).collect(), Duration::from_millis(500)));
    let card = world
        .process(|process| async move {
            process.set_up().await;
            let id = process.says("ann", "tell me much").await;
            process
                .until("words", || process.world.platform.seen().iter().any(|it| it.text.contains("word3")))
                .await;
            process.says("ann", "/new").await;
            process.until("two ends", || process.world.platform.finals().len() == 2).await;
            process.wait(Duration::from_mins(2)).await;
            id
        })
        .expect("nobody killed it");
    let cards = world.platform.cards();
    assert_eq!(cards.len(), 1);
    let card = &cards[&card];
    assert!(card.finished && card.finishes == 1, "{card:?}");
    assert!(!card.text.contains("word40"), "{card:?}");
    assert_eq!(world.agent.closed_early(), 1, "the agent's request is closed");
    assert_eq!(world.platform.finals().len(), 2);
}

#[test]
fn messages_that_come_while_a_reply_runs_are_answered_next_in_order() {
    let world = World::new(4);
    world
        .process(|process| async move {
            process.set_up().await;
            for text in ["one", "two", "three"] {
                process.says("ann", text).await;
            }
            process.until("three ends", || process.world.platform.finals().len() == 3).await;
        })
        .expect("nobody killed it");
    assert_eq!(world.platform.finals(), ["answer to <one>", "answer to <two>", "answer to <three>"]);
}

/// A conversation falls asleep by itself where the channel says so: the next message begins another session.
#[test]
fn a_conversation_that_slept_begins_anew() {
    let world = World::new(5);
    world
        .long_process(|process| async move {
            process
                .set_up_with(|channel, _| channel.conversation.idle_timeout = Duration::from_hours(1))
                .await;
            for (text, pause) in [("one", 600), ("two", 4_000), ("three", 0)] {
                let before = process.world.platform.finals().len();
                process.says("ann", text).await;
                process.until("an end", || process.world.platform.finals().len() > before).await;
                process.wait(Duration::from_secs(pause)).await;
            }
        })
        .unwrap();
    let histories: Vec<_> = world.agent.asked().iter().map(|asked| asked.history.len()).collect();
    assert_eq!(histories, [0, 2, 0]);
}

/// The author becomes a user once, and the agent is told who asks.
#[test]
fn the_agent_is_told_who_asks() {
    let world = World::new(6);
    world
        .process(|process| async move {
            process.set_up().await;
            for person in ["ann", "bob", "ann"] {
                let before = process.world.platform.finals().len();
                process.says(person, "hello").await;
                process.until("an end", || process.world.platform.finals().len() > before).await;
            }
            assert!(process.conversation("ann").await.user.is_some());
        })
        .unwrap();
    let users: Vec<_> = world.agent.asked().into_iter().map(|asked| asked.user).collect();
    assert_eq!(users[0], users[2]);
    assert_ne!(users[0].id, users[1].id);
    assert_eq!((users[1].username.as_str(), users[1].platform.as_str()), ("bob", "fake"));
}
