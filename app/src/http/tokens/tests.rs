//! Tokens in the API: shown once, gone at once, and never all of them.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use futures_util::future::join;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_ports::tokens::TokenStore as _;

use crate::testing::{Answer, CONFIGURED, TestApi, problem};

async fn asked_with(api: &TestApi, token: &str, path: &str) -> Answer {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    api.send(request.body(Body::empty()).unwrap()).await
}

fn named<'a>(listed: &'a Answer, name: &str) -> &'a Value {
    let items = listed.json["items"].as_array().unwrap();
    items.iter().find(|item| item["name"] == name).unwrap()
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let api = TestApi::new().await;
    let made = api.post("/tokens", json!({"name": "Bot of 渠道", "role": "operator"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.json["token"].as_str().unwrap().to_owned();
    let id = made.json["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header(header::LOCATION), format!("/api/v1/tokens/{id}"));
    assert_eq!(made.json["last_used_at"], Value::Null);
    assert_eq!(asked_with(&api, &token, "/api/v1/agents").await.status, 200);
    problem(&asked_with(&api, &token, "/api/v1/tokens").await, 403, "forbidden");
    api.clock.advance(Duration::from_mins(1));
    let listed = api.get("/tokens").await;
    assert!(!listed.text.contains(&token) && !listed.text.contains("swb_"));
    let row = named(&listed, "Bot of 渠道");
    assert_eq!((&row["role"], &row["bootstrap"]), (&json!("operator"), &json!(false)));
    assert_eq!(row["last_used_at"], "2026-01-02T03:04:05.678Z");
    assert_eq!(named(&listed, "v")["last_used_at"], Value::Null);
    assert_eq!(api.delete(&format!("/tokens/{id}")).await.status, 204);
    problem(&asked_with(&api, &token, "/api/v1/agents").await, 401, "unauthorized");
    problem(&api.delete(&format!("/tokens/{id}")).await, 404, "not-found");
    // By its name, too.
    assert_eq!(api.delete("/tokens/v").await.status, 204);
    let acts = api.get("/acts").await;
    let subjects: Vec<_> = acts.json["items"].as_array().unwrap().iter().map(|act| &act["subject"]).collect();
    assert_eq!(subjects, ["v", "Bot of 渠道", "Bot of 渠道"]);
    assert!(api.stores.state().journal.iter().all(|line| !line.body.contains("swb_")));
}

#[rstest]
#[case(json!({}), &["/name", "/role"])]
#[case(json!({"name": " a", "role": "admin"}), &["/name"])]
#[case(json!({"name": "a\nb", "role": "root"}), &["/name", "/role"])]
#[case(json!({"name": "configured-admin", "role": "admin"}), &["/name"])]
#[case(json!({"name": "a", "role": "admin", "token": "swb_mine"}), &["/token"])]
#[tokio::test]
async fn what_is_wrong_with_a_token_is_named(#[case] body: Value, #[case] pointers: &[&str]) {
    let api = TestApi::new().await;
    let answer = api.post("/tokens", body).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), pointers);
    assert_eq!(api.stores.state().tokens.len(), 3);
}

#[tokio::test]
async fn the_last_administrator_stays_unless_one_is_configured() {
    let api = TestApi::without_configured_token().await;
    assert_eq!(asked_with(&api, CONFIGURED, "/api/v1/agents").await.status, 401);
    problem(&api.delete("/tokens/a").await, 409, "wrong-state");
    assert_eq!(api.post("/tokens", json!({"name": "b", "role": "admin"})).await.status, 201);
    // Whoever revokes themselves and the other one at once keeps one of them.
    let (one, other) = join(api.delete("/tokens/b"), api.delete("/tokens/a")).await;
    assert!(one.status == 204 || other.status == 204);
    let admins = api.stores.list().await.unwrap();
    let admins = admins.iter().filter(|token| token.role == switchboard_ports::tokens::Role::Admin).count();
    assert_eq!(admins, 1);
    let configured = TestApi::new().await;
    assert_eq!(configured.delete("/tokens/a").await.status, 204);
}
