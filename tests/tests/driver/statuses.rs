//! What an agent does besides answering: shown on the card while it works, and nowhere afterwards.

use std::time::Duration;

use switchboard_ports::agent::AgentEvent;
use switchboard_tests::fakes::agent::Act;
use switchboard_tests::fakes::platform::{Call, Fate};
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn tool(name: &str) -> AgentEvent {
    AgentEvent::Tool { name: name.into() }
}

fn delta(text: &str) -> AgentEvent {
    AgentEvent::Delta(text.into())
}

/// Thinks, searches, says something, searches again, and says the rest; something happens each five seconds.
fn working(world: &World) {
    world.agent.script(|_, _| {
        let events = vec![
            AgentEvent::Reasoning("The user greets. ".into()),
            AgentEvent::Reasoning("I look it up.".into()),
            tool("web_search"),
            delta("First half."),
            tool("**calculator**"),
            delta(" Second half."),
        ];
        Act::Work(events, SECS(5))
    });
}

fn shown(world: &World) -> Vec<String> {
    world.platform.seen().into_iter().map(|seen| seen.text).collect()
}

#[test]
fn a_card_tells_what_the_agent_does_and_ends_with_the_answer_alone() {
    let world = World::new(1);
    working(&world);
    let history = world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.says("ann", "and now?").await;
            process.finals(2).await;
            process.world.agent.asked()[1].history.clone()
        })
        .unwrap();
    let shown = shown(&world);
    assert_eq!(shown[0], "Thinking...");
    for expected in [
        "Thinking... · The user greets.",
        "Thinking... · I look it up.",
        "Thinking... · using tool web_search",
        "First half.",
        "First half.\n\n> using tool calculator",
        "First half. Second half.",
    ] {
        assert!(shown.contains(&expected.to_owned()), "{expected:?} is not among {shown:#?}");
    }
    assert_eq!(world.platform.finals(), ["First half. Second half.", "First half. Second half."]);
    let said: Vec<_> = history.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(said, ["hello", "First half. Second half."], "the agent's own history has no status");
}

#[test]
fn a_stopped_answer_keeps_its_text_and_loses_its_status() {
    let world = World::new(2);
    working(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process
                .until("the second tool", || {
                    process.world.platform.seen().iter().any(|seen| seen.text.contains("calculator"))
                })
                .await;
            process.says("ann", "/stop").await;
            process.finals(1).await;
        })
        .unwrap();
    assert_eq!(world.platform.finals()[0], "First half.\n\n⏹ Stopped.");
}

#[test]
fn plain_messages_and_an_answer_that_falls_back_to_them_know_no_status() {
    for cards in [false, true] {
        let world = World::new(3);
        working(&world);
        world.platform.cards_on(cards);
        world.platform.rule(|call, text, _| match call {
            Call::Update if text.contains("calculator") => {
                Fate::Refuse(switchboard_domain::reply::CardOutcome::Refused(
                    switchboard_domain::channel::ErrorCode::PermissionDenied,
                ))
            }
            Call::Open | Call::Update | Call::Finish | Call::Send(_) => Fate::Do,
        });
        world
            .process(|process| async move {
                process.set_up().await;
                process.says("ann", "hello").await;
                process
                    .until("the text", || {
                        process.world.platform.finals().iter().any(|text| text.contains("Second half."))
                    })
                    .await;
            })
            .unwrap();
        let finals = world.platform.finals();
        assert_eq!(finals.last().unwrap(), "First half. Second half.");
        assert!(finals.iter().all(|text| !text.contains("tool")), "{finals:?}");
    }
}

#[test]
fn an_agent_that_only_works_makes_few_calls() {
    let world = World::new(4);
    world.agent.script(|_, _| {
        let mut events: Vec<_> = (0..600).map(|step| tool(&format!("step{step}"))).collect();
        events.push(delta("Done."));
        Act::Work(events, Duration::from_millis(100))
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
        })
        .unwrap();
    let updates = world.platform.kinds().into_iter().filter(|call| *call == Call::Update).count();
    assert!((18..=25).contains(&updates), "{updates} updates in a minute");
    assert_eq!(world.platform.finals(), ["Done."]);
}
