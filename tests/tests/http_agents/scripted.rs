//! The scripted agent does what it is told, as our own chat agent sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::json;
use switchboard_domain::secret::Secret;
use switchboard_ports::agent::AgentEvent;
use switchboard_ports::agents::AgentConfig;
use switchboard_tests::scripted_agent::{Behaviour, End, ScriptedAgent};
use tokio::time::timeout;

use crate::bench::{CAP, build, config, question};

/// Asks the agent as the program would.
fn ask(agent: &ScriptedAgent, text: &str, stream: bool) -> BoxStream<'static, AgentEvent> {
    let config = AgentConfig {
        system_prompt: Some("Be brief.".to_owned()),
        headers: BTreeMap::from([("X-User".to_owned(), Secret::new("{{user.username}}"))]),
        stream,
        ..config("openai-chat", &agent.base_url())
    };
    build(&config).run(question("zhang3", text))
}

/// The whole text and how the run ended: `completed`, or the failure with its detail.
async fn answer(agent: &ScriptedAgent, stream: bool) -> (String, String) {
    let events: Vec<AgentEvent> =
        timeout(CAP, ask(agent, "s3cret question", stream).collect()).await.unwrap();
    let mut text = String::new();
    let mut end = String::new();
    for event in events {
        match event {
            AgentEvent::Started { .. } | AgentEvent::Reasoning(_) | AgentEvent::Tool { .. } => {}
            AgentEvent::Delta(delta) => text.push_str(&delta),
            AgentEvent::Completed { .. } => end.push_str("completed"),
            AgentEvent::Failed { failure, detail } => {
                let pause = failure.retry_after.map(|pause| format!(", again in {pause:?}"));
                end = format!("{}: {detail}{}", failure.kind.as_str(), pause.unwrap_or_default());
            }
        }
    }
    (text, end)
}

#[tokio::test]
async fn each_behaviour_looks_to_an_agent_as_it_is_named() {
    let said = || "three words here".to_owned();
    let behaviours = [
        (Behaviour::words(said()), "three words here", "completed"),
        (Behaviour::Words { text: said(), pause: Duration::from_millis(1) }, "three words here", "completed"),
        (Behaviour::Whole { text: said() }, "three words here", "completed"),
        (Behaviour::status(401), "", "agent_unauthorized: status 401, type scripted"),
        (Behaviour::status(500), "", "agent_server_error: status 500, type scripted"),
        (
            Behaviour::Status { status: 429, code: Some("slow_down".to_owned()), retry_after_s: Some(7) },
            "",
            "agent_rate_limited: status 429, code slow_down, type scripted, again in 7s",
        ),
        (Behaviour::Cut { text: said() }, "three words here", "agent_cut_stream: the answer broke off"),
        (Behaviour::Malformed { text: said() }, "three words here", "agent_malformed: an event is not JSON"),
        (
            Behaviour::ErrorInStream { text: said() },
            "three words here",
            "agent_server_error: code overloaded, type server_error",
        ),
        (Behaviour::Empty, "", "agent_empty: no text, finish_reason stop"),
    ];
    let agent = ScriptedAgent::start(|_| Behaviour::words("the queue is empty")).await.unwrap();
    agent.queue(behaviours.iter().map(|(behaviour, _, _)| behaviour.clone()));
    for (behaviour, text, end) in &behaviours {
        let seen = answer(&agent, true).await;
        assert_eq!(seen, ((*text).to_owned(), (*end).to_owned()), "{behaviour:?}");
    }
    assert_eq!(answer(&agent, true).await.0, "the queue is empty");
    let asked = agent.asked();
    assert_eq!(asked.len(), behaviours.len() + 1);
    assert!(asked.iter().all(|asked| matches!(asked.end, Some(End::Done(_)))), "{asked:#?}");
}

#[tokio::test]
async fn whole_answers_are_given_where_no_stream_is_wanted() {
    let agent = ScriptedAgent::start(|_| Behaviour::words("three words here")).await.unwrap();
    assert_eq!(answer(&agent, false).await, ("three words here".to_owned(), "completed".to_owned()));
    agent.queue([Behaviour::Cut { text: "half".to_owned() }, Behaviour::Empty]);
    assert_eq!(answer(&agent, false).await.1, "agent_cut_stream: the answer broke off");
    assert_eq!(answer(&agent, false).await.1, "agent_empty: no text, finish_reason stop");
}

#[tokio::test]
async fn a_huge_answer_is_as_long_as_asked_for() {
    let agent = ScriptedAgent::start(|_| Behaviour::Huge { chars: 300_500 }).await.unwrap();
    let (text, end) = answer(&agent, true).await;
    assert_eq!((text.len(), end.as_str()), (300_500, "completed"));
}

#[tokio::test]
async fn a_hang_lasts_until_the_client_closes_and_the_close_is_seen() {
    let agent = ScriptedAgent::start(|_| Behaviour::HangBeforeHeaders).await.unwrap();
    agent.queue([Behaviour::HangAfter { text: "half an".to_owned() }]);
    let mut run = ask(&agent, "first", true);
    let mut text = String::new();
    while text != "half an" {
        match timeout(CAP, run.next()).await.unwrap() {
            Some(AgentEvent::Delta(delta)) => text.push_str(&delta),
            Some(AgentEvent::Started { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(agent.asked()[0].end, None);
    drop(run);
    agent.wait_for(|asked| asked[0].was_closed_by_client(), CAP).await.unwrap();

    let mut run = ask(&agent, "second", true);
    tokio::select! {
        biased;
        event = run.next() => panic!("nothing can come: {event:?}"),
        asked = agent.wait_for(|asked| asked.len() == 2, CAP) => assert_eq!(asked.unwrap()[1].end, None),
    }
    drop(run);
    agent.wait_for(|asked| asked[1].was_closed_by_client(), CAP).await.unwrap();
}

#[tokio::test]
async fn a_held_answer_goes_on_when_released() {
    let agent = ScriptedAgent::start(|_| Behaviour::Held {
        before: "half ".to_owned(),
        after: "and half".to_owned(),
    })
    .await
    .unwrap();
    let mut run = ask(&agent, "go on", true);
    while timeout(CAP, run.next()).await.unwrap() != Some(AgentEvent::Delta("half ".to_owned())) {}
    agent.release(1);
    let rest: Vec<AgentEvent> = timeout(CAP, run.collect()).await.unwrap();
    assert_eq!(rest.last(), Some(&AgentEvent::Completed { continuation: None, cut: None }));
}

#[tokio::test]
async fn requests_are_recorded_with_messages_headers_and_keys() {
    let agent =
        ScriptedAgent::start(|asked| Behaviour::words(format!("{}. {}", asked.number, asked.question())))
            .await
            .unwrap();
    assert_eq!(answer(&agent, true).await.0, "1. s3cret question");
    let asked = agent.wait_for(|asked| asked.len() == 1, CAP).await.unwrap().remove(0);
    assert_eq!(asked.number, 1);
    assert_eq!(asked.question(), "s3cret question");
    assert!(asked.remembers("brief") && !asked.remembers("s3cret"));
    assert_eq!(asked.idempotency_key.as_deref(), Some("cnv_1-s3cret question"));
    assert_eq!(asked.headers["authorization"], "Bearer sk-test");
    assert_eq!(asked.headers["x-user"], "zhang3");
    assert_eq!(asked.body["model"], json!("gpt-x"));
}

#[tokio::test]
async fn what_is_done_without_a_queue_can_be_changed() {
    let agent = ScriptedAgent::start(|_| Behaviour::status(500)).await.unwrap();
    assert_eq!(answer(&agent, true).await.0, "");
    agent.choose(|_| Behaviour::words("fine again"));
    assert_eq!(answer(&agent, true).await.0, "fine again");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_fails_lists_what_was_asked() {
    let agent = ScriptedAgent::start(|_| Behaviour::Empty).await.unwrap();
    let error = agent.wait_for(|asked| !asked.is_empty(), CAP).await.unwrap_err().to_string();
    assert_eq!(error, "the agent's requests were not as wanted within 60s: []");
}

#[tokio::test]
async fn a_dropped_agent_ends_whatever_waits() {
    let half = || "half ".to_owned();
    for behaviour in [
        Behaviour::HangAfter { text: half() },
        Behaviour::Held { before: half(), after: half() },
        Behaviour::Words { text: "half and never".to_owned(), pause: Duration::from_secs(1) },
    ] {
        let agent = ScriptedAgent::start(|_| Behaviour::Empty).await.unwrap();
        agent.queue([behaviour]);
        let mut run = ask(&agent, "hello", true);
        while timeout(CAP, run.next()).await.unwrap() != Some(AgentEvent::Delta(half())) {}
        drop(agent);
        let rest: Vec<AgentEvent> = timeout(CAP, run.collect()).await.unwrap();
        assert!(matches!(rest.as_slice(), [AgentEvent::Failed { .. }]), "{rest:?}");
    }
}
