//! What is told of each message: what happened to it, in order, over every process that had to do with it.

use std::time::Duration;

use serde_json::Value;
use switchboard::runtime::operations::Operations;
use switchboard_domain::ids::{ChannelId, ConversationKey, MessageId};
use switchboard_domain::inbox::Control;
use switchboard_domain::message::{Body, Chat, ChatKind, Inbound};
use switchboard_domain::outbound::Format;
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind};
use switchboard_domain::reply::CardOutcome;
use switchboard_ports::failures::FailureStore;
use switchboard_ports::journal::Book;
use switchboard_ports::messages::NewMessage;
use switchboard_ports::page::PageRequest;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// Lines that a process tells of a message at most.
const LINES_MAX: usize = 24;

/// The name of a message of somebody's private conversation.
fn message(person: &str, seq: u64) -> String {
    let chat = format!("chat-{person}");
    let key = ConversationKey { channel: ChannelId::new("chn_1"), chat, member: None };
    format!("{}-{seq}", key.id())
}

/// The lines of a message, in order of time, without the replica's name; once they are written.
async fn lines(process: &Process<'_>, message: &str) -> Vec<(u64, Value)> {
    process.wait(SECS(2)).await;
    let page = PageRequest { limit: 200, after: None };
    let read = process.world.stores().journal.read(Book::Timelines, message, &page).await.unwrap();
    assert!(read.items.len() <= 2 * LINES_MAX, "{:#?}", read.items);
    let parsed = read.items.into_iter().rev().map(|line| {
        assert!(!line.body.contains("hello"), "no line tells what was said");
        (line.at.as_millis(), serde_json::from_str(&line.body).unwrap())
    });
    let mut lines: Vec<(u64, Value)> = parsed.collect();
    lines.sort_by_key(|(at, _)| *at);
    lines
}

/// What happened, with the detail that matters most.
async fn told(process: &Process<'_>, message: &str) -> Vec<String> {
    let told = |(_, line): (u64, Value)| {
        let kind = line["kind"].as_str().unwrap().to_owned();
        let details =
            ["refused", "behind", "rule", "agent", "cause", "result", "outcome", "reason", "by", "state"];
        let details = details.iter().filter_map(|name| line.get(*name).filter(|value| !value.is_null()));
        let details: Vec<String> =
            details.map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect();
        std::iter::once(kind).chain(details).collect::<Vec<_>>().join(" ")
    };
    lines(process, message).await.into_iter().map(told).collect()
}

#[test]
fn an_ordinary_answer_is_told_from_the_platform_to_the_platform() {
    let world = World::new(1);
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), Duration::from_millis(700)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(5)).await;
            let told = told(&process, &message("ann", 1)).await;
            let expected = [
                "accepted",
                "mapped on_miss",
                "asked helper",
                "card_created",
                "first_output",
                "agent_finished",
                "ended answered",
                "card_updates",
                "card_closed",
                "delivered",
            ];
            let mut sorted = (told.clone(), expected.map(str::to_owned).to_vec());
            sorted.0.sort();
            sorted.1.sort();
            assert_eq!(sorted.0, sorted.1, "{told:#?}");
            let place = |name: &str| told.iter().position(|line| line.starts_with(name)).unwrap();
            let order =
                ["accepted", "mapped", "asked", "first_output", "agent_finished", "card_closed", "delivered"];
            assert!(order.map(place).is_sorted(), "{told:#?}");
            let lines = lines(&process, &message("ann", 1)).await;
            let find = |kind: &str| lines.iter().find(|(_, line)| line["kind"] == kind).unwrap();
            assert_eq!(find("asked").1["model"], "model-1");
            assert_eq!(find("asked").1["agent_id"], "agt_1");
            assert!(find("mapped").1["user"].as_str().unwrap().starts_with("usr_"));
            let (at, updates) = find("card_updates");
            assert!(updates["count"].as_u64().unwrap() >= 1 && updates["failed"] == 0, "{updates}");
            assert!(updates["first_at"].as_u64().unwrap() <= *at && updates["last_at"] == *at);
            // The same name as the agent's.
            assert_eq!(process.world.agent.asked()[0].turn, message("ann", 1));
        })
        .unwrap();
}

#[test]
fn a_message_that_waits_says_behind_how_many_and_a_refused_one_why() {
    let world = World::new(2);
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), SECS(4)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.sees("answer").await;
            process.says("ann", "two").await;
            process.says("ann", "three").await;
            process.finals(3).await;
            let second = told(&process, &message("ann", 2)).await;
            assert_eq!(second[..3], ["accepted", "queued 1", "waiting_shown"], "{second:#?}");
            let third = told(&process, &message("ann", 3)).await;
            assert_eq!(third[..3], ["accepted", "queued 2", "waiting_shown"], "{third:#?}");
            assert_eq!(third.last().unwrap(), "delivered", "{third:#?}");
            let unknown = Inbound { body: Body::Unknown, ..process.world.message("bob", "") };
            process.deliver(unknown).await;
            process.finals(4).await;
            let refused = told(&process, &message("bob", 1)).await;
            assert_eq!(refused, ["accepted unsupported", "ended refused unsupported", "told"]);
        })
        .unwrap();
}

#[test]
fn each_try_at_the_agent_is_told_and_so_is_what_became_of_the_retry() {
    let world = World::new(3);
    world.agent.script(|request, count| match count {
        0 => Act::Fail(Vec::new(), AgentFailure::new(AgentFailureKind::Unreachable)),
        1 => Act::Fail(Vec::new(), AgentFailure::new(AgentFailureKind::BadRequest)),
        _ => Act::Say(answer_to(&request.text), Duration::from_millis(100)),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            let first = told(&process, &message("ann", 1)).await;
            let of_agent: Vec<&str> = first
                .iter()
                .map(String::as_str)
                .filter(|line| line.starts_with('a') && *line != "accepted")
                .collect();
            let failed = ["agent_failed agent_unreachable", "agent_failed agent_bad_request"];
            assert_eq!(of_agent, ["asked helper", failed[0], "asked helper", failed[1]], "{first:#?}");
            assert!(first.contains(&"failure_recorded agent_bad_request".to_owned()), "{first:#?}");
            assert!(first.contains(&"ended failed agent_bad_request".to_owned()), "{first:#?}");
            let failures = process.world.failures.list(&PageRequest::default()).await.unwrap();
            process.driver.retry(&failures.items[0].id).await.unwrap().unwrap();
            process.finals(2).await;
            let again = told(&process, &message("ann", 2)).await;
            assert_eq!(again[0], "retry_of", "{again:#?}");
            assert!(again.contains(&"delivered".to_owned()), "{again:#?}");
            let (_, retried) = lines(&process, &message("ann", 1)).await.pop().unwrap();
            assert_eq!(retried["message"], message("ann", 2).as_str(), "{retried}");
            assert_eq!(retried["failure"], failures.items[0].id.as_str());
        })
        .unwrap();
}

#[test]
fn the_next_process_goes_on_in_the_same_timeline() {
    let world = World::new(4);
    world.agent.script(|request, count| match count {
        0 => Act::Hang(vec!["half".to_owned()]),
        _ => Act::Say(answer_to(&request.text), Duration::from_millis(100)),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.wait(SECS(2)).await;
            // Killed here, in the middle.
        })
        .unwrap();
    world
        .process(|process| async move {
            process.finals(1).await;
            process.wait(SECS(5)).await;
            let told = told(&process, &message("ann", 1)).await;
            let lines = lines(&process, &message("ann", 1)).await;
            let replicas: Vec<&str> = lines.iter().filter_map(|(_, line)| line["replica"].as_str()).collect();
            assert_eq!(told.iter().filter(|line| *line == "asked helper").count(), 2, "{told:#?}");
            assert_eq!(told.iter().filter(|line| *line == "taken_up").count(), 1, "{told:#?}");
            assert!(told.contains(&"delivered".to_owned()), "{told:#?}");
            assert_eq!(replicas.len(), 4, "accepted and asked by one, taken up and asked by the other");
            assert!(replicas[0] == replicas[1] && replicas[1] != replicas[2] && replicas[2] == replicas[3]);
        })
        .unwrap();
}

#[test]
fn a_stop_in_good_order_says_who_is_left_with_it() {
    let world = World::new(5);
    world.agent.script(|_, _| Act::Hang(vec!["half".to_owned()]));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.driver.stop(SECS(1)).await;
            // Written before the process ends.
            let told = told(&process, &message("ann", 1)).await;
            assert!(told.iter().any(|line| line == "left"), "{told:#?}");
        })
        .unwrap();
}

#[test]
fn whoever_stops_an_answer_is_told() {
    for (seed, by, words) in [(6, "chat_stop", "/stop"), (7, "chat_new", "/new"), (8, "api_stop", "")] {
        let world = World::new(seed);
        world.agent.script(|_, _| Act::Hang(vec!["half".to_owned()]));
        world
            .process(|process| async move {
                process.set_up().await;
                process.says("ann", "hello").await;
                process.sees("half").await;
                if words.is_empty() {
                    let id = process.conversation("ann").await.id;
                    assert!(process.driver.control(&id, Control::Stop { all: false }).await.unwrap());
                } else {
                    process.says("ann", words).await;
                }
                process.wait(SECS(10)).await;
                let told = told(&process, &message("ann", 1)).await;
                assert!(told.contains(&format!("ended cancelled {by}")), "{told:#?}");
            })
            .unwrap();
    }
}

#[test]
fn a_card_in_trouble_is_told_once_and_a_long_answer_in_few_lines() {
    let world = World::new(9);
    let words = |_: &_, _| {
        Act::Say(
            (0..400).map(|n| format!("{n} {}\n\n", "word ".repeat(40))).collect(),
            Duration::from_millis(150),
        )
    };
    world.agent.script(words);
    world.platform.rule(|call, _, before| match call {
        Call::Update if before % 3 == 0 => Fate::Refuse(CardOutcome::Unknown),
        Call::Update | Call::Open | Call::Finish | Call::Send(_) => Fate::Do,
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(120)).await;
            let told = told(&process, &message("ann", 1)).await;
            assert!(told.len() <= LINES_MAX, "{told:#?}");
            assert_eq!(told.iter().filter(|line| line.starts_with("card_trouble")).count(), 1, "{told:#?}");
            let lines = lines(&process, &message("ann", 1)).await;
            let find = |kind: &str| lines.iter().find(|(_, line)| line["kind"] == kind).unwrap().1.clone();
            let updates = find("card_updates");
            let number = |name: &str| updates[name].as_u64().unwrap();
            assert!(number("count") > 2 && number("failed") > 0, "{updates}");
            assert!(find("parts")["sent"].as_u64().unwrap() > 3);
        })
        .unwrap();
}

#[test]
fn a_message_of_the_api_has_a_timeline_too() {
    let world = World::new(10);
    world
        .process(|process| async move {
            process.set_up().await;
            let chat = Chat { id: "chat-ann".to_owned(), kind: ChatKind::Private, title: None };
            let given = NewMessage {
                id: MessageId::new("msg_1"),
                key: ConversationKey {
                    channel: ChannelId::new("chn_1"),
                    chat: chat.id.clone(),
                    member: None,
                },
                chat,
                person: Some("ann".to_owned()),
                text: "hello".to_owned(),
                format: Format::Text,
                fingerprint: String::new(),
            };
            process.driver.send(given).await.unwrap().unwrap();
            process.finals(1).await;
            let told = told(&process, "msg_1").await;
            assert_eq!(told[0], "given", "{told:#?}");
            assert_eq!(told[told.len() - 2..], ["sending attempting", "sending sent"], "{told:#?}");
        })
        .unwrap();
}
