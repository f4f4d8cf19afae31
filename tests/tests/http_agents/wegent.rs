//! Agents of kind `wegent`: each oddity of its endpoint.

use std::sync::Arc;

use futures_util::StreamExt;
use rstest::rstest;
use serde_json::json;
use switchboard_domain::secret::Secret;
use switchboard_ports::agent::{Agent, AgentAttachment, AgentEvent};
use switchboard_ports::agents::{AgentConfig, AgentMode};
use switchboard_tests::fake_wegent::{
    CHAT_TEAM, EXECUTOR_TEAM, FakeWegent, OWNER, PERSONAL_KEY, Play, SERVICE_KEY, TOKEN, Verb,
};
use tokio::time::timeout;

use crate::bench::{CAP, begun, build, config, question, run};

pub(crate) fn settings(server: &FakeWegent, team: &str) -> AgentConfig {
    let mut config = config("wegent", &server.host());
    config.api_key = Secret::new(PERSONAL_KEY);
    config.model = Some(team.to_owned());
    config
}

pub(crate) fn agent(server: &FakeWegent, team: &str) -> Arc<dyn Agent> {
    build(&settings(server, team))
}

/// An agent with a service key, that asks as each user.
pub(crate) fn service_agent(server: &FakeWegent, team: &str) -> Arc<dyn Agent> {
    let mut config = settings(server, team);
    config.api_key = Secret::new(SERVICE_KEY);
    config.headers.insert("wegent-username".to_owned(), Secret::new("{{user.username}}"));
    build(&config)
}

pub(crate) fn no_violations(server: &FakeWegent) {
    server.observe(|seen| assert_eq!(seen.violations, [""; 0], "{seen:#?}"));
}

#[rstest]
#[case("")]
#[case("/")]
#[case("/api")]
#[case("/api/v1")]
#[case("/api/v1/")]
#[tokio::test]
async fn the_base_address_may_be_the_host_or_the_api(#[case] path: &str) {
    let server = FakeWegent::start().await.unwrap();
    let mut config = settings(&server, CHAT_TEAM);
    config.base_url.push_str(path);
    assert_eq!(run(&build(&config), question("ann", "hi")).await.answered().0, "You said: hi");
}

#[rstest]
#[case(PERSONAL_KEY)]
#[case(TOKEN)]
#[tokio::test]
async fn a_key_of_wegent_goes_in_its_own_header_and_another_as_a_bearer_token(#[case] key: &str) {
    let server = FakeWegent::start().await.unwrap();
    let mut config = settings(&server, CHAT_TEAM);
    config.api_key = Secret::new(key);
    run(&build(&config), question("ann", "hi")).await.answered();
    server.observe(|seen| assert_eq!(seen.calls[0].user.as_deref(), Some(OWNER)));
}

#[tokio::test]
async fn only_the_question_is_sent_and_the_model_is_the_third_part() {
    let server = FakeWegent::start().await.unwrap();
    let mut config = settings(&server, CHAT_TEAM);
    config.extra_body = json!({"tools": [{"type": "wegent_chat_bot"}]}).as_object().unwrap().clone();
    let agent = build(&config);
    let mut asked = question("ann", "hi");
    asked.model = Some("fast".to_owned());
    run(&agent, asked).await.answered();
    server.observe(|seen| {
        assert_eq!(
            *seen.questions()[0],
            json!({
                "model": "default#helper#fast", "input": "hi", "stream": true,
                "tools": [{"type": "wegent_chat_bot"}],
            })
        );
    });
    no_violations(&server);
}

#[tokio::test]
async fn turns_go_on_in_one_task_and_each_answer_is_its_own() {
    for (team, mode) in
        [(CHAT_TEAM, AgentMode::Auto), (CHAT_TEAM, AgentMode::Poll), (EXECUTOR_TEAM, AgentMode::Poll)]
    {
        let server = FakeWegent::start().await.unwrap();
        let agent = build(&AgentConfig { mode, ..settings(&server, team) });
        let mut continuation = None;
        for text in ["one", "two", "three"] {
            let mut asked = question("ann", text);
            asked.continuation = continuation;
            let (said, next) = run(&agent, asked).await.answered();
            assert_eq!(said, format!("You said: {text}"), "{team} {mode:?}");
            continuation = next;
        }
        server.observe(|seen| {
            assert_eq!(seen.tasks.len(), 1, "{team} {mode:?}");
            assert_eq!(seen.tasks[0].items.len(), 6);
        });
        no_violations(&server);
    }
}

#[tokio::test]
async fn a_shared_session_keeps_the_identity_that_began_it() {
    let server = FakeWegent::start().await.unwrap();
    let agent = service_agent(&server, CHAT_TEAM);
    let (_, continuation) = run(&agent, question("ann", "one")).await.answered();
    let mut asked = question("bob", "two");
    asked.continuation = continuation;
    let (_, continuation) = run(&agent, asked).await.answered();
    // A name that Wegent would not take is not sent, and keeps nobody from going on.
    let mut asked = question("坏 名", "three");
    asked.continuation = continuation;
    run(&agent, asked).await.answered();
    run(&agent, question("bob", "in a session of his own")).await.answered();
    server.observe(|seen| {
        let users: Vec<_> = seen.calls.iter().map(|call| call.user.as_deref().unwrap()).collect();
        assert_eq!(users, ["ann", "ann", "ann", "bob"]);
        assert_eq!(seen.tasks.len(), 2);
    });
    no_violations(&server);
}

#[tokio::test]
async fn a_task_of_settings_that_have_changed_is_left_alone() {
    let server = FakeWegent::start().await.unwrap();
    let (_, continuation) = run(&service_agent(&server, CHAT_TEAM), question("ann", "one")).await.answered();
    let mut config = settings(&server, CHAT_TEAM);
    config.api_key = Secret::new(SERVICE_KEY);
    config.headers.insert("wegent-username".to_owned(), Secret::new("everybody"));
    let mut asked = question("ann", "two");
    asked.continuation = continuation;
    assert_eq!(run(&build(&config), asked).await.answered().0, "You said: two");
    server.observe(|seen| assert_eq!(seen.tasks.len(), 2));
    no_violations(&server);
}

#[tokio::test]
async fn a_team_that_cannot_stream_is_asked_for_its_answers_from_then_on() {
    let server = FakeWegent::start().await.unwrap();
    server.executors_take(2);
    let agent = agent(&server, EXECUTOR_TEAM);
    let (said, continuation) = run(&agent, question("ann", "one")).await.answered();
    assert_eq!(said, "You said: one");
    let mut asked = question("ann", "two");
    asked.continuation = continuation;
    assert_eq!(run(&agent, asked).await.answered().0, "You said: two");
    server.observe(|seen| {
        let streamed: Vec<_> =
            seen.questions().iter().map(|body| body["stream"].as_bool().unwrap()).collect();
        assert_eq!(streamed, [true, false, false], "tried once and remembered");
        assert!(seen.count(Verb::Look) >= 4);
    });
    no_violations(&server);
}

#[tokio::test]
async fn where_only_streaming_is_wanted_such_a_team_is_misconfigured() {
    let server = FakeWegent::start().await.unwrap();
    let agent = build(&AgentConfig { mode: AgentMode::Stream, ..settings(&server, EXECUTOR_TEAM) });
    assert_eq!(run(&agent, question("ann", "hi")).await.failed().0, "agent_misconfigured");
    server.observe(|seen| assert_eq!(seen.count(Verb::Ask), 1));
}

#[tokio::test]
async fn an_answer_that_came_without_pieces_is_whole_and_a_question_back_is_an_answer() {
    let server = FakeWegent::start().await.unwrap();
    let agent = agent(&server, CHAT_TEAM);
    server.queue([Play::SayAtTheEnd("All at once.".to_owned()), Play::Ask("Which branch?".to_owned())]);
    let (said, continuation) = run(&agent, question("ann", "one")).await.answered();
    assert_eq!(said, "All at once.");
    let mut asked = question("ann", "two");
    asked.continuation = continuation;
    assert_eq!(run(&agent, asked).await.answered().0, "Which branch?");
}

#[tokio::test]
async fn a_stopped_run_is_stopped_upstream_although_its_request_is_closed() {
    let server = FakeWegent::start().await.unwrap();
    let agent = service_agent(&server, CHAT_TEAM);
    server.queue([Play::Held { before: "Half ".to_owned(), after: "and half.".to_owned() }]);
    let mut events = agent.run(question("ann", "one"));
    let mut handle = None;
    let until_words = async {
        while let Some(event) = events.next().await {
            match event {
                AgentEvent::Started { run } => handle = run.map(|run| run.id),
                AgentEvent::Delta(_) => break,
                AgentEvent::Reasoning(_) | AgentEvent::Tool { .. } => {}
                AgentEvent::Completed { .. } | AgentEvent::Failed { .. } => panic!("it is held"),
            }
        }
    };
    timeout(CAP, until_words).await.unwrap();
    drop(events);
    server.observe(|seen| assert!(!seen.tasks[0].state_is_over(), "closing the request stops nothing"));
    timeout(CAP, agent.cancel(&handle.unwrap())).await.unwrap();
    server.observe(|seen| {
        assert!(seen.tasks[0].state_is_over());
        assert_eq!((seen.tasks[0].cancels, seen.tasks[0].items[1].text.as_str()), (1, "Half "));
    });
    no_violations(&server);
}

#[tokio::test]
async fn the_rest_of_an_answer_whose_stream_broke_is_asked_for() {
    let server = FakeWegent::start().await.unwrap();
    server.queue([Play::Cut { before: "Half ".to_owned(), after: "and half.".to_owned() }]);
    let ran = run(&agent(&server, CHAT_TEAM), question("ann", "hi")).await;
    assert_eq!(ran.answered().0, "Half and half.");
    server.observe(|seen| assert_eq!((seen.count(Verb::Ask), seen.tasks.len()), (1, 1)));
    no_violations(&server);
}

#[rstest]
#[case::streamed(CHAT_TEAM)]
#[case::queued(EXECUTOR_TEAM)]
#[tokio::test]
async fn a_resumed_run_is_asked_for_and_not_asked_again(#[case] team: &str) {
    let server = FakeWegent::start().await.unwrap();
    let agent = agent(&server, team);
    let (_, continuation) = run(&agent, question("ann", "one")).await.answered();
    server.queue([Play::Held { before: String::new(), after: "The second answer.".to_owned() }]);
    let mut asked = question("ann", "two");
    asked.continuation = continuation;
    let handle = begun(&agent, asked.clone()).await;
    server.release();
    let before = server.observe(|seen| seen.count(Verb::Ask));
    asked.resume = Some(handle);
    assert_eq!(run(&agent, asked).await.answered().0, "The second answer.");
    server.observe(|seen| assert_eq!(seen.count(Verb::Ask), before));
    no_violations(&server);
}

#[tokio::test]
async fn a_resumed_run_whose_task_is_gone_is_asked_anew() {
    let server = FakeWegent::start().await.unwrap();
    let agent = agent(&server, CHAT_TEAM);
    server.queue([Play::Held { before: "Lost".to_owned(), after: String::new() }]);
    let handle = begun(&agent, question("ann", "one")).await;
    server.forget_tasks();
    let mut again = question("ann", "one");
    again.resume = Some(handle);
    assert_eq!(run(&agent, again).await.answered().0, "You said: one");
    server.observe(|seen| assert_eq!(seen.count(Verb::Ask), 2));
}

#[tokio::test]
async fn files_are_uploaded_first_and_named_by_their_ids() {
    let server = FakeWegent::start().await.unwrap();
    let agent = service_agent(&server, CHAT_TEAM);
    let file = |name: &str, content: Option<&'static [u8]>| AgentAttachment {
        name: name.to_owned(),
        media_type: "image/png".to_owned(),
        content: content.map(bytes::Bytes::from_static),
    };
    let mut asked = question("ann", "What is this?");
    asked.attachments =
        vec![file("图 \"1\".png", Some(b"abc")), file("bad.exe", Some(b"MZ")), file("lost.png", None)];
    let (said, _) = run(&agent, asked).await.answered();
    server.observe(|seen| {
        assert_eq!(seen.files, [("ann".to_owned(), "图 %221%22.png".to_owned(), 3)]);
        let body = seen.questions()[0];
        assert_eq!(body["attachment_ids"], json!([1]));
        let input = body["input"].as_str().unwrap();
        assert!(input.starts_with("What is this?\n\n"), "{input}");
        assert!(input.contains("bad.exe") && input.contains("lost.png") && !input.contains('图'), "{input}");
        assert!(said.contains("bad.exe"));
    });
    no_violations(&server);
}
