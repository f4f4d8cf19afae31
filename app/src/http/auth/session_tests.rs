//! Sessions: who may sign in, what a cookie may do, and when it may not any more.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, header};
use futures_util::StreamExt as _;
use switchboard_ports::tokens::{Role, TokenStore as _};

use tokio::time::Instant;
use tower::ServiceExt as _;

use super::session::{CSRF_HEADER, LASTS};
use crate::testing::{Answer, TestApi, problem};

/// Signs in; the cookie.
async fn signed_in(api: &TestApi, token: &str) -> String {
    let request = Request::post("/panel/sign-in").body(Body::from(format!("token={token}"))).unwrap();
    let answer = api.send(request).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header(header::SET_COOKIE).split(';').next().unwrap().to_owned()
}

/// The proof that the pages of a session carry.
async fn proof(api: &TestApi, cookie: &str) -> String {
    let request = Request::get("/panel/channels").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let page = api.send(request).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.text.split("name=\"csrf-token\" content=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn asked(api: &TestApi, method: Method, cookie: &str, more: &[(&str, &str)]) -> Answer {
    let mut request =
        Request::builder().method(method).uri("/api/v1/failures/flr_1").header(header::COOKIE, cookie);
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    api.send(request.body(Body::empty()).unwrap()).await
}

async fn read(api: &TestApi, cookie: &str) -> Answer {
    let request = Request::get("/api/v1/agents").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    api.send(request).await
}

async fn with_channel() -> TestApi {
    let api = TestApi::new().await;
    api.agent("helper").await;
    api
}

#[tokio::test]
async fn a_session_reads_without_a_proof_and_changes_with_one_only() {
    let api = with_channel().await;
    let cookie = signed_in(&api, api.token(Role::Operator)).await;
    assert_eq!(read(&api, &cookie).await.status, 200);
    let proof = proof(&api, &cookie).await;
    problem(&asked(&api, Method::DELETE, &cookie, &[]).await, 403, "cross-site");
    problem(&asked(&api, Method::DELETE, &cookie, &[(CSRF_HEADER, "guess")]).await, 403, "cross-site");
    problem(&asked(&api, Method::DELETE, &cookie, &[(CSRF_HEADER, &proof)]).await, 404, "not-found");
    for site in ["cross-site", "same-site"] {
        let more = [(CSRF_HEADER, proof.as_str()), ("sec-fetch-site", site)];
        problem(&asked(&api, Method::DELETE, &cookie, &more).await, 403, "cross-site");
    }
    let more = [(CSRF_HEADER, proof.as_str()), ("origin", "https://evil.example"), ("host", "here")];
    problem(&asked(&api, Method::DELETE, &cookie, &more).await, 403, "cross-site");
}

#[tokio::test]
async fn one_sessions_proof_is_none_for_another() {
    let api = with_channel().await;
    let (one, two) =
        (signed_in(&api, api.token(Role::Operator)).await, signed_in(&api, api.token(Role::Operator)).await);
    let proof = proof(&api, &one).await;
    problem(&asked(&api, Method::DELETE, &two, &[(CSRF_HEADER, &proof)]).await, 403, "cross-site");
}

#[tokio::test]
async fn a_session_may_do_what_its_token_may_do_now_and_ends_with_it() {
    let api = with_channel().await;
    let cookie = signed_in(&api, api.token(Role::Viewer)).await;
    let proof = proof(&api, &cookie).await;
    problem(&asked(&api, Method::DELETE, &cookie, &[(CSRF_HEADER, &proof)]).await, 403, "forbidden");
    assert!(api.stores.revoke("v").await.unwrap());
    problem(&read(&api, &cookie).await, 401, "unauthorized");
}

#[tokio::test]
async fn a_session_ends_by_itself_and_by_signing_out() {
    let api = with_channel().await;
    let (first, second) =
        (signed_in(&api, api.token(Role::Viewer)).await, signed_in(&api, api.token(Role::Viewer)).await);
    assert_eq!(api.send(signing_out(&first, "guess")).await.status, 403);
    assert_eq!(read(&api, &first).await.status, 200);
    let out = api.send(signing_out(&first, &proof(&api, &first).await)).await;
    assert_eq!(out.status, 303);
    assert!(out.header(header::SET_COOKIE).contains("Max-Age=0"));
    // The cookie counts nowhere any more, whoever still has it.
    problem(&read(&api, &first).await, 401, "unauthorized");
    assert_eq!(read(&api, &second).await.status, 200);
    api.clock.advance(LASTS);
    problem(&read(&api, &second).await, 401, "unauthorized");
}

fn signing_out(cookie: &str, proof: &str) -> Request<Body> {
    let request = Request::post("/panel/sign-out").header(header::COOKIE, cookie);
    request.body(Body::from(format!("csrf={proof}"))).unwrap()
}

async fn listening(api: &TestApi, cookie: &str) -> BodyDataStream {
    let request = Request::get("/api/v1/events").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

#[tokio::test(start_paused = true)]
async fn a_session_is_pushed_nothing_after_its_end() {
    let api = with_channel().await;
    let (first, second) =
        (signed_in(&api, api.token(Role::Viewer)).await, signed_in(&api, api.token(Role::Viewer)).await);
    let (one, mut two) = (listening(&api, &first).await, listening(&api, &second).await);
    let (begun, one) = (Instant::now(), tokio::spawn(one.count()));
    tokio::task::yield_now().await;
    assert_eq!(api.send(signing_out(&first, &proof(&api, &first).await)).await.status, 303);
    assert_eq!(one.await.unwrap(), 0);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    // The other one goes on, until its own time is over.
    assert!(two.next().await.is_some());
    api.clock.advance(LASTS);
    while two.next().await.is_some() {}
}

#[tokio::test]
async fn a_cookie_that_was_not_sealed_here_is_none() {
    let api = with_channel().await;
    let cookie = signed_in(&api, api.token(Role::Viewer)).await;
    for forged in ["switchboard_session=", "switchboard_session=swb_x", &cookie.replace("fake-seal", "fake")]
    {
        problem(&read(&api, forged).await, 401, "unauthorized");
    }
    // A session is no token.
    let bare = cookie.split_once('=').unwrap().1;
    let request = Request::get("/api/v1/agents").header(header::AUTHORIZATION, format!("Bearer {bare}"));
    problem(&api.send(request.body(Body::empty()).unwrap()).await, 401, "unauthorized");
}

#[tokio::test]
async fn wrong_tokens_at_the_sign_in_are_counted_like_all_others() {
    let api = with_channel().await;
    let guess = || Request::post("/panel/sign-in").body(Body::from("token=swb_guess")).unwrap();
    for _ in 0..=100 {
        let answer = api.send(guess()).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header(header::SET_COOKIE), "");
    }
    let held_up = api.send(guess()).await;
    assert_eq!((held_up.status.as_u16(), held_up.header(header::RETRY_AFTER)), (429, "2"));
    let other_site = Request::post("/panel/sign-in").header("sec-fetch-site", "cross-site");
    assert_eq!(api.send(other_site.body(Body::from("token=x")).unwrap()).await.status, 403);
}
