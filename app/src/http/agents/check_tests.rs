//! Checks of an agent's settings that are not saved.

use serde_json::json;
use switchboard_domain::notice::failure;
use switchboard_domain::outcome::{AgentFailureKind, FailureCause};
use switchboard_domain::settings::Locale;

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

#[tokio::test(start_paused = true)]
async fn what_fails_before_saving_is_said_with_its_remedy() {
    let api = TestApi::new().await;
    let path = api.agent("one").await;
    let id = path.trim_start_matches("/agents/");
    let answer = api.post(&format!("/agents/test?agent_id={id}"), json!({"model": "refuse"})).await.json;
    let words = failure(FailureCause::Agent(AgentFailureKind::Unauthorized), Locale::En);
    assert_eq!(
        (&answer["result"], &answer["error"]["code"]),
        (&json!("failed"), &json!("agent_unauthorized"))
    );
    assert_eq!((&answer["message"], &answer["remedy"]), (&json!(words.message), &json!(words.remedy)));
}
