//! Tokens, roles, and what happens to somebody who guesses.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use switchboard_ports::tokens::{Role, TokenStore as _};

use super::bootstrap::first_admin_token;
use crate::http::origin::Arrival;
use crate::testing::{Answer, CONFIGURED, FakeClock, FakeEntropy, FakeStores, TestApi, problem};

async fn with(api: &TestApi, authorization: &str) -> Answer {
    let request = Request::get("/api/v1/agents").header(header::AUTHORIZATION, authorization);
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_scheme_has_no_case_and_nothing_else_passes() {
    let api = TestApi::new().await;
    let token = api.token(Role::Viewer).to_owned();
    for good in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER  {token} ")] {
        assert_eq!(with(&api, &good).await.status, 200, "{good}");
    }
    for bad in [format!("Basic {token}"), token.clone(), format!("Bearer{token}"), format!("Bearer {token}x")]
    {
        problem(&with(&api, &bad).await, 401, "unauthorized");
    }
}

#[tokio::test]
async fn the_configured_token_is_an_admin_and_is_not_stored() {
    let api = TestApi::new().await;
    assert_eq!(with(&api, &format!("Bearer {CONFIGURED}")).await.status, 200);
    assert_eq!(api.stores.state().tokens.len(), 3);
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let api = TestApi::new().await;
    let bearer = format!("Bearer {}", api.token(Role::Operator));
    assert_eq!(with(&api, &bearer).await.status, 200);
    assert!(api.stores.revoke("o").await.unwrap());
    problem(&with(&api, &bearer).await, 401, "unauthorized");
}

#[tokio::test]
async fn somebody_who_guesses_is_held_up_and_known_callers_are_not() {
    let api = TestApi::new().await;
    let known = format!("Bearer {}", api.token(Role::Viewer));
    let unseen = format!("Bearer {}", api.token(Role::Admin));
    assert_eq!(with(&api, &known).await.status, 200);
    for _ in 0..=100 {
        problem(&with(&api, "Bearer swb_guess").await, 401, "unauthorized");
    }
    let held_up = with(&api, "Bearer swb_guess").await;
    problem(&held_up, 429, "too-many");
    assert_eq!(held_up.header(header::RETRY_AFTER), "2");
    // Even a lucky guess is not looked at; who was let in before goes on.
    problem(&with(&api, &unseen).await, 429, "too-many");
    assert_eq!(with(&api, &known).await.status, 200);
    api.clock.advance(Duration::from_secs(2));
    assert_eq!(with(&api, &unseen).await.status, 200);
}

/// A wrong token that reaches the server from a peer, with a header about the client.
async fn wrong_token(api: &TestApi, peer: &str, forwarded_for: &str) -> Answer {
    let mut request = Request::get("/api/v1/agents")
        .header(header::AUTHORIZATION, "Bearer swb_guess")
        .header("x-forwarded-for", forwarded_for)
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(Arrival { peer: peer.parse().unwrap(), tls: false });
    api.send(request).await
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_is_held_up_for_itself() {
    let api = TestApi::configured(false, "trusted_proxies = [\"10.0.0.0/8\"]").await;
    for _ in 0..=100 {
        problem(&wrong_token(&api, "10.0.0.1:1", "203.0.113.7").await, 401, "unauthorized");
    }
    problem(&wrong_token(&api, "10.0.0.1:1", "203.0.113.7").await, 429, "too-many");
    // Through another of our proxies it is the same client; what it writes itself does not help it.
    problem(&wrong_token(&api, "10.0.0.2:1", "198.51.100.1, 203.0.113.7").await, 429, "too-many");
    problem(&wrong_token(&api, "203.0.113.7:1", "198.51.100.2").await, 429, "too-many");
    problem(&wrong_token(&api, "10.0.0.1:1", "203.0.113.8").await, 401, "unauthorized");
}

#[tokio::test]
async fn without_trusted_proxies_the_headers_help_nobody() {
    let api = TestApi::new().await;
    for number in 0..=100 {
        let client = format!("198.51.100.{number}");
        problem(&wrong_token(&api, "203.0.113.7:1", &client).await, 401, "unauthorized");
    }
    problem(&wrong_token(&api, "203.0.113.7:1", "198.51.100.200").await, 429, "too-many");
}

#[tokio::test]
async fn the_first_start_makes_one_admin_token_and_later_starts_none() {
    let (stores, clock, entropy) = (FakeStores::default(), FakeClock::default(), FakeEntropy::default());
    let made = first_admin_token(&stores, &clock, &entropy).await.unwrap().unwrap();
    let found = stores.by_hash(&super::token::hash(&made)).await.unwrap().unwrap();
    assert_eq!(found.role, Role::Admin);
    assert_eq!(first_admin_token(&stores, &clock, &entropy).await.unwrap(), None);
}
