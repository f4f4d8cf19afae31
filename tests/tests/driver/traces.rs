//! The trace of each message: its spans and their places, and that nobody is hurt by whoever does not take them.

use std::collections::BTreeSet;
use std::time::Duration;

use switchboard_domain::ids::{ChannelId, ConversationKey};
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind};
use switchboard_ports::traces::{Attribute, Span, SpanKind};
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::spans::Taking;
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn text<'s>(span: &'s Span, name: &str) -> Option<&'s str> {
    span.attributes.iter().find(|(known, _)| *known == name).and_then(|(_, value)| match value {
        Attribute::Text(text) => Some(text.as_str()),
        Attribute::Number(_) => None,
    })
}

/// The spans of a kind, in the order in which they ended.
fn named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[test]
fn a_message_is_one_trace_from_the_platform_to_the_platform_and_none_of_its_words() {
    let world = World::new(1);
    world.agent.script(|request, _| Act::Say(answer_to(&request.text), Duration::from_millis(700)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(5)).await;
        })
        .unwrap();
    let spans = world.spans.taken();
    let (root, agent) = (named(&spans, "message"), named(&spans, "agent.run"));
    let (accept, reply) = (named(&spans, "store.accept"), named(&spans, "platform.reply"));
    assert_eq!((root.len(), agent.len(), accept.len(), reply.len()), (1, 1, 1, 1), "{spans:#?}");
    assert!(!named(&spans, "store.commit").is_empty());
    let (root, agent) = (root[0], agent[0]);
    assert_eq!(
        (root.parent, root.kind, text(root, "switchboard.outcome")),
        (None, SpanKind::Consumer, Some("answered"))
    );
    assert!(
        spans.iter().all(|span| span.trace == root.trace && span.end >= span.start && span.failed.is_none())
    );
    assert!(spans.iter().filter(|span| span.id != root.id).all(|span| span.parent == Some(root.id)));
    let ids: BTreeSet<u64> = spans.iter().map(|span| span.id).collect();
    assert_eq!(ids.len(), spans.len(), "each span has a name of its own");
    assert_eq!(
        (text(agent, "switchboard.agent"), text(agent, "switchboard.model")),
        (Some("helper"), Some("model-1"))
    );
    assert!(agent.end.since(agent.start) > SECS(1), "{agent:?}");
    assert!(agent.attributes.iter().any(|(name, _)| *name == "switchboard.first_output_ms"));
    // The agent is told the same.
    let key = ConversationKey { channel: ChannelId::new("chn_1"), chat: "chat-ann".to_owned(), member: None };
    let asked = world.agent.asked().remove(0);
    assert_eq!(asked.turn, format!("{}-1", key.id()));
    assert_eq!(text(root, "switchboard.message_id"), Some(asked.turn.as_str()));
    assert_eq!(asked.trace, Some(format!("00-{:032x}-{:016x}-01", root.trace, agent.id)));
    assert!(!format!("{spans:?}").contains("hello"));
}

#[test]
fn runs_that_fail_or_are_stopped_say_so_and_the_next_process_goes_on_in_the_same_trace() {
    let world = World::new(2);
    world.agent.script(|request, count| match count {
        0 => Act::Fail(Vec::new(), AgentFailure::new(AgentFailureKind::Unreachable)),
        1 => Act::Hang(vec!["half".to_owned()]),
        _ => Act::Say(answer_to(&request.text), Duration::from_millis(100)),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.wait(SECS(5)).await;
        })
        .unwrap();
    let first = world.spans.taken();
    let failed: Vec<_> = named(&first, "agent.run").iter().map(|span| span.failed).collect();
    assert_eq!(failed, [Some("agent_unreachable")], "the second one was killed: {first:#?}");
    assert!(named(&first, "message").is_empty(), "it has not ended");
    world
        .process(|process| async move {
            process.finals(1).await;
            process.wait(SECS(5)).await;
            process.world.agent.script(|_, _| Act::Hang(vec!["more".to_owned()]));
            process.says("ann", "and now?").await;
            process.sees("more").await;
            process.says("ann", "/stop").await;
            process.wait(SECS(8)).await;
        })
        .unwrap();
    let spans = world.spans.taken();
    let roots = named(&spans, "message");
    let outcomes: Vec<_> = roots.iter().map(|span| text(span, "switchboard.outcome").unwrap()).collect();
    assert_eq!(outcomes, ["answered", "cancelled", "answered"], "the stop is a message too");
    assert!(first.iter().all(|span| span.trace == roots[0].trace && span.parent == Some(roots[0].id)));
    let of_first = spans.iter().filter(|span| span.name == "agent.run" && span.trace == roots[0].trace);
    assert_eq!(of_first.count(), 2);
    let stopped = spans.iter().find(|span| span.name == "agent.run" && span.trace == roots[1].trace).unwrap();
    assert_eq!(text(stopped, "switchboard.outcome"), Some("stopped"));
}

#[test]
fn whoever_does_not_take_spans_hurts_nobody_and_gets_them_later() {
    let world = World::new(3);
    world.spans.take(Taking::Later);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.finals(1).await;
            process.wait(SECS(20)).await;
            let asked = process.world.spans.asked();
            assert!((2..10).contains(&asked), "again, and not all the time: {asked}");
            process.world.spans.take(Taking::All);
            process.wait(SECS(60)).await;
            assert_eq!(named(&process.world.spans.taken(), "message").len(), 1);
        })
        .unwrap();
}

#[test]
fn a_collector_that_hangs_delays_no_answer_and_no_stop() {
    let world = World::new(4);
    world.spans.take(Taking::Hangs);
    world
        .process(|process| async move {
            process.set_up().await;
            for n in 1..=3 {
                process.says("ann", "hello").await;
                process.finals(n).await;
            }
            process.wait(SECS(2)).await;
            let before = process.world.clock_millis();
            process.driver.stop(SECS(5)).await;
            let took = process.world.clock_millis() - before;
            assert!(took <= 3_500, "{took} ms");
        })
        .unwrap();
    // In good order what is left arrives.
    world.spans.take(Taking::All);
    world
        .process(|process| async move {
            process.connected().await;
            process.says("ann", "hello").await;
            process.finals(4).await;
            process.driver.stop(SECS(5)).await;
        })
        .unwrap();
    assert!(!named(&world.spans.taken(), "message").is_empty());
}
