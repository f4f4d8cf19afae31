//! The built-in agent, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use switchboard_adapters::agents::echo::EchoKind;
use switchboard_domain::ids::{Seq, SessionNumber};
use switchboard_domain::snapshot::{Role, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::{Agent, AgentAttachment, AgentEvent, AgentKind, RunRequest};
use tokio::time::Instant;

use crate::peer::{config, failure, request, said};

fn echo(pause: Duration) -> Arc<dyn Agent> {
    EchoKind::with_pause(pause).build(&config("echo", "")).unwrap()
}

fn remembering(lines: usize) -> RunRequest {
    let line = TranscriptLine {
        session: SessionNumber(1),
        seq: Seq(1),
        role: Role::User,
        text: "before".to_owned(),
        at: Timestamp::default(),
        mark: None,
    };
    RunRequest { history: vec![line; lines], ..request("Hello there?") }
}

#[tokio::test(start_paused = true)]
async fn the_question_comes_back_word_by_word() {
    let begun = Instant::now();
    let events: Vec<AgentEvent> =
        echo(Duration::from_millis(60)).run(request("你好吗 my friend?")).collect().await;
    assert_eq!(
        events,
        [
            AgentEvent::Started { run: None },
            AgentEvent::Delta("你好".to_owned()),
            AgentEvent::Delta("吗 ".to_owned()),
            AgentEvent::Delta("my ".to_owned()),
            AgentEvent::Delta("friend?".to_owned()),
            AgentEvent::Completed { continuation: None, cut: None },
        ]
    );
    assert_eq!(begun.elapsed(), Duration::from_millis(240));
}

#[tokio::test(start_paused = true)]
async fn a_last_line_shows_what_is_remembered() {
    let agent = echo(Duration::ZERO);
    for (lines, expected) in [
        (0, "Hello there?"),
        (1, "Hello there?\n\n(I remember 1 earlier message.)"),
        (4, "Hello there?\n\n(I remember 4 earlier messages.)"),
    ] {
        let events: Vec<AgentEvent> = agent.run(remembering(lines)).collect().await;
        assert_eq!(said(&events), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_question_takes_seconds_not_minutes() {
    let begun = Instant::now();
    let text = "word ".repeat(13_000);
    let events: Vec<AgentEvent> = echo(Duration::from_millis(60)).run(request(&text)).collect().await;
    assert_eq!(said(&events), text.trim());
    assert!(begun.elapsed() <= Duration::from_secs(12), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nothing_to_say_is_an_empty_answer() {
    let events: Vec<AgentEvent> = echo(Duration::ZERO).run(request(" \n")).collect().await;
    assert_eq!(failure(&events).0, "agent_empty");
}

#[tokio::test(start_paused = true)]
async fn attachments_are_named_with_or_without_a_question() {
    let came = vec![
        AgentAttachment {
            name: "a.png".to_owned(),
            media_type: "image/png".to_owned(),
            content: Some(Bytes::from_static(b"abc")),
        },
        AgentAttachment { name: "b.zip".to_owned(), media_type: "application/zip".to_owned(), content: None },
    ];
    let lines = "- a.png (image/png, 3 bytes)\n- b.zip (application/zip, could not be fetched)";
    for (text, expected) in [("", lines.to_owned()), ("See?", format!("See?\n\n{lines}"))] {
        let asked = RunRequest { attachments: came.clone(), ..request(text) };
        let events: Vec<AgentEvent> = echo(Duration::ZERO).run(asked).collect().await;
        assert_eq!(said(&events), expected);
    }
}
