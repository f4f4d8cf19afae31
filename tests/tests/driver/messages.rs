//! Messages that nobody asked for: in order, each part at most once, and never said to be further than they are (R10).

use std::time::Duration;

use switchboard::runtime::operations::Operations;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, ConversationKey, MessageId};
use switchboard_domain::message::{Chat, ChatKind};
use switchboard_domain::outbound::{Format, MessageState, Progress, Undelivered};
use switchboard_domain::outcome::{FailureCause, Refusal};
use switchboard_domain::reply::{CardOutcome, Trial, Way};
use switchboard_domain::snapshot::PartStatus;
use switchboard_ports::messages::{Given, MessageStore, NewMessage};
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// A message to somebody in private.
fn message(id: &str, person: &str, text: &str) -> NewMessage {
    let chat = Chat { id: format!("chat-{person}"), kind: ChatKind::Private, title: None };
    NewMessage {
        id: MessageId::new(id),
        key: ConversationKey { channel: ChannelId::new("chn_1"), chat: chat.id.clone(), member: None },
        chat,
        person: Some(person.to_owned()),
        text: text.to_owned(),
        format: Format::Text,
        fingerprint: String::new(),
    }
}

async fn send(process: &Process<'_>, message: NewMessage) -> Given {
    process.driver.send(message).await.unwrap().unwrap()
}

async fn progress(process: &Process<'_>, id: &str) -> Progress {
    process.world.messages.find(&MessageId::new(id)).await.unwrap().unwrap().progress
}

async fn state(process: &Process<'_>, id: &str) -> MessageState {
    progress(process, id).await.state()
}

#[test]
fn messages_go_out_in_order_by_the_platforms_api_while_an_agent_hangs() {
    let world = World::new(1);
    world.agent.script(|_, _| Act::Hang(vec!["so far".to_owned()]));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("so far").await;
            for n in 0..5 {
                let given = send(&process, message(&format!("msg_{n}"), "ann", &format!("notice {n}"))).await;
                assert!(matches!(given, Given::Now { .. }));
            }
            process.until("all are seen", || process.world.platform.finals().len() >= 5).await;
            let expected: Vec<_> = (0..5).map(|n| format!("notice {n}")).collect();
            assert_eq!(process.world.platform.finals(), expected);
            for n in 0..5 {
                assert_eq!(state(&process, &format!("msg_{n}")).await, MessageState::Sent);
            }
            // Not a turn: nobody is told of one, and nothing of it is said to the agent.
            assert_eq!(process.conversation("ann").await.waiting, 1);
            assert_eq!(process.world.agent.asked().len(), 1);
        })
        .unwrap();
    let sends = world.platform.kinds().into_iter().filter(|call| matches!(call, Call::Send(_)));
    assert!(sends.eq([Call::Send(Way::Api); 5]));
}

/// R10: the record says *attempting* in the commit before the call.
#[test]
fn a_part_is_told_as_attempted_before_its_call_and_as_sent_after_it() {
    let world = World::new(2);
    let store = std::sync::Arc::clone(&world.store);
    world.platform.rule(move |_, _, before| {
        let commits = store.commits();
        let news = commits.last().unwrap().news.last().unwrap().progress.clone();
        assert_eq!(news.parts[before], PartStatus::Attempting, "{news:?}");
        assert!(news.parts[..before].iter().all(|part| *part == PartStatus::Sent), "{news:?}");
        assert_eq!(news.state(), MessageState::Attempting);
        Fate::Do
    });
    let lines: Vec<_> = (0..400).map(|n| format!("line number {n:04}")).collect();
    let long = lines.join("\n");
    world
        .process(|process| async move {
            process.set_up().await;
            send(&process, message("msg_1", "ann", &long)).await;
            process.wait(SECS(60)).await;
            assert_eq!(state(&process, "msg_1").await, MessageState::Sent);
        })
        .unwrap();
    let finals = world.platform.finals();
    assert!(finals.len() >= 2, "{}", finals.len());
    assert_eq!(finals.join("\n").lines().collect::<Vec<_>>(), lines);
}

#[test]
fn what_may_have_been_sent_is_of_unknown_fate_and_never_repeated() {
    for fate in [Fate::DoUnknown, Fate::Refuse(CardOutcome::Unknown), Fate::Slow(SECS(3_600))] {
        let world = World::new(3);
        world.platform.rule(move |_, _, _| fate);
        world
            .process(|process| async move {
                process.set_up().await;
                send(&process, message("msg_1", "ann", "notice")).await;
                process.wait(SECS(60)).await;
                let progress = progress(&process, "msg_1").await;
                assert_eq!((progress.state(), progress.last), (MessageState::Unknown, Some(Trial::Unknown)));
                // Its record tells it, and nothing else.
                assert_eq!(process.failures().await, []);
            })
            .unwrap();
        assert_eq!(world.platform.kinds(), [Call::Send(Way::Api)]);
    }
}

#[test]
fn what_the_platform_refuses_has_failed_and_tells_why() {
    let world = World::new(4);
    world.platform.rule(|_, _, _| Fate::Refuse(CardOutcome::Refused(ErrorCode::PermissionDenied)));
    world
        .process(|process| async move {
            process.set_up().await;
            send(&process, message("msg_1", "ann", "notice")).await;
            process.wait(SECS(60)).await;
            let progress = progress(&process, "msg_1").await;
            assert_eq!(progress.last, Some(Trial::Refused(ErrorCode::PermissionDenied)));
            assert_eq!(progress.cause(), Some(Undelivered::Delivery(FailureCause::DeliveryRefused)));
            assert_eq!(process.status().last_error.unwrap().code, ErrorCode::PermissionDenied);
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
}

#[test]
fn a_throttle_delays_a_message_and_never_fails_it() {
    let world = World::new(5);
    world.platform.rule(|_, _, before| match before {
        0..=2 => Fate::Refuse(CardOutcome::Throttled { retry_after: SECS(20) }),
        _ => Fate::Do,
    });
    world
        .process(|process| async move {
            process.set_up().await;
            send(&process, message("msg_1", "ann", "notice")).await;
            process.wait(SECS(30)).await;
            let progress = progress(&process, "msg_1").await;
            assert_eq!((progress.state(), progress.last), (MessageState::Queued, Some(Trial::Throttled)));
            process.finals(1).await;
            process.wait(SECS(1)).await;
            assert_eq!(state(&process, "msg_1").await, MessageState::Sent);
        })
        .unwrap();
}

#[test]
fn with_its_channel_a_message_ends_however_long_it_pauses() {
    let world = World::new(6);
    world.platform.rule(|_, _, _| Fate::Refuse(CardOutcome::Throttled { retry_after: SECS(60) }));
    world
        .process(|process| async move {
            process.set_up().await;
            for id in ["msg_1", "msg_2"] {
                send(&process, message(id, "ann", "notice")).await;
            }
            process.wait(SECS(10)).await;
            let id = ChannelId::new("chn_1");
            process.driver.withdraw(&id).await.unwrap();
            // Without it the deletion would count as given up, and the channel come back.
            process.world.stores().channels.delete(&id).await.unwrap();
            for id in ["msg_1", "msg_2"] {
                let cause = progress(&process, id).await.cause();
                assert_eq!(cause, Some(Undelivered::Refused(Refusal::ChannelDeleted)), "{id}");
            }
            let calls = process.world.platform.calls().len();
            process.wait(SECS(300)).await;
            assert_eq!(process.world.platform.calls().len(), calls, "nothing is sent after the end");
            assert_eq!(process.driver.send(message("msg_3", "ann", "late")).await.unwrap(), None);
        })
        .unwrap();
}

#[test]
fn a_channel_that_is_disabled_in_between_keeps_its_messages() {
    let world = World::new(7);
    world
        .process(|process| async move {
            process.set_up().await;
            let id = ChannelId::new("chn_1");
            process.patch(&id, |channel| channel.enabled = false).await;
            send(&process, message("msg_1", "ann", "notice")).await;
            process.wait(SECS(120)).await;
            assert_eq!(state(&process, "msg_1").await, MessageState::Queued);
            process.patch(&id, |channel| channel.enabled = true).await;
            process.finals(1).await;
            process.wait(SECS(1)).await;
            assert_eq!(state(&process, "msg_1").await, MessageState::Sent);
        })
        .unwrap();
}

async fn twice(process: Process<'_>) -> MessageState {
    for _ in 0..2 {
        send(&process, message("msg_1", "ann", "notice")).await;
        process.wait(SECS(30)).await;
    }
    state(&process, "msg_1").await
}

/// Killed before or after any step, whoever sends the same again has one message, and its state is true.
#[test]
fn a_message_killed_between_any_two_steps_is_sent_at_most_once_and_told_truly() {
    let mut unknown = 0;
    for step in 1.. {
        let world = World::new(8);
        world.process(|process| async move { process.set_up().await }).unwrap();
        world.steps.kill_at(Some(step));
        if world.process(twice).is_some() {
            assert!(step > 6, "a message has more steps than that");
            assert!((1..=4).contains(&unknown), "{unknown} steps cost certainty");
            return;
        }
        let killed_at = world.steps.log().last().copied().unwrap_or_default();
        world.steps.kill_at(None);
        let state = world.process(twice).unwrap();
        let seen = world.platform.finals().len();
        let at = format!("seen {seen} times as {state:?}, killed at {killed_at} ({step})");
        match state {
            MessageState::Sent => assert_eq!(seen, 1, "{at}"),
            MessageState::Unknown => {
                assert!(
                    seen <= 1
                        && ["commit:after", "send:before", "send:after", "commit:before"]
                            .contains(&killed_at),
                    "{at}"
                );
                unknown += 1;
            }
            MessageState::Queued | MessageState::Attempting | MessageState::Failed => panic!("{at}"),
        }
    }
}
