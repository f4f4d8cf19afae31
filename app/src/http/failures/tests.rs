//! What operators can do with failures, and what keeps them from it.

use axum::http::{Method, header};
use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, ConversationId, MessageId, Partition, RetryNumber, Seq};
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::reply::{Trial, Tried};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::Failure;
use switchboard_ports::failures::{FailureInfo, Requeued, Retried};
use switchboard_ports::tokens::Role;

use crate::testing::{START_MS, TestApi, problem};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START_MS + 1_000 * seconds)
}

fn failure(channel: &str) -> FailureInfo {
    FailureInfo {
        id: "flr_12".to_owned(),
        conversation: ConversationId::new("cnv_1"),
        channel: ChannelId::new(channel),
        failure: Failure {
            seq: Seq(3),
            message: MessageId::new("msg3"),
            retry: RetryNumber(7),
            cause: FailureCause::DeliveryRefused,
            attempts: 2,
            at: at(0),
            tried: Tried {
                card: Some(Trial::Refused(ErrorCode::PermissionDenied)),
                session_address: Some(Trial::UnderWay),
                api: None,
            },
        },
        retried_at: None,
        can_be_retried: true,
    }
}

/// An API with a channel and a failure of it, which the driver retries with this outcome.
async fn with(change: impl FnOnce(&mut FailureInfo), outcome: Requeued) -> (TestApi, String) {
    let api = TestApi::new().await;
    let path = api.channel("bot").await;
    let mut info = failure(path.trim_start_matches("/channels/"));
    change(&mut info);
    api.stores.state().failures.push(info.clone());
    let info = FailureInfo { retried_at: Some(at(5)), ..info };
    let retried = Retried { info, partition: Partition(0), outcome };
    api.operations.retries.lock().unwrap().insert("flr_12".to_owned(), retried);
    api.operations.calls().clear();
    (api, path)
}

#[tokio::test]
async fn a_failure_tells_cause_attempts_ways_and_whose_retry_it_is() {
    let (api, _) = with(|_| {}, Requeued::Now(Seq(4))).await;
    let listed = api.get("/failures").await;
    let item = &listed.json["items"][0];
    assert_eq!(item["cause"], "delivery_refused");
    assert_eq!(item["attempts"], 2);
    let ways = json!([
        {"way": "card", "result": "refused", "code": "permission_denied"},
        {"way": "webhook", "result": "unknown", "code": null},
    ]);
    assert_eq!(item["ways"], ways);
    assert_eq!((&item["retry_of"], &item["retried_at"]), (&json!("flr_7"), &Value::Null));
}

#[tokio::test]
async fn a_retry_goes_to_the_driver_and_answers_with_the_record() {
    for outcome in [Requeued::Now(Seq(4)), Requeued::Before] {
        let (api, _) = with(|_| {}, outcome).await;
        let answer = api.post("/failures/flr_12/retry", json!({})).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.json["id"], "flr_12");
        assert!(answer.json["retried_at"].is_string());
        assert_eq!(*api.operations.calls(), ["retry flr_12"]);
    }
}

#[tokio::test]
async fn what_cannot_be_retried_is_told_in_one_sentence() {
    for (outcome, words) in [(Requeued::Full, "too many messages"), (Requeued::Impossible, "write again")] {
        let (api, _) = with(|_| {}, outcome).await;
        let answer = api.post("/failures/flr_12/retry", json!({})).await;
        problem(&answer, 409, "wrong-state");
        assert!(answer.json["detail"].as_str().unwrap().contains(words), "{answer:?}");
    }
    let (api, _) = with(|info| info.can_be_retried = false, Requeued::Now(Seq(4))).await;
    problem(&api.post("/failures/flr_12/retry", json!({})).await, 409, "wrong-state");
    let (api, _) = with(|info| info.channel = ChannelId::new("chn_gone"), Requeued::Now(Seq(4))).await;
    let answer = api.post("/failures/flr_12/retry", json!({})).await;
    problem(&answer, 409, "wrong-state");
    assert!(answer.json["detail"].as_str().unwrap().contains("deleted"), "{answer:?}");
    assert!(api.operations.calls().is_empty());
}

#[tokio::test]
async fn in_a_disabled_channel_nothing_is_retried_but_what_was_before_is_shown() {
    let (api, path) = with(|_| {}, Requeued::Before).await;
    api.patch(&path, json!({"enabled": false})).await;
    let answer = api.post("/failures/flr_12/retry", json!({})).await;
    problem(&answer, 409, "wrong-state");
    assert!(answer.json["detail"].as_str().unwrap().contains("enable it"), "{answer:?}");
    api.stores.state().failures[0].retried_at = Some(at(5));
    assert_eq!(api.post("/failures/flr_12/retry", json!({})).await.status, 202);
}

#[tokio::test]
async fn a_failure_is_deleted_once_and_viewers_may_neither_delete_nor_retry() {
    let (api, _) = with(|_| {}, Requeued::Now(Seq(4))).await;
    for (method, path) in [(Method::DELETE, "/failures/flr_12"), (Method::POST, "/failures/flr_12/retry")] {
        let mut request = api.request(method, &format!("/api/v1{path}"), None);
        let viewer = format!("Bearer {}", api.token(Role::Viewer));
        request.headers_mut().insert(header::AUTHORIZATION, viewer.parse().unwrap());
        problem(&api.send(request).await, 403, "forbidden");
    }
    assert_eq!(api.delete("/failures/flr_12").await.status, 204);
    problem(&api.delete("/failures/flr_12").await, 404, "not-found");
    assert_eq!(api.get("/failures").await.json["items"], json!([]));
    assert!(api.operations.calls().is_empty());
}
