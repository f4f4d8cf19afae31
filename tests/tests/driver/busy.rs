//! What a message does that comes while an answer is being written.

use std::time::Duration;

use switchboard::runtime::operations::Operations as _;
use switchboard_domain::message::{ChatKind, Inbound};
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::Refusal;
use switchboard_domain::settings::{Busy, GroupScope, Locale};
use switchboard_ports::channels::Channel;
use switchboard_ports::page::PageRequest;
use switchboard_ports::transcripts::ConversationFilter;
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn slow(world: &World) {
    world.agent.script(|request, _| {
        let end = std::iter::once(format!("<{}>", request.text));
        Act::Say((0..10).map(|n| format!("word{n} ")).chain(end).collect(), Duration::from_millis(500))
    });
}

/// `busy = "interrupt"`: the newer message is answered; the one before ends with the words it has.
#[test]
fn a_newer_message_interrupts() {
    let world = World::new(1);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.conversation.busy = Busy::Interrupt).await;
            process.says("ann", "one").await;
            process.sees("word2").await;
            process.says("ann", "two").await;
            process.finals(2).await;
            process.wait(SECS(30)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let finals = world.platform.finals();
    assert_eq!(finals.len(), 2, "{finals:?}");
    assert!(finals[0].ends_with(&Notice::InterruptMark.text(Locale::En)) && !finals[0].contains("word9"));
    assert!(finals[1].ends_with("<two>"), "{finals:?}");
    assert_eq!(world.agent.closed_early(), 1);
}

/// `busy = "interrupt"`, three at once: nobody waits for the end of a run that was never begun.
#[test]
fn of_several_messages_at_once_the_last_is_answered_without_delay() {
    let world = World::new(2);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.conversation.busy = Busy::Interrupt).await;
            process.says("ann", "zero").await;
            process.finals(1).await;
            for text in ["one", "two", "three"] {
                drop(process.push(process.world.message("ann", text)));
            }
            process.wait(SECS(1)).await;
            assert_eq!(process.world.agent.questions(), ["zero", "two"]);
            process
                .until("three", || process.world.platform.finals().iter().any(|it| it.ends_with("<three>")))
                .await;
            process.wait(SECS(30)).await;
        })
        .unwrap();
    assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
}

/// `busy = "reject"`: the author is told to wait, in one sentence, and the answer being written goes on.
#[test]
fn a_message_to_a_busy_conversation_is_rejected_with_a_sentence() {
    let world = World::new(3);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.conversation.busy = Busy::Reject).await;
            process.says("ann", "one").await;
            process.sees("word2").await;
            process.says("ann", "two").await;
            process.finals(2).await;
            process.says("ann", "three").await;
            process.finals(3).await;
        })
        .unwrap();
    let finals = world.platform.finals();
    assert_eq!(finals[0], Notice::Refused(Refusal::Busy).text(Locale::En));
    assert!(finals[1].ends_with("<one>") && finals[2].ends_with("<three>"), "{finals:?}");
    assert_eq!(world.agent.questions(), ["one", "three"]);
}

/// `busy = "reject"`: one sentence for each author while one answer is written, however much they write.
#[test]
fn whoever_floods_a_busy_conversation_is_told_once_for_each_answer() {
    let world = World::new(6);
    slow(&world);
    world
        .process(|process| async move {
            let shared = |channel: &mut Channel| {
                channel.conversation.busy = Busy::Reject;
                channel.conversation.group_scope = GroupScope::Shared;
            };
            process.set_up_with(|channel, _| shared(channel)).await;
            for (round, text) in ["one", "two"].into_iter().enumerate() {
                process.deliver(in_group(&process, "ann", text)).await;
                process.until("it is asked", || process.world.agent.asked().len() > round).await;
                for n in 0..10 {
                    for who in ["ann", "bob"] {
                        process.deliver(in_group(&process, who, &format!("{text} {n}"))).await;
                    }
                }
                process.finals(3 * (round + 1)).await;
                process.wait(SECS(10)).await;
            }
            let page = PageRequest { limit: 10, after: None };
            let listed =
                process.world.stores().transcripts.conversations(&ConversationFilter::default(), &page).await;
            assert_eq!(listed.unwrap().items[0].waiting, 0, "each message has ended");
        })
        .unwrap();
    let finals = world.platform.finals();
    let refused = Notice::Refused(Refusal::Busy).text(Locale::En);
    assert_eq!(finals.iter().filter(|text| **text == refused).count(), 4, "{finals:?}");
    assert_eq!((finals.len(), world.agent.questions()), (6, vec!["one".to_owned(), "two".to_owned()]));
}

fn in_group(process: &Process<'_>, who: &str, text: &str) -> Inbound {
    let mut message = process.world.message(who, text);
    "group".clone_into(&mut message.chat.id);
    message.chat.kind = ChatKind::Group;
    message
}

/// The inbox of a conversation is bounded: what is too much is refused with one sentence, and everything else answered.
#[test]
fn a_full_inbox_refuses_with_one_sentence_and_loses_nothing() {
    let world = World::new(4);
    world.agent.script(|request, _| Act::Say(vec![format!("<{}>", request.text)], SECS(1)));
    world
        .process(|process| async move {
            process.set_up().await;
            for n in 0..60 {
                process.says("ann", &n.to_string()).await;
            }
            process.finals(51).await;
            process.wait(SECS(60)).await;
        })
        .unwrap();
    let finals = world.platform.finals();
    let refused = Notice::Refused(Refusal::InboxFull).text(Locale::En);
    assert_eq!(finals.iter().filter(|text| **text == refused).count(), 1);
    let answers: Vec<_> = finals.iter().filter(|text| **text != refused).cloned().collect();
    assert_eq!(answers, (0..50).map(|n| format!("<{n}>")).collect::<Vec<_>>());
}

/// Answers that cannot be delivered do not pile up: with four of them open no other turn begins, and control still works.
#[test]
fn answers_that_cannot_be_delivered_do_not_pile_up() {
    let world = World::new(5);
    world.platform.rule(|call, _, _| match call {
        Call::Finish => Fate::Refuse(switchboard_domain::reply::CardOutcome::Unknown),
        Call::Open | Call::Update | Call::Send(_) => Fate::Do,
    });
    world
        .process(|process| async move {
            process.set_up().await;
            for n in 0..10 {
                process.says("ann", &n.to_string()).await;
            }
            process.wait(SECS(300)).await;
            assert_eq!(process.world.agent.asked().len(), 4);
            process.says("ann", "/help").await;
            process.finals(1).await;
            process.world.platform.rule(|_, _, _| Fate::Do);
            process.finals(11).await;
        })
        .unwrap();
    assert_eq!(world.agent.questions(), (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// Whoever looks at a conversation sees what is being answered, as far as it is, and what waits.
#[test]
fn what_is_open_can_be_looked_at() {
    let world = World::new(1);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.says("ann", "two").await;
            process.sees("word2").await;
            let id = process.conversation("ann").await.id;
            let open = process.driver.open_messages(&id).await.unwrap();
            let texts: Vec<_> = open.iter().map(|open| (open.text.as_str(), open.runs)).collect();
            assert_eq!(texts, [("one", true), ("two", false)]);
            assert!(open[0].written.starts_with("word0 word1 word2 "), "{open:?}");
            assert_eq!(open[1].written, "");
            process.finals(2).await;
            process.wait(SECS(2)).await;
            assert_eq!(process.driver.open_messages(&id).await, Some(Vec::new()), "at rest");
            process.wait(SECS(120)).await;
            assert_eq!(process.driver.open_messages(&id).await, None, "no longer in memory");
        })
        .unwrap();
}
