//! Access to the platform's APIs: tokens, throttling, counting.
#![allow(clippy::indexing_slicing, reason = "assertions on JSON bodies: a missing field is a failed test")]

mod dingtalk_support;

use std::time::Duration;

use dingtalk_support::{
    Platform, STREAMING, TOKEN, card, claim, error, group, ok, open, own_template, update,
};
use rstest::rstest;
use serde_json::json;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::reply::{CardOutcome, Claim};
use wiremock::ResponseTemplate;

#[rstest]
#[case(error(400, "InvalidAuthentication"))]
#[case(error(401, "whatever"))]
#[case(ResponseTemplate::new(401))]
#[case(ok(json!({"errcode": 42001, "errmsg": "expired"})))]
#[tokio::test]
async fn a_rejected_token_is_replaced_once_and_the_call_made_again(#[case] rejection: ResponseTemplate) {
    let platform = Platform::start().await;
    platform.answers("PUT", STREAMING, vec![rejection, ok(json!({"success": true}))]).await;
    assert_eq!(card(&platform.link(own_template()), &group(), update("text")).await, CardOutcome::Done);
    assert_eq!(platform.sent(TOKEN).await.len(), 2);
    assert_eq!(platform.sent(STREAMING).await.len(), 2);
}

#[tokio::test]
async fn a_token_rejected_for_ever_is_tried_twice() {
    let platform = Platform::start().await;
    platform.answers("PUT", STREAMING, vec![error(400, "InvalidAuthentication")]).await;
    let outcome = card(&platform.link(own_template()), &group(), update("text")).await;
    assert_eq!(outcome, CardOutcome::Refused(ErrorCode::InvalidCredentials));
    assert_eq!(platform.sent(STREAMING).await.len(), 2);
}

#[tokio::test]
async fn one_token_serves_many_calls_and_every_call_is_counted() {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    let link = platform.link(own_template());
    let target = group();
    futures_util::future::join_all((0..10).map(|_| card(&link, &target, update("text")))).await;
    assert_eq!(platform.sent(TOKEN).await, [json!({"appKey": "dingabc", "appSecret": "s3cr3t"})]);
    let calls = platform.calls.lock().unwrap();
    assert_eq!(calls.iter().filter(|call| **call == ("card_streaming", "ok")).count(), 10);
    assert_eq!(calls.iter().filter(|call| **call == ("token", "ok")).count(), 1);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let platform = Platform { server: wiremock::MockServer::start().await, calls: std::sync::Arc::default() };
    platform.answers("POST", TOKEN, vec![error(500, "server.error")]).await;
    assert_eq!(card(&platform.link(json!({})), &group(), open("x")).await, CardOutcome::NotSent);
    assert!(platform.asked().await.is_empty());
}

#[tokio::test]
async fn a_throttled_call_holds_the_next_claim() {
    let platform = Platform::start().await;
    platform
        .answers("PUT", STREAMING, vec![error(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")])
        .await;
    let link = platform.link(own_template());
    card(&link, &group(), update("text")).await;
    let waits = tokio::time::timeout(Duration::from_millis(200), link.claim(claim(Claim::Finish)));
    assert!(waits.await.is_err());
}
