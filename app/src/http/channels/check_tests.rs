//! Checks of settings that are not saved: whole ones, and changes over stored ones.

use serde_json::json;

use crate::testing::{TestApi, problem};

#[tokio::test]
async fn settings_of_a_channel_to_be_made_are_checked_and_nothing_is_stored() {
    let api = TestApi::new().await;
    let before = api.stores.state().clone();
    let config = json!({"client_id": "ding1", "client_secret": "s3cr3t"});
    let body = json!({"name": "New", "type": "dingtalk", "config": config});
    let answer = api.post("/channels/test", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // The driver was asked about the platform; without an agent nobody would answer.
    assert_eq!(*api.operations.calls(), ["preflight of New"]);
    let checks = answer.json["checks"].as_array().unwrap();
    assert_eq!(
        (checks.len(), &checks[0]["name"], &checks[0]["result"]),
        (1, &json!("agent"), &json!("failed"))
    );
    assert_eq!(*api.stores.state(), before);
}

#[tokio::test]
async fn mistakes_are_named_as_when_they_are_saved() {
    let api = TestApi::new().await;
    let answer = api.post("/channels/test", json!({"name": "New", "type": "dingtalk", "config": {}})).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), ["/config/client_id", "/config/client_secret"]);
    assert!(api.operations.calls().is_empty());
}

#[tokio::test]
async fn changes_are_checked_over_what_is_stored_with_its_secret() {
    let api = TestApi::new().await;
    let path = api.channel("one").await;
    let id = path.trim_start_matches("/channels/");
    api.operations.calls().clear();
    let before = api.stores.state().clone();
    let check = format!("/channels/test?channel_id={id}");
    let answer = api.post(&check, json!({"name": "Two", "config": {"client_id": "ding2"}})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(*api.operations.calls(), ["preflight of Two"]);
    assert_eq!(*api.stores.state(), before);
    problem(&api.post("/channels/test?channel_id=chn_none", json!({})).await, 404, "not-found");
}
