//! How messages come in: duplicates, order, acks.

use std::time::Duration;

use switchboard_domain::message::{ChatKind, Inbound};
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::Refusal;
use switchboard_domain::settings::Locale;
use switchboard_ports::provider::Ack;
use switchboard_tests::fakes::store::Verb;
use switchboard_tests::world::World;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// R1: deduplication comes before policy, so a redelivery costs nothing and says nothing; it is acked.
#[test]
fn a_redelivery_costs_nothing_and_says_nothing() {
    let world = World::new(1);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.access.messages_per_minute = 2).await;
            let [one, two, three] = ["one", "two", "three"].map(|text| process.world.message("ann", text));
            for message in [&one, &one, &one, &two, &one, &three, &three, &three] {
                assert_eq!(process.push(message.clone()).await.unwrap(), Ack::Stored);
            }
            process.finals(3).await;
            process.wait(Duration::from_secs(10)).await;
        })
        .unwrap();
    // Two are allowed and three came: the third is refused once, whatever was delivered how often.
    assert_eq!(world.agent.questions(), ["one", "two"]);
    let refused = Notice::Refused(Refusal::TooManyMessages).text(Locale::En);
    let finals = world.platform.finals();
    assert_eq!(finals.len(), 3, "{finals:?}");
    assert_eq!(finals.iter().filter(|text| **text == refused).count(), 1);
    assert_eq!(world.counters.sum("switchboard_messages_duplicate_total", &[]), 5);
}

/// R1: the mark is stored with the message, so it outlives the process.
#[test]
fn a_redelivery_after_a_restart_is_a_duplicate() {
    let world = World::new(2);
    let message = world.message("ann", "hello");
    let again = message.clone();
    world
        .process(|process| async move {
            process.set_up().await;
            process.deliver(message).await;
            process.finals(1).await;
        })
        .unwrap();
    world
        .process(|process| async move {
            process.deliver(again).await;
            process.wait(Duration::from_secs(30)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
    assert_eq!(world.agent.asked().len(), 1);
}

/// R1: two deliveries at the same moment are one message.
#[test]
fn two_deliveries_at_once_are_answered_once() {
    let world = World::new(3);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.slow(Verb::Accept, MS(300));
            let message = process.world.message("ann", "hello");
            let acks = [process.push(message.clone()), process.push(message)];
            for ack in acks {
                assert_eq!(ack.await.unwrap(), Ack::Stored);
            }
            process.wait(Duration::from_secs(10)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// R2: accepts are submitted in frame order without waiting for each other, and acks go out as commits complete.
#[test]
fn acks_come_as_commits_complete_and_answers_in_frame_order() {
    let world = World::new(4);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.slow(Verb::Accept, MS(500));
            let texts = ["one", "two", "three", "four"];
            let acks = texts.map(|text| process.push(process.world.message("ann", text)));
            process.wait(MS(490)).await;
            assert!(acks.iter().all(|ack| !ack.is_finished()), "nothing is acked before it is stored");
            process.wait(MS(20)).await;
            assert!(acks.iter().all(tokio::task::JoinHandle::is_finished), "none waits for another");
            process.finals(4).await;
        })
        .unwrap();
    assert_eq!(world.agent.questions(), ["one", "two", "three", "four"]);
    let expected = ["one", "two", "three", "four"].map(|text| format!("answer to <{text}>"));
    assert_eq!(world.platform.finals(), expected);
}

/// R2: a late commit is still acked late.
#[test]
fn a_late_commit_is_acked_late() {
    let world = World::new(5);
    world
        .process(|process| async move {
            process.set_up().await;
            process.world.store.slow(Verb::Accept, Duration::from_secs(6));
            let ack = process.push(process.world.message("ann", "hello"));
            process.wait(MS(5_990)).await;
            assert!(!ack.is_finished());
            assert_eq!(ack.await.unwrap(), Ack::Stored);
            process.finals(1).await;
        })
        .unwrap();
    assert_eq!(world.platform.connections().1, 1, "slow is not away");
}

/// R1: what is not meant for the bot is acked and leaves nothing but its mark.
#[test]
fn what_is_not_for_the_bot_is_acked_and_passed_over() {
    let world = World::new(6);
    world
        .process(|process| async move {
            process.set_up().await;
            let overheard = in_group(process.world.message("ann", "not for you"), Some(false));
            assert_eq!(process.push(overheard).await.unwrap(), Ack::Stored);
            let meant = in_group(process.world.message("ann", "for you"), Some(true));
            assert_eq!(process.push(meant).await.unwrap(), Ack::Stored);
            process.finals(1).await;
            process.wait(Duration::from_secs(10)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <for you>"]);
}

/// One flooding author is told once, and slows nobody else in the same group.
#[test]
fn a_flooding_author_slows_only_themselves() {
    let world = World::new(7);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.access.messages_per_minute = 3).await;
            for n in 0..20 {
                let message = in_group(process.world.message("ann", &format!("ann {n}")), Some(true));
                assert_eq!(process.push(message).await.unwrap(), Ack::Stored);
            }
            let message = in_group(process.world.message("bob", "bob"), Some(true));
            process.push(message).await.unwrap();
            process.finals(5).await;
            process.wait(Duration::from_secs(30)).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals().len(), 5, "three answers, one refusal, one answer to the other");
    assert!(world.platform.finals().contains(&"answer to <bob>".to_owned()));
}

fn in_group(mut message: Inbound, mentioned: Option<bool>) -> Inbound {
    "group".clone_into(&mut message.chat.id);
    message.chat.kind = ChatKind::Group;
    message.mentioned = mentioned;
    message
}
