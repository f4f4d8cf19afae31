//! What people did is noted with who it was, and what did not happen is not.

use serde_json::{Value, json};

use super::Act;
use crate::testing::{TestApi, problem};

async fn acts(api: &TestApi) -> Vec<(String, String)> {
    let listed = api.get("/acts").await;
    let items = listed.json["items"].as_array().unwrap_or_else(|| panic!("{listed:?}"));
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    items.iter().map(|item| (text(item, "act"), text(item, "subject"))).collect()
}

#[tokio::test]
async fn what_was_done_is_listed_with_who_did_it() {
    let api = TestApi::new().await;
    let user = api.post("/users", json!({"username": "ann"})).await;
    let id = user.json["id"].as_str().unwrap().to_owned();
    let path = format!("/users/{id}");
    assert_eq!(api.patch(&path, json!({"disabled": true})).await.status, 200);
    assert_eq!(api.patch(&path, json!({"disabled": true})).await.status, 200);
    assert_eq!(api.get(&format!("{path}/export")).await.status, 200);
    assert_eq!(api.delete(&path).await.status, 204);
    problem(&api.delete(&path).await, 404, "not-found");
    let told = ["user_deleted", "user_exported", "user_changed", "user_created"];
    assert_eq!(acts(&api).await, told.map(|act| (act.to_owned(), id.clone())));
    let newest = &api.get("/acts?limit=1").await.json;
    assert_eq!(newest["items"][0]["author"], json!({"kind": "token", "name": "a", "role": "admin"}));
    assert!(newest["next_cursor"].is_string());
}

#[tokio::test]
async fn what_failed_is_not_noted() {
    let api = TestApi::new().await;
    for path in ["/failures/none/retry", "/conversations/none/reset", "/channels/none/restart"] {
        problem(&api.post(path, Value::Null).await, 404, "not-found");
    }
    problem(&api.post("/tokens", json!({"name": "v", "role": "viewer"})).await, 409, "duplicate");
    assert!(acts(&api).await.is_empty());
}

#[test]
fn every_act_has_a_word_of_its_own() {
    for (word, act) in Act::ALL {
        assert_eq!(act.word(), word);
        assert_eq!(serde_json::to_value(act).unwrap(), word);
    }
}
