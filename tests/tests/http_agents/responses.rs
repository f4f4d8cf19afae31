//! Agents of kind `openai-responses`.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::ids::{Seq, SessionNumber};
use switchboard_domain::outcome::Cut;
use switchboard_domain::secret::Secret;
use switchboard_domain::snapshot::{Role, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::{Agent, AgentAttachment, AgentEvent, RunRequest};
use switchboard_tests::fake_responses::{FakeResponses, Form, Play};

use crate::bench::{CAP, begun, build, config, question, run};

fn agent(
    server: &FakeResponses,
    change: impl FnOnce(&mut switchboard_ports::agents::AgentConfig),
) -> Arc<dyn Agent> {
    let mut config = config("openai-responses", &server.base_url());
    change(&mut config);
    build(&config)
}

fn extra(value: &Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn with_history(mut request: RunRequest) -> RunRequest {
    let line = |role, text: &str| TranscriptLine {
        session: SessionNumber(1),
        seq: Seq(1),
        role,
        text: text.to_owned(),
        at: Timestamp::default(),
        mark: None,
    };
    request.history =
        vec![line(Role::User, "I use React"), line(Role::Assistant, ""), line(Role::Assistant, "Nice.")];
    request
}

#[tokio::test]
async fn the_first_question_carries_prompt_history_and_turn() {
    let server = FakeResponses::start().await.unwrap();
    let agent = agent(&server, |config| {
        config.system_prompt = Some("Be brief.".to_owned());
        config.headers.insert("X-User".to_owned(), Secret::new("{{user.username}}"));
        config.extra_body = extra(&json!({"temperature": 0.5, "user": null}));
    });
    let ran = run(&agent, with_history(question("ann", "How fast?"))).await;
    assert_eq!(ran.answered(), ("You said: How fast?".to_owned(), Some("resp_1".to_owned())));
    let asked = &server.seen().asked[0];
    assert_eq!(
        asked.body,
        json!({
            "model": "gpt-x", "instructions": "Be brief.", "stream": true, "store": true, "temperature": 0.5,
            "metadata": {"turn": "cnv_1-How fast?"},
            "input": [
                {"role": "user", "content": "I use React"},
                {"role": "assistant", "content": "Nice."},
                {"role": "user", "content": "How fast?"},
            ],
        })
    );
    assert_eq!(asked.idempotency_key.as_deref(), Some("cnv_1-How fast?"));
    assert_eq!(asked.authorization.as_deref(), Some("Bearer sk-test"));
    assert_eq!(ran.handles(), [], "closing the request stops it");
}

#[tokio::test]
async fn the_next_question_goes_on_from_the_last_response_alone() {
    let server = FakeResponses::start().await.unwrap();
    let agent = agent(&server, |_| {});
    let (_, continuation) = run(&agent, question("ann", "one")).await.answered();
    let mut next = with_history(question("ann", "two"));
    next.continuation = continuation;
    run(&agent, next).await.answered();
    let seen = server.seen();
    assert_eq!(seen.asked[1].previous(), Some("resp_1"));
    assert_eq!(seen.asked[1].messages(), [("user".to_owned(), "two".to_owned())]);
    assert_eq!(seen.violations, [""; 0]);
}

#[tokio::test]
async fn a_response_that_is_not_known_any_more_gives_way_to_the_history_once_and_unseen() {
    let server = FakeResponses::start().await.unwrap();
    let agent = agent(&server, |_| {});
    let mut next = with_history(question("ann", "two"));
    next.continuation = Some("resp_gone".to_owned());
    let ran = run(&agent, next).await;
    assert_eq!(ran.answered().0, "You said: two");
    assert_eq!(ran.events.iter().filter(|event| matches!(event, AgentEvent::Started { .. })).count(), 1);
    let seen = server.seen();
    let previous: Vec<_> = seen.asked.iter().map(|asked| asked.previous()).collect();
    assert_eq!(previous, [Some("resp_gone"), None]);
    assert_eq!(seen.asked[1].messages().len(), 3);
    assert_eq!(seen.asked[0].idempotency_key, seen.asked[1].idempotency_key);
}

#[tokio::test]
async fn another_refusal_of_a_follow_up_is_no_reason_to_ask_twice() {
    let server = FakeResponses::start().await.unwrap();
    let agent = agent(&server, |_| {});
    let (_, continuation) = run(&agent, question("ann", "one")).await.answered();
    server.queue([Play::Refuse { status: 400, code: Some("context_length_exceeded"), message: "too long" }]);
    let mut next = question("ann", "two");
    next.continuation = continuation;
    let failed = run(&agent, next).await.failed();
    let detail = "status 400, code context_length_exceeded, type invalid_request_error".to_owned();
    assert_eq!(failed, ("agent_bad_request", detail));
    assert_eq!(server.seen().asked.len(), 2);
}

#[tokio::test]
async fn without_a_store_the_history_goes_along_each_time() {
    let server = FakeResponses::start().await.unwrap();
    let agent = agent(&server, |config| config.extra_body = extra(&json!({"store": false})));
    assert_eq!(run(&agent, question("ann", "one")).await.answered().1, None);
    let mut next = with_history(question("ann", "two"));
    next.continuation = Some("resp_1".to_owned());
    run(&agent, next).await.answered();
    assert_eq!((server.seen().asked[1].previous(), server.seen().asked[1].messages().len()), (None, 3));
}

#[rstest]
#[case(Form::Pieces)]
#[case(Form::Bare)]
#[case(Form::HalfInPieces)]
#[case(Form::AtTheEnd)]
#[case(Form::Document)]
#[case(Form::Refusal)]
#[case(Form::Incomplete)]
#[tokio::test]
async fn an_answer_comes_whole_in_every_form(#[case] form: Form) {
    let server = FakeResponses::start().await.unwrap();
    let text = "One two three, 四 five.";
    server.queue([Play::Say(text.to_owned(), form)]);
    let ran = run(&agent(&server, |_| {}), question("ann", "hi")).await;
    let (said, continuation) = ran.answered();
    assert_eq!((said.as_str(), continuation.as_deref()), (text, Some("resp_1")));
    let expected = (form == Form::Incomplete).then_some(Cut::Length);
    assert!(
        matches!(ran.events.last(), Some(AgentEvent::Completed { cut, .. }) if *cut == expected),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn an_answer_that_was_not_to_be_streamed_comes_whole() {
    let server = FakeResponses::start().await.unwrap();
    let agent = agent(&server, |config| config.stream = false);
    assert_eq!(run(&agent, question("ann", "hi")).await.answered().0, "You said: hi");
    assert_eq!(server.seen().asked[0].body["stream"], false);
}

#[tokio::test]
async fn thinking_and_tools_are_progress() {
    let server = FakeResponses::start().await.unwrap();
    server.queue([Play::Work("Found it.".to_owned())]);
    let ran = run(&agent(&server, |_| {}), question("ann", "hi")).await;
    let told: Vec<String> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            AgentEvent::Reasoning(text) if !text.is_empty() => Some(format!("thinks {text}")),
            AgentEvent::Tool { name } => Some(format!("uses {name}")),
            AgentEvent::Reasoning(_)
            | AgentEvent::Started { .. }
            | AgentEvent::Delta(_)
            | AgentEvent::Completed { .. }
            | AgentEvent::Failed { .. } => None,
        })
        .collect();
    assert_eq!(
        told,
        ["thinks thinking", "uses web_search", "uses code_interpreter", "uses lookup", "uses files.read"]
    );
    assert_eq!(ran.answered().0, "Found it.");
}

#[rstest]
#[case::failed(Play::FailInStream("server_error"), "agent_server_error", "code server_error")]
#[case::throttled(
    Play::FailInStream("rate_limit_exceeded"),
    "agent_rate_limited",
    "code rate_limit_exceeded"
)]
#[case::error(Play::ErrorEvent("overloaded"), "agent_server_error", "code overloaded")]
#[case::cancelled(Play::Cancelled, "agent_cancelled", "the run was cancelled upstream")]
#[case::empty(Play::Say(String::new(), Form::Pieces), "agent_empty", "no text")]
#[case::cut_short(
    Play::Say(String::new(), Form::Incomplete),
    "agent_empty",
    "no text, incomplete: max_output_tokens"
)]
#[case::model(
    Play::Refuse { status: 404, code: Some("model_not_found"), message: "no such model" },
    "agent_unknown_model",
    "status 404, code model_not_found, type invalid_request_error"
)]
#[tokio::test]
async fn each_bad_end_has_its_name(#[case] play: Play, #[case] name: &str, #[case] detail: &str) {
    let server = FakeResponses::start().await.unwrap();
    server.queue([play]);
    assert_eq!(run(&agent(&server, |_| {}), question("ann", "hi")).await.failed(), (name, detail.to_owned()));
}

#[tokio::test]
async fn what_came_with_the_question_goes_in_the_protocols_own_forms() {
    let server = FakeResponses::start().await.unwrap();
    let mut asked = question("ann", "What is this?");
    let file = |name: &str, media_type: &str, content: Option<&'static [u8]>| AgentAttachment {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        content: content.map(bytes_of),
    };
    asked.attachments = vec![
        file("a.png", "image/png", Some(b"abc")),
        file("b.pdf", "application/pdf", Some(b"abc")),
        file("c.txt", "text/plain", Some(b"plain words")),
        file("d.png", "image/png", None),
    ];
    run(&agent(&server, |_| {}), asked).await.answered();
    let seen = server.seen();
    let parts = seen.asked[0].body["input"][0]["content"].as_array().unwrap();
    assert_eq!(parts[0], json!({"type": "input_text", "text": "What is this?"}));
    assert_eq!(parts[1], json!({"type": "input_image", "image_url": "data:image/png;base64,YWJj"}));
    assert_eq!(
        parts[2],
        json!({"type": "input_file", "filename": "b.pdf", "file_data": "data:application/pdf;base64,YWJj"})
    );
    assert!(parts[3]["text"].as_str().unwrap().contains("plain words"));
    assert!(parts[4]["text"].as_str().unwrap().contains("d.png"), "what could not be fetched is named");
}

fn bytes_of(content: &'static [u8]) -> bytes::Bytes {
    bytes::Bytes::from_static(content)
}

fn in_background(server: &FakeResponses) -> Arc<dyn Agent> {
    agent(server, |config| config.extra_body = extra(&json!({"background": true})))
}

#[tokio::test]
async fn a_run_in_the_background_is_asked_for_until_it_is_done() {
    let server = FakeResponses::start().await.unwrap();
    let ran = run(&in_background(&server), question("ann", "hi")).await;
    assert_eq!(ran.answered(), ("You said: hi".to_owned(), Some("resp_1".to_owned())));
    let [handle] = &ran.handles()[..] else { panic!("one name: {ran:?}") };
    assert!(handle.pollable);
    assert_eq!(server.seen().looks, ["resp_1"]);
}

#[tokio::test]
async fn a_resumed_run_is_asked_for_and_not_asked_again() {
    let server = FakeResponses::start().await.unwrap();
    let agent = in_background(&server);
    server.queue([Play::Held("The result.".to_owned())]);
    let handle = begun(&agent, question("ann", "hi")).await;
    server.release();
    let mut again = question("ann", "hi");
    again.resume = Some(handle);
    assert_eq!(run(&agent, again).await.answered().0, "The result.");
    assert_eq!(server.seen().asked.len(), 1);
}

#[tokio::test]
async fn a_resumed_run_that_is_not_known_any_more_is_asked_anew() {
    let server = FakeResponses::start().await.unwrap();
    let agent = in_background(&server);
    server.queue([Play::Held("Lost.".to_owned())]);
    let handle = begun(&agent, question("ann", "hi")).await;
    server.forget();
    let mut again = question("ann", "hi");
    again.resume = Some(handle);
    assert_eq!(run(&agent, again).await.answered().0, "You said: hi");
    assert_eq!(server.seen().asked.len(), 2);
}

#[tokio::test]
async fn a_run_in_the_background_is_stopped_by_its_name_and_others_are_not() {
    let server = FakeResponses::start().await.unwrap();
    let agent = in_background(&server);
    server.queue([Play::Held("Never.".to_owned())]);
    let handle = begun(&agent, question("ann", "hi")).await;
    agent.cancel(&handle).await;
    server.wait_for(|seen| seen.cancels == ["resp_1"], CAP).await.unwrap();
    agent.cancel("wegent1 resp_1 - -").await;
    assert_eq!(server.seen().cancels.len(), 1, "a name of another kind of agent");
}
