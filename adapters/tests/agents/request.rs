//! What a chat request consists of.

use bytes::Bytes;
use serde_json::{Value, json};
use switchboard_domain::ids::{Seq, SessionNumber};
use switchboard_domain::secret::Secret;
use switchboard_domain::snapshot::{Role, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::{AgentAttachment, AgentEvent, RunRequest};
use switchboard_ports::agents::AgentConfig;

use futures_util::StreamExt;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::peer::{build, config, request, said};

const WHOLE: &str = r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#;

/// What the server gets from an agent with these settings, which are changed first.
async fn received(change: impl FnOnce(&mut AgentConfig), asked: RunRequest) -> (Request, Vec<AgentEvent>) {
    let server = MockServer::start().await;
    let response = ResponseTemplate::new(200).set_body_raw(WHOLE, "application/json");
    Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(response).mount(&server).await;
    let mut config = config("openai-chat", &format!("{}/v1/", server.uri()));
    change(&mut config);
    let events: Vec<AgentEvent> = build(&config).run(asked).collect().await;
    (server.received_requests().await.unwrap().remove(0), events)
}

fn line(role: Role, text: &str) -> TranscriptLine {
    TranscriptLine {
        session: SessionNumber(1),
        seq: Seq(1),
        role,
        text: text.to_owned(),
        at: Timestamp::default(),
        mark: None,
    }
}

#[tokio::test]
async fn the_body_has_prompt_history_and_question() {
    let mut asked = request("How do I optimize performance?");
    asked.history = vec![
        line(Role::User, "I'm working on a React project"),
        line(Role::Assistant, ""),
        line(Role::Assistant, "Nice."),
    ];
    let (got, events) = received(|config| config.system_prompt = Some("Be brief.".to_owned()), asked).await;
    assert_eq!(
        got.body_json::<Value>().unwrap(),
        json!({
            "model": "gpt-x",
            "stream": true,
            "user": "usr_1",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "I'm working on a React project" },
                { "role": "assistant", "content": "Nice." },
                { "role": "user", "content": "How do I optimize performance?" },
            ],
        })
    );
    assert_eq!(said(&events), "Hi");
}

#[tokio::test]
async fn headers_carry_the_key_the_turn_and_the_user() {
    let (got, _) = received(
        |config| {
            config.headers.insert("X-User".to_owned(), Secret::new("{{user.username}}"));
            config.headers.insert("X-Name".to_owned(), Secret::new("{{user.display_name}} ({{user.id}})"));
        },
        request("Hello?"),
    )
    .await;
    for (name, value) in [
        ("authorization", "Bearer sk-test"),
        ("idempotency-key", "chn_1/cnv_1/7"),
        ("accept", "text/event-stream"),
        ("content-type", "application/json"),
        ("x-user", "zhang3"),
        ("x-name", "%E5%BC%A0%E4%B8%89 (usr_1)"),
    ] {
        assert_eq!(got.headers[name], value);
    }
}

#[tokio::test]
async fn without_a_key_there_is_no_authorization() {
    let (got, _) = received(|config| config.api_key = Secret::default(), request("Hello?")).await;
    assert!(!got.headers.contains_key("authorization"));
}

#[tokio::test]
async fn an_authorization_of_another_scheme_is_a_header() {
    let (got, _) = received(
        |config| {
            config.api_key = Secret::default();
            config.headers.insert("Authorization".to_owned(), Secret::new("Basic eDp5"));
        },
        request("Hello?"),
    )
    .await;
    assert_eq!(got.headers["authorization"], "Basic eDp5");
}

#[tokio::test]
async fn extra_fields_are_merged_and_null_takes_one_out() {
    let (got, _) = received(
        |config| {
            config.extra_body =
                json!({ "temperature": 0.2, "user": null, "stop": null }).as_object().unwrap().clone();
            config.stream = false;
        },
        request("Hello?"),
    )
    .await;
    let body = got.body_json::<Value>().unwrap();
    assert_eq!(
        body,
        json!({
            "model": "gpt-x",
            "stream": false,
            "temperature": 0.2,
            "messages": [{ "role": "user", "content": "Hello?" }],
        })
    );
    assert_eq!(got.headers["accept"], "application/json");
}

#[tokio::test]
async fn the_model_chosen_in_the_chat_comes_first() {
    let mut asked = request("Hello?");
    asked.model = Some("gpt-y".to_owned());
    let (got, _) = received(|_| {}, asked).await;
    assert_eq!(got.body_json::<Value>().unwrap()["model"], "gpt-y");
    let (got, _) = received(|config| config.model = None, request("Hello?")).await;
    assert_eq!(got.body_json::<Value>().unwrap().get("model"), None);
}

#[tokio::test]
async fn the_query_of_the_base_address_stays() {
    let (got, _) = received(|config| config.base_url.push_str("?api-version=1"), request("Hello?")).await;
    assert_eq!(got.url.query(), Some("api-version=1"));
}

#[tokio::test]
async fn turns_of_any_length_keep_keys_of_their_own() {
    let mut asked = request("Hello?");
    asked.turn = format!("{}/7 会", "c".repeat(400));
    let (got, _) = received(|_| {}, asked).await;
    assert_eq!(got.headers["idempotency-key"], format!("{}/7 %E4%BC%9A", "c".repeat(400)));
}

#[tokio::test]
async fn what_came_with_the_question_goes_as_parts() {
    let came = |name: &str, media_type: &str, content: &'static [u8]| AgentAttachment {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        content: Some(Bytes::from_static(content)),
    };
    let mut asked = request("What is this?");
    asked.attachments = vec![
        came("a.png", "image/png", b"abc"),
        came("a.wav", "audio/wav", b"abc"),
        came("a.pdf", "application/pdf", b"abc"),
        came("a.txt", "text/plain", b"abc"),
        AgentAttachment { name: "a.zip".to_owned(), media_type: "application/zip".to_owned(), content: None },
    ];
    let (got, _) = received(|_| {}, asked.clone()).await;
    let parts = json!([
        { "type": "text", "text": "What is this?" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,YWJj" } },
        { "type": "input_audio", "input_audio": { "data": "YWJj", "format": "wav" } },
        { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,YWJj" } },
        { "type": "text", "text": "File \"a.txt\":\n```\nabc\n```" },
        { "type": "text", "text": "[attachment \"a.zip\", application/zip: its content is not available]" },
    ]);
    assert_eq!(got.body_json::<Value>().unwrap()["messages"], json!([{ "role": "user", "content": parts }]));
    asked.text = String::new();
    let (got, _) = received(|_| {}, asked).await;
    let content = &got.body_json::<Value>().unwrap()["messages"][0]["content"];
    assert_eq!(content.as_array().unwrap().len(), 5, "no empty text stands before them");
}
