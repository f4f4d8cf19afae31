//! What is kept of a user can be had, and deleted, through the real API.

use dingtalk_sim::{Observed, Origin};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard_tests::api::Api;
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::stage::{APP, Stage, answer_to};

/// An export's records.
async fn export(api: &Api, user: &str) -> Vec<Value> {
    let answer = api.answer(api.request(Method::GET, &format!("/api/v1/users/{user}/export"))).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"));
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'r>(records: &'r [Value], record: &str) -> Vec<&'r Value> {
    records.iter().filter(|value| value["record"] == record).collect()
}

/// The id of the user with this name.
async fn id_of(api: &Api, name: &str) -> String {
    let users = api.get("/users").await;
    let user = users["items"].as_array().unwrap().iter().find(|user| user["username"] == name);
    user.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn found(api: &Api, text: &str) -> usize {
    api.get(&format!("/conversations?q={text}")).await["items"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_s_data_is_exported_and_deleted_and_nobody_else_s() {
    let stage = Stage::start().await;
    for person in ["ann", "bob"] {
        stage.say(person, "a secret of mine");
        stage.wait_texts(person, &[&answer_to("a secret of mine")]).await;
    }
    let (ann, bob) = (id_of(&stage.api, "ann").await, id_of(&stage.api, "bob").await);
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
    assert_eq!(found(&stage.api, "secret").await, 1, "Bob's alone");
    assert_eq!(of(&export(&stage.api, &bob).await, "message").len(), 2);
    // Without being asked for, transcripts stay.
    stage.api.send(Method::DELETE, &format!("/users/{bob}"), None).await.expect(204);
    assert_eq!(found(&stage.api, "secret").await, 1);
    stage.say("ann", "who am I?");
    stage.wait_texts("ann", &[&answer_to("a secret of mine"), &answer_to("who am I?")]).await;
    stage.assert_no_alarm();
}

/// What is answered at the moment would be written down after all is forgotten; what is left of a deleted user can be deleted.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_under_way_is_stopped_before_it_is_forgotten_and_what_was_left_can_be_forgotten_later() {
    let stage = Stage::start().await;
    stage.agent.queue([Behaviour::Held { before: "a secret answer".into(), after: " and more".into() }]);
    stage.say("ann", "a secret question");
    stage.wait_streaming("ann", "a secret answer").await;
    let ann = id_of(&stage.api, "ann").await;
    stage.api.send(Method::DELETE, &format!("/users/{ann}?transcripts=true"), None).await.expect(204);
    assert_eq!(found(&stage.api, "secret").await, 0);

    stage.say("bob", "a secret of mine");
    stage.wait_texts("bob", &[&answer_to("a secret of mine")]).await;
    let bob = id_of(&stage.api, "bob").await;
    stage.api.send(Method::DELETE, &format!("/users/{bob}"), None).await.expect(204);
    assert_eq!(found(&stage.api, "secret").await, 1);
    stage.api.send(Method::DELETE, &format!("/users/{bob}?transcripts=true"), None).await.expect(204);
    assert_eq!(found(&stage.api, "secret").await, 0);
    stage.api.send(Method::DELETE, "/users/usr_nobody?transcripts=true", None).await.expect(404);
    stage.assert_no_alarm();
}

/// A member's own session in a group is theirs too; of a message of the API's nothing is kept that could be.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_said_in_a_group_is_exported_and_deleted_with_them() {
    let stage = Stage::start().await;
    stage.simulator.push_text(APP, Origin::group("cid-team==", "carl"), "in the group").unwrap();
    let answered = |seen: &Observed| seen.robot_texts("cid-team==") == [answer_to("in the group")];
    stage.simulator.wait_for(CAP, answered).await.unwrap();
    let path = format!("/channels/{}/messages", stage.channel);
    let body = json!({ "to": { "user_id": "carl" }, "text": "reminder", "format": "text" });
    let sent = stage.api.send(Method::POST, &path, Some(&body)).await.expect(202);
    let path = format!("/messages/{}", sent["id"].as_str().unwrap());
    looks::until("sent", async || (stage.api.get(&path).await["state"] == "sent").then_some(())).await;
    assert!(!stage.api.get(&path).await.to_string().contains("reminder"));
    assert_eq!(found(&stage.api, "reminder").await, 0);
    let carl = id_of(&stage.api, "carl").await;
    let records = export(&stage.api, &carl).await;
    let said: Vec<_> = of(&records, "message").into_iter().map(|line| line["text"].clone()).collect();
    assert_eq!(said, [json!("in the group"), json!(answer_to("in the group"))]);
    let path = format!("/users/{carl}?transcripts=true");
    stage.api.send(Method::DELETE, &path, None).await.expect(204);
    assert_eq!(found(&stage.api, "group").await, 0);
    stage.assert_no_alarm();
}
