//! Checks of an agent's settings that are not saved.

use serde_json::json;

use crate::testing::{TestApi, problem};

#[tokio::test]
async fn settings_that_are_not_saved_are_asked_with_and_not_stored() {
    let api = TestApi::new().await;
    let before = api.stores.state().clone();
    let answer = api.post("/agents/test", json!({"name": "New", "kind": "echo"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json["ok"]), (200, &json!(true)), "{answer:?}");
    problem(&api.post("/agents/test", json!({"name": "New", "kind": "none"})).await, 422, "invalid-field");
    problem(&api.post("/agents/test?agent_id=agt_none", json!({})).await, 404, "not-found");
    assert_eq!(*api.stores.state(), before);
}

#[tokio::test]
async fn changes_are_asked_with_over_what_is_stored() {
    let api = TestApi::new().await;
    let path = api.agent("one").await;
    let before = api.stores.state().clone();
    let id = path.trim_start_matches("/agents/");
    let answer = api.post(&format!("/agents/test?agent_id={id}"), json!({"name": "two"})).await;
    assert_eq!(answer.json["ok"], true, "{answer:?}");
    assert_eq!(*api.stores.state(), before);
}
