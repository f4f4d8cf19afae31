//! Who may use a channel, and what its agent learns of who asks, through the real API and with the real binary.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::Refusal;
use switchboard_domain::settings::Locale;

use super::stage::{Plan, Stage, answer_to};

fn sentence(refusal: Refusal) -> String {
    Notice::Refused(refusal).text(Locale::En)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_denied_is_told_once_and_let_in_when_the_list_says_so() {
    let channel = json!({ "access": { "messages_per_minute": 0, "deny": { "users": ["eve"] } } });
    let stage = Plan { channel, ..Plan::default() }.start().await;
    let denied = sentence(Refusal::AccessDenied);
    stage.say("eve", "/status");
    stage.wait_texts("eve", &[&denied]).await;
    stage.say("eve", "hello");
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    let path = format!("/channels/{}", stage.channel);
    let access = stage.api.get(&path).await["access"].clone();
    assert_eq!((&access["users"], &access["deny"]["users"]), (&json!("everyone"), &json!(["eve"])));
    stage.api.patch(&path, &json!({ "access": { "deny": null } })).await;
    stage.say("eve", "hello again");
    stage.wait_texts("eve", &[&denied, &answer_to("hello again")]).await;
    let refused = format!("switchboard_turns_total{{channel=\"{}\",outcome=\"refused\"}}", stage.channel);
    assert!(stage.api.metric(&refused).await >= 2.0);
    assert_eq!(stage.api.get("/failures").await["items"], json!([]));
    // Nobody is made a user to be denied.
    stage.api.patch(&path, &json!({ "access": { "users": "mapped_only" } })).await;
    stage.say("mallory", "/help");
    stage.wait_texts("mallory", &[&sentence(Refusal::NotMapped)]).await;
    let users = stage.api.get("/users").await;
    let names: Vec<_> = users["items"].as_array().unwrap().iter().map(|user| &user["username"]).collect();
    assert!(!names.contains(&&json!("mallory")), "{names:?}");
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_cannot_be_are_named_at_their_place() {
    let stage = Stage::start().await;
    let path = format!("/channels/{}", stage.channel);
    let many = vec!["x"; 1_001];
    let body = json!({
        "access": { "users": "some", "groups": "all_messages", "allow": { "users": many, "departments": ["ok", 7] } },
        "privacy": { "transcript_days": -1, "store_transcripts": "no" },
    });
    let answer = stage.api.send(Method::PATCH, &path, Some(&body)).await.expect(422);
    let errors = answer["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    let expected = [
        "/access/groups",
        "/access/users",
        "/access/allow/users",
        "/access/allow/departments/1",
        "/privacy/transcript_days",
        "/privacy/store_transcripts",
    ];
    assert_eq!(pointers, expected);
    assert!(errors[0]["message"].as_str().unwrap().contains("this platform"), "{errors:?}");
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    serde_json::from_slice(&engine.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_learns_who_asks_as_far_as_it_may() {
    let stage = Stage::start().await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    let agents = stage.api.get("/agents").await;
    let path = format!("/agents/{}", agents["items"][0]["id"].as_str().unwrap());
    let secret = "0123456789abcdef0123456789abcdef";
    let token = json!({ "secret": secret, "lifetime_seconds": 60 });
    let identity = json!({ "metadata": true, "email": true, "token": token });
    let body = json!({ "identity": identity, "headers": { "X-Mail": "{{user.email}}" } });
    let shown = stage.api.patch(&path, &body).await;
    assert_eq!(shown["identity"]["token"]["secret"], "***");
    assert_eq!(shown["identity"]["token"]["header"], "X-Switchboard-User");
    // What is not said stays, the secret too.
    stage.api.patch(&path, &json!({ "identity": { "token": { "issuer": "im" } } })).await;
    stage.say("ann", "two");
    stage.wait_texts("ann", &[&answer_to("one"), &answer_to("two")]).await;
    let asked = stage.agent.asked();
    assert!(!asked[0].headers.contains_key("x-switchboard-user") && asked[0].body.get("metadata").is_none());
    let claims = claims(&asked[1].headers["x-switchboard-user"]);
    let users = stage.api.get("/users").await;
    let user = &users["items"][0];
    assert_eq!((&claims["sub"], &claims["username"]), (&user["id"], &json!("ann")));
    assert_eq!(
        (&claims["iss"], &claims["chat"], &claims["platform"]),
        (&json!("im"), &json!("private"), &json!("dingtalk"))
    );
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
    assert_eq!(asked[1].body["metadata"]["username"], "ann");
    // The address was made up: it is told to nobody.
    assert_eq!(user["email_verified"], false);
    assert_eq!(claims.get("email"), None);
    assert_eq!(asked[1].headers["x-mail"], "");
    for bad in [json!({ "secret": "short" }), json!({ "secret": secret, "header": "Host" })] {
        let body = json!({ "identity": { "token": bad } });
        let answer = stage.api.send(Method::PATCH, &path, Some(&body)).await.expect(422);
        assert!(answer["errors"][0]["pointer"].as_str().unwrap().starts_with("/identity/token/"), "{answer}");
    }
    stage.api.patch(&path, &json!({ "identity": { "token": null } })).await;
    stage.say("ann", "three");
    stage.wait_texts("ann", &[&answer_to("one"), &answer_to("two"), &answer_to("three")]).await;
    assert!(!stage.agent.asked()[2].headers.contains_key("x-switchboard-user"));
    stage.assert_no_alarm();
}
