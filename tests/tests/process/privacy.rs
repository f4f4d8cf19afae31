//! What is kept of a user can be had, and deleted, through the real API.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_tests::api::Api;

use super::stage::{Stage, answer_to};

/// An export's records.
async fn export(api: &Api, user: &str) -> Vec<Value> {
    let answer = api.answer(api.request(Method::GET, &format!("/api/v1/users/{user}/export"))).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"));
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'r>(records: &'r [Value], record: &str) -> Vec<&'r Value> {
    records.iter().filter(|value| value["record"] == record).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_s_data_is_exported_and_deleted_and_nobody_else_s() {
    let stage = Stage::start().await;
    for person in ["ann", "bob"] {
        stage.say(person, "a secret of mine");
        stage.wait_texts(person, &[&answer_to("a secret of mine")]).await;
    }
    let users = stage.api.get("/users").await;
    let id_of = |name: &str| {
        let user = users["items"].as_array().unwrap().iter().find(|user| user["username"] == name);
        user.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (ann, bob) = (id_of("ann"), id_of("bob"));
    let records = export(&stage.api, &ann).await;
    assert_eq!(of(&records, "user")[0]["identities"][0]["im_user_id"], "ann");
    let audit = of(&records, "audit");
    assert_eq!((audit.len(), &audit[0]["act"]), (1, &json!("created")));
    assert_eq!(of(&records, "conversation")[0]["kind"], "private");
    let said: Vec<_> = of(&records, "message").into_iter().map(|line| line["text"].clone()).collect();
    assert_eq!(said, ["a secret of mine", &answer_to("a secret of mine")]);
    assert_eq!(records.last().unwrap(), &json!({ "record": "end", "complete": true }));
    assert_eq!(records.len(), 6);

    let path = format!("/users/{ann}?transcripts=true");
    stage.api.send(Method::DELETE, &path, None).await.expect(204);
    stage.api.send(Method::GET, &format!("/users/{ann}/export"), None).await.expect(404);
    let found = stage.api.get("/conversations?q=secret").await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "Bob's alone: {found}");
    assert_eq!(of(&export(&stage.api, &bob).await, "message").len(), 2);
    // Without being asked for, transcripts stay.
    stage.api.send(Method::DELETE, &format!("/users/{bob}"), None).await.expect(204);
    let found = stage.api.get("/conversations?q=secret").await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    stage.say("ann", "who am I?");
    stage.wait_texts("ann", &[&answer_to("a secret of mine"), &answer_to("who am I?")]).await;
    stage.assert_no_alarm();
}
