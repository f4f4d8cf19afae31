//! Bad input at the API's real socket: the right problem document each, and nothing changed.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_tests::api::{Answer, Api};

use super::stage::{APP, APP_SECRET, Stage};

/// Everything a bad request could have changed.
async fn state(api: &Api) -> [Value; 2] {
    [api.get("/channels").await, api.get("/agents").await]
}

/// A problem document of this kind, with these bad fields.
#[track_caller]
fn is_problem(answer: &Answer, status: u16, kind: &str, pointers: &[&str]) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let problem = &answer.json;
    assert_eq!(problem["type"], format!("urn:switchboard:problem:{kind}"), "{problem}");
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let named: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap_or_default()).collect();
    assert_eq!(named, pointers, "{problem}");
    assert!(errors.iter().all(|error| error["message"].is_string()), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_get_their_problem_document_and_change_nothing() {
    let stage = Stage::start().await;
    let before = state(&stage.api).await;
    let channel = format!("/channels/{}", stage.channel);
    let cases: [(Value, &[&str]); 9] = [
        (json!({ "unheard_of": 1 }), &["/unheard_of"]),
        (json!({ "config": { "unheard/of": 1 } }), &["/config/unheard~1of"]),
        (json!({ "enabled": "yes" }), &["/enabled"]),
        (
            json!({ "name": 7, "access": { "messages_per_minute": -1 } }),
            &["/name", "/access/messages_per_minute"],
        ),
        (json!({ "name": "n".repeat(10_000) }), &["/name"]),
        (json!({ "name": null }), &["/name"]),
        (json!({ "type": "wecom" }), &["/type"]),
        (json!({ "default_agent_id": "agt_unknown" }), &["/default_agent_id"]),
        (json!({ "config": { "calls_per_second": 1.5 } }), &["/config/calls_per_second"]),
    ];
    for (body, pointers) in cases {
        let answer = stage.api.send(Method::PATCH, &channel, Some(&body)).await;
        is_problem(&answer, 422, "invalid-field", pointers);
        assert!(answer.text.len() < 10_000, "a long value is not repeated");
    }
    let not_an_object = stage.api.send(Method::PATCH, &channel, Some(&json!([1]))).await;
    is_problem(&not_an_object, 422, "invalid-field", &[""]);
    let masked =
        json!({ "name": "New", "type": "dingtalk", "config": { "client_id": APP, "client_secret": "***" } });
    let answer = stage.api.send(Method::POST, "/channels", Some(&masked)).await;
    is_problem(&answer, 422, "invalid-field", &["/config/client_secret"]);
    assert_eq!(state(&stage.api).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_ten_mebibytes_is_refused_as_too_large_and_the_connection_survives() {
    let stage = Stage::start().await;
    let before = state(&stage.api).await;
    let channel = format!("/api/v1/channels/{}", stage.channel);
    let body = format!("{{\"name\": \"{}\"}}", "n".repeat(10 * 1024 * 1024));
    for (method, path) in [(Method::PATCH, channel.as_str()), (Method::POST, "/api/v1/agents")] {
        let request = stage.api.request(method, path).header("content-type", "application/json");
        let answer = stage.api.answer(request.body(body.clone())).await;
        is_problem(&answer, 413, "too-large", &[]);
    }
    assert_eq!(state(&stage.api).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_or_not_said_to_be_is_refused() {
    let stage = Stage::start().await;
    let before = state(&stage.api).await;
    let channel = format!("/api/v1/channels/{}", stage.channel);
    let patch = |kind: &'static str, body: &'static str| {
        let request = stage.api.request(Method::PATCH, &channel);
        stage.api.answer(request.header("content-type", kind).body(body))
    };
    is_problem(&patch("application/json", "{\"name\": ").await, 400, "malformed", &[]);
    is_problem(&patch("application/json", "").await, 400, "malformed", &[]);
    is_problem(&patch("text/plain", "{}").await, 415, "not-json", &[]);
    assert_eq!(state(&stage.api).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_unknown_ids_and_stale_versions_are_refused() {
    let stage = Stage::start().await;
    let before = state(&stage.api).await;
    let config = json!({ "client_id": "another", "client_secret": APP_SECRET });
    let duplicate = json!({ "name": "bOT", "type": "dingtalk", "config": config });
    let answer = stage.api.send(Method::POST, "/channels", Some(&duplicate)).await;
    is_problem(&answer, 409, "duplicate", &["/name"]);
    let duplicate = json!({ "name": "Scripted", "kind": "echo" });
    let answer = stage.api.send(Method::POST, "/agents", Some(&duplicate)).await;
    is_problem(&answer, 409, "duplicate", &["/name"]);

    for (method, path) in [
        (Method::GET, "/channels/chn_unknown"),
        (Method::PATCH, "/channels/chn_unknown"),
        (Method::DELETE, "/channels/chn_unknown"),
        (Method::POST, "/channels/chn_unknown/enable"),
        (Method::GET, "/channels/chn_unknown/status"),
        (Method::PATCH, "/agents/agt_unknown"),
        (Method::GET, "/conversations/cnv_unknown"),
        (Method::GET, "/users/usr_unknown"),
        (Method::GET, "/nothing"),
    ] {
        let body = (method == Method::PATCH).then(|| json!({ "name": "x" }));
        let answer = stage.api.send(method, path, body.as_ref()).await;
        is_problem(&answer, 404, "not-found", &[]);
    }

    let used = stage.api.get("/agents").await["items"][0]["id"].as_str().unwrap().to_owned();
    let answer = stage.api.send(Method::DELETE, &format!("/agents/{used}"), None).await;
    is_problem(&answer, 409, "in-use", &[]);
    assert!(answer.text.contains("Bot"), "the channels that use it are named: {}", answer.text);

    let channel = format!("/api/v1/channels/{}", stage.channel);
    let request = stage.api.request(Method::PATCH, &channel).header("if-match", "\"999\"");
    is_problem(&stage.api.answer(request.json(&json!({ "name": "x" }))).await, 412, "stale", &[]);
    assert_eq!(state(&stage.api).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_or_with_a_wrong_one_nothing_is_told_and_nothing_is_done() {
    let stage = Stage::start().await;
    let before = state(&stage.api).await;
    let path = format!("/channels/{}", stage.channel);
    for token in [None, Some("wrong"), Some("")] {
        let stranger = stage.api.with_token(token);
        for (method, path) in [
            (Method::GET, path.as_str()),
            (Method::PATCH, path.as_str()),
            (Method::DELETE, path.as_str()),
            (Method::GET, "/status"),
            (Method::GET, "/events"),
            (Method::GET, "/nothing"),
        ] {
            let body = (method == Method::PATCH).then(|| json!({ "name": "x" }));
            let answer = stranger.send(method, path, body.as_ref()).await;
            is_problem(&answer, 401, "unauthorized", &[]);
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
        }
        let metrics = stranger.answer(stranger.request(Method::GET, "/metrics")).await;
        is_problem(&metrics, 401, "unauthorized", &[]);
        for open in ["/healthz", "/readyz"] {
            assert_eq!(stranger.answer(stranger.request(Method::GET, open)).await.status, 200);
        }
    }
    assert_eq!(state(&stage.api).await, before);
}
