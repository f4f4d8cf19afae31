//! Statuses while the store does not answer, and of what was changed through another replica.

use std::future::pending;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, Version};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;

use super::unless_away;
use crate::runtime::operations::{ChannelStatus, LastError};
use crate::testing::{CONFIGURED, START_MS, TestApi, connected, problem};

/// What the configured token, which needs no store, is answered.
async fn asked(api: &TestApi, path: &str) -> crate::testing::Answer {
    let token = format!("Bearer {CONFIGURED}");
    let request = Request::get(format!("/api/v1{path}")).header(header::AUTHORIZATION, token);
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn without_the_store_a_status_is_what_the_replica_observes_itself() {
    let api = TestApi::new().await;
    let (one, other) = (api.channel("b").await, api.channel("A").await);
    let at = Timestamp::from_millis(START_MS);
    for channel in api.stores.state().channels.values() {
        let error = LastError { code: ErrorCode::StoreUnavailable, detail: String::new(), at };
        let status = ChannelStatus {
            status: "disconnected".into(),
            last_error: Some(error),
            ..connected(&channel.id)
        };
        api.operations.here.lock().unwrap().push((channel.clone(), status));
    }
    api.stores.set_down(true);
    let status = asked(&api, &format!("{one}/status")).await;
    assert_eq!((status.status.as_u16(), &status.json["status"]), (200, &json!("disconnected")));
    assert_eq!(status.json["last_error"]["code"], "store_unavailable");
    let all = asked(&api, "/status?limit=1").await;
    assert!(other.ends_with(all.json["items"][0]["channel_id"].as_str().unwrap()), "in name order");
    let cursor = all.json["next_cursor"].as_str().unwrap();
    let rest = asked(&api, &format!("/status?limit=1&cursor={cursor}")).await;
    assert_eq!(rest.json, json!({"items": [status.json], "next_cursor": null}));
    problem(&asked(&api, "/channels/chn_nobodys/status").await, 503, "unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_silent_is_not_waited_for_long() {
    let begun = tokio::time::Instant::now();
    assert_eq!(unless_away(pending::<Result<(), StoreError>>()).await, Ok(None));
    assert!(begun.elapsed().as_secs() <= 1);
    let away = async { Err::<(), _>(StoreError::Unavailable("away".to_owned())) };
    assert_eq!(unless_away(away).await, Ok(None));
    let corrupt = StoreError::Corrupt("not as it is written".to_owned());
    assert_eq!(unless_away(async { Err::<(), _>(corrupt.clone()) }).await, Err(corrupt.clone()));
}

#[tokio::test]
async fn what_is_stored_is_taken_in_before_a_status_is_told() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let id = ChannelId::new(path.rsplit('/').next().unwrap());
    api.get(&format!("{path}/status")).await;
    api.get("/status").await;
    let taken_in = api.operations.taken_in.lock().unwrap().clone();
    assert_eq!(taken_in, [(id.clone(), Version(1)), (id, Version(1))]);
}
