//! Agents through the whole router.

use axum::http::header;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::ids::AgentId;
use switchboard_domain::notice::{Finding, failure};
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::settings::Locale;

use crate::testing::{TestApi, problem};

fn full() -> Value {
    json!({"name": "helper", "kind": "openai-chat", "base_url": "http://127.0.0.1:9/v1", "api_key": "s3cr3t",
        "model": "m", "system_prompt": "line\nline", "headers": {"X-Team": "s3cr3t"}, "extra_body": {"top_p": 1}})
}

#[tokio::test]
async fn a_new_agent_is_201_with_location_etag_defaults_and_masked_secrets() {
    let api = TestApi::new().await;
    let made = api.post("/agents", full()).await;
    assert_eq!(made.status, 201);
    let id = made.json["id"].as_str().unwrap();
    assert!(id.starts_with("agt_"));
    assert_eq!(made.header(header::LOCATION), format!("/api/v1/agents/{id}"));
    assert_eq!(made.header(header::ETAG), "\"1\"");
    let expected = json!({"id": id, "name": "helper", "kind": "openai-chat", "base_url": "http://127.0.0.1:9/v1",
        "api_key": "***", "model": "m", "models": [], "system_prompt": "line\nline", "headers": {"X-Team": "***"},
        "extra_body": {"top_p": 1}, "stream": true, "mode": "auto", "connect_timeout_ms": 5000, "first_output_timeout_ms": 60000,
        "idle_timeout_ms": 60000, "turn_timeout_ms": 600_000, "max_output_chars": 200_000,
        "max_history_messages": 40, "max_history_chars": 60000,
        "identity": {"metadata": false, "email": false, "department": false, "token": null},
        "managed_by_file": false, "version": 1, "created_at": "2026-01-02T03:04:05.678Z", "updated_at": "2026-01-02T03:04:05.678Z"});
    assert_eq!(made.json, expected);
    let read = api.get(&format!("/agents/{id}")).await;
    assert_eq!((read.json.clone(), read.header(header::ETAG)), (expected, "\"1\""));
    let stored = api.stores.state().agents[&AgentId::new(id)].clone();
    assert_eq!(stored.api_key.expose(), "s3cr3t");
    assert_eq!(stored.headers["X-Team"].expose(), "s3cr3t");
}

#[rstest]
#[case(json!({"kind": "nonsense"}), &["/name", "/kind"])]
#[case(json!({"name": "a", "kind": "openai-chat"}), &["/base_url"])]
#[case(json!({"name": "a", "kind": "echo", "colour": 1, "a/b": 2}), &["/a~1b", "/colour"])]
#[case(json!({"name": "x".repeat(10_000), "kind": "echo"}), &["/name"])]
#[case(json!({"name": 7, "kind": "echo", "stream": "yes", "connect_timeout_ms": 1.5}),
       &["/name", "/stream", "/connect_timeout_ms"])]
#[case(json!({"name": "a", "kind": "echo", "api_key": "***", "headers": {"X": "***"}}), &["/api_key", "/headers/X"])]
#[case(json!({"name": "a", "kind": "echo", "headers": {"a b": "x", "Y": 1}}), &["/headers/Y", "/headers/a b"])]
#[case(json!({"name": "a", "kind": "echo", "turn_timeout_ms": 999, "max_output_chars": 0, "max_history_chars": -1}),
       &["/turn_timeout_ms", "/max_output_chars", "/max_history_chars"])]
#[case(json!({"name": "a", "kind": "echo", "base_url": "ftp://h"}), &["/base_url"])]
#[case(json!({"name": "a", "kind": "echo", "base_url": "http://u:p@h/"}), &["/base_url"])]
#[case(json!({"name": "a\nb", "kind": "echo"}), &["/name"])]
#[case(json!({"name": "a", "kind": "echo", "headers": {"Host": "h"}}), &["/headers/Host"])]
#[case(json!({"name": "a", "kind": "echo", "id": "agt_1", "version": 1}), &["/id", "/version"])]
#[case(json!(["name"]), &[""])]
#[tokio::test]
async fn bad_documents_are_422_with_every_pointer_and_nothing_is_made(
    #[case] document: Value,
    #[case] pointers: &[&str],
) {
    let api = TestApi::new().await;
    let answer = api.post("/agents", document).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), pointers, "{}", answer.text);
    assert!(api.stores.state().agents.is_empty());
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_keeps_secrets_that_are_absent_empty_or_masked() {
    let api = TestApi::new().await;
    let made = api.post("/agents", full()).await;
    let id = made.json["id"].as_str().unwrap();
    let path = format!("/agents/{id}");
    for (patch, version) in [
        (json!({"model": "n"}), 2),
        (json!({"api_key": "", "model": "o"}), 3),
        (json!({"api_key": "***", "headers": {"X-Team": "***"}, "model": null}), 4),
    ] {
        let answer = api.patch(&path, patch).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json["version"], version);
        assert_eq!(answer.header(header::ETAG), format!("\"{version}\""));
        assert!(!answer.text.contains("s3cr3t"));
    }
    let stored = || api.stores.state().agents[&AgentId::new(id)].clone();
    assert_eq!(stored().api_key.expose(), "s3cr3t");
    assert_eq!(stored().headers["X-Team"].expose(), "s3cr3t");
    assert_eq!(stored().model, None);
    let cleared = api.patch(&path, json!({"api_key": null, "headers": {"X-Team": null, "X-New": "v"}})).await;
    assert_eq!(cleared.json["api_key"], Value::Null);
    assert_eq!(cleared.json["headers"], json!({"X-New": "***"}));
    assert!(stored().api_key.is_empty());
    assert_eq!(api.operations.calls().len(), 4);
}

#[tokio::test]
async fn an_answer_can_be_sent_back_as_a_patch_and_changes_nothing() {
    let api = TestApi::new().await;
    let made = api.post("/agents", full()).await;
    let path = format!("/agents/{}", made.json["id"].as_str().unwrap());
    let answer = api.patch(&path, made.json.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.json), (200, made.json));
    assert!(api.operations.calls().is_empty());
}

#[rstest]
#[case(json!({"colour": 1}), &["/colour"])]
#[case(json!({"name": 1}), &["/name"])]
#[case(json!({"name": null}), &["/name"])]
#[case(json!({"name": "x".repeat(10_000)}), &["/name"])]
#[case(json!({"version": 7, "id": "x"}), &["/id", "/version"])]
#[case(json!({"headers": {"X-Other": "***"}}), &["/headers/X-Other"])]
#[case(json!({"headers": {"x-team": "v"}}), &["/headers/x-team"])]
#[case(json!([]), &[""])]
#[tokio::test]
async fn bad_patches_are_422_and_nothing_changes(#[case] patch: Value, #[case] pointers: &[&str]) {
    let api = TestApi::new().await;
    let made = api.post("/agents", full()).await;
    let path = format!("/agents/{}", made.json["id"].as_str().unwrap());
    let before = api.stores.state().clone();
    let answer = api.patch(&path, patch).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), pointers, "{}", answer.text);
    assert_eq!(*api.stores.state(), before);
}

#[tokio::test]
async fn a_name_that_is_taken_is_409_in_either_case() {
    let api = TestApi::new().await;
    api.agent("helper").await;
    let other = api.agent("other").await;
    let made = api.post("/agents", json!({"name": "HELPER", "kind": "echo"})).await;
    problem(&made, 409, "duplicate");
    assert_eq!(made.pointers(), ["/name"]);
    problem(&api.patch(&other, json!({"name": "Helper"})).await, 409, "duplicate");
    assert_eq!(api.get(&other).await.json["name"], "other");
}

#[tokio::test]
async fn a_stale_if_match_is_412_for_changes_and_deletions() {
    let api = TestApi::new().await;
    let path = api.agent("a").await;
    assert_eq!(api.patch_if(&path, "\"1\"", json!({"model": "m"})).await.status, 200);
    problem(&api.patch_if(&path, "\"1\"", json!({"model": "n"})).await, 412, "stale");
    let mut request = api.request(axum::http::Method::DELETE, &format!("/api/v1{path}"), None);
    request.headers_mut().insert(header::IF_MATCH, "\"1\"".parse().unwrap());
    problem(&api.send(request).await, 412, "stale");
    assert_eq!(api.get(&path).await.json["model"], "m");
}

#[tokio::test]
async fn an_agent_in_use_is_409_and_names_the_channels_then_goes_with_204() {
    let api = TestApi::new().await;
    let path = api.agent("a").await;
    let id = path.rsplit('/').next().unwrap();
    let channel = api.channel("Bot").await;
    api.patch(&channel, json!({"default_agent_id": id})).await;
    let refused = api.delete(&path).await;
    problem(&refused, 409, "in-use");
    assert!(refused.json["detail"].as_str().unwrap().contains("\"Bot\""));
    api.patch(&channel, json!({"default_agent_id": null})).await;
    let gone = api.delete(&path).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    problem(&api.get(&path).await, 404, "not-found");
    problem(&api.delete(&path).await, 404, "not-found");
}

#[tokio::test]
async fn what_the_file_manages_is_409() {
    let api = TestApi::new().await;
    let path = api.agent("a").await;
    api.stores.state().agents.values_mut().for_each(|agent| agent.managed_by_file = true);
    problem(&api.patch(&path, json!({"model": "m"})).await, 409, "managed-by-file");
    problem(&api.delete(&path).await, 409, "managed-by-file");
}

#[rstest]
#[case("", Some(250), None)]
#[case("hang", None, Some(("agent_first_output_timeout", "nothing came within first_output_timeout_ms (2000 ms)")))]
#[case("stall", Some(0), Some(("agent_idle_timeout", "nothing more came within idle_timeout_ms (1000 ms)")))]
#[case("cut", Some(0), Some(("agent_cut_stream", "the answer broke off before its end")))]
#[case("empty", None, Some(("agent_empty", "the answer ended without any text")))]
#[case("refuse", None, Some(("agent_unauthorized", "HTTP 401")))]
#[tokio::test(start_paused = true)]
async fn a_test_says_how_the_agent_behaves(
    #[case] model: &str,
    #[case] first_output_ms: Option<u64>,
    #[case] error: Option<(&str, &str)>,
) {
    let api = TestApi::new().await;
    let path = api.agent("a").await;
    let quick = json!({"model": model, "first_output_timeout_ms": 2000, "idle_timeout_ms": 1000});
    api.patch(&path, quick).await;
    let answer = api.post(&format!("{path}/test"), json!(null)).await;
    let words = error.and_then(|(code, _)| FailureCause::named(code)).map(|cause| failure(cause, Locale::En));
    assert_eq!(words.is_some(), error.is_some());
    let expected = json!({
        "ok": error.is_none(), "result": if error.is_none() { "ok" } else { "failed" },
        "first_output_ms": first_output_ms, "error": error.map(|(code, message)| json!({"code": code, "message": message})),
        "message": words.map(|words| words.message), "remedy": words.map(|words| words.remedy),
    });
    assert_eq!((answer.status.as_u16(), answer.json), (200, expected));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_makes_users_is_tested_as_a_user_there_is_or_as_nobody() {
    let api = TestApi::new().await;
    let path = api.agent("a").await;
    api.patch(&path, json!({"model": "makes users"})).await;
    let mut request = api.request(axum::http::Method::POST, &format!("/api/v1{path}/test"), None);
    request.headers_mut().insert(header::ACCEPT_LANGUAGE, "zh-CN".parse().unwrap());
    for (answer, locale) in [
        (api.post(&format!("{path}/test"), json!(null)).await, Locale::En),
        (api.send(request).await, Locale::ZhCn),
    ] {
        let words = Finding::AgentWantsUser.words(locale);
        let expected = json!({"ok": false, "result": "cannot_be_told", "first_output_ms": null, "error": null,
            "message": words.message, "remedy": words.remedy});
        assert_eq!((answer.status.as_u16(), answer.json), (200, expected));
    }
    let user = api.user("ann", Vec::new());
    let answer = api.post(&format!("{path}/test?user_id={user}"), json!(null)).await;
    assert_eq!((answer.status.as_u16(), &answer.json["result"]), (200, &json!("ok")));
    problem(&api.post(&format!("{path}/test?user_id=usr_0"), json!(null)).await, 404, "not-found");
    problem(&api.post(&format!("{path}/test?user=ann"), json!(null)).await, 422, "invalid-field");
}

/// An agent may act as whoever it is told of: nobody is told to it who may not write themselves.
#[tokio::test(start_paused = true)]
async fn an_agent_is_not_tested_as_a_user_who_has_no_access() {
    let api = TestApi::new().await;
    let path = api.agent("a").await;
    let user = api.user("ann", Vec::new());
    let test = format!("{path}/test?user_id={user}");
    assert_eq!(api.post(&test, json!(null)).await.status.as_u16(), 200);
    api.patch(&format!("/users/{user}"), json!({"disabled": true})).await;
    problem(&api.post(&test, json!(null)).await, 409, "wrong-state");
    api.patch(&format!("/users/{user}"), json!({"disabled": false})).await;
    let mut shut_out = api.stores.state().users.get(&user).unwrap().clone();
    shut_out.shut_out_by = Some("corp".to_owned());
    api.stores.state().users.insert(user, shut_out);
    problem(&api.post(&test, json!(null)).await, 409, "wrong-state");
}

#[tokio::test(start_paused = true)]
async fn a_test_never_takes_longer_than_half_a_minute() {
    let api = TestApi::new().await;
    let path = api.agent("a").await;
    api.patch(&path, json!({"model": "hang", "first_output_timeout_ms": 3_600_000})).await;
    let begun = tokio::time::Instant::now();
    let answer = api.post(&format!("{path}/test"), json!(null)).await;
    assert_eq!(answer.json["error"]["code"], "agent_turn_timeout");
    assert_eq!(answer.json["error"]["message"], "the answer was not complete after 30000 ms");
    assert_eq!(begun.elapsed().as_secs(), 30);
}
