//! Directories in a channel's settings, and mappings that are tried, through the whole router.

use serde_json::{Value, json};
use switchboard_domain::access;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::mapping::{Decision, Rule, Verdict};
use switchboard_domain::outcome::Refusal;
use switchboard_ports::users::Identity;

use crate::runtime::operations::{DirectorySaid, MappingTrial};
use crate::testing::TestApi;

fn id_of(path: &str) -> ChannelId {
    ChannelId::new(path.rsplit('/').next().unwrap())
}

#[tokio::test]
async fn secrets_of_directories_are_masked_and_stay_with_the_name_of_theirs() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let ldap = |name: &str, password: Value| json!({"name": name, "kind": "ldap", "config": {"url": "ldaps://x", "bind_password": password}});
    let mapping =
        |directories: Value| json!({"user_mapping": {"mode": "directory", "directories": directories}});
    let made = api.patch(&path, mapping(json!([ldap("a", json!("s3cr3t-a"))]))).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json["user_mapping"]["directories"], json!([ldap("a", json!("***"))]));
    let stored = || api.stores.state().channels[&id_of(&path)].directories.chain.clone();
    assert_eq!(stored()[0].secrets["/bind_password"].expose(), "s3cr3t-a");
    assert!(!stored()[0].config.to_string().contains("bind_password"));
    // Another order, another field, and the document as it was answered.
    let platform = json!({"name": "p", "kind": "platform"});
    let moved = api.patch(&path, mapping(json!([platform, ldap("a", json!("***"))]))).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(api.patch(&path, json!({"locale": "zh-CN"})).await.status, 200);
    assert_eq!(api.patch(&path, api.get(&path).await.json).await.status, 200);
    assert_eq!(stored()[1].secrets["/bind_password"].expose(), "s3cr3t-a");
    let other = api.patch(&path, mapping(json!([ldap("b", json!("***"))]))).await;
    assert_eq!(other.pointers(), ["/user_mapping/directories/0/config/bind_password"]);
    // One that its kind refuses is refused when it is given, and not told.
    let short = api.patch(&path, mapping(json!([platform, ldap("a", json!("short"))]))).await;
    assert_eq!(short.pointers(), ["/user_mapping/directories/1/config/bind_password"]);
    assert!(!short.text.contains("short"), "{}", short.text);
}

/// A list that nobody asks looks as if it kept out whoever has left.
#[tokio::test]
async fn directories_that_a_mode_never_asks_are_refused() {
    let api = TestApi::new().await;
    let user = api.user("ann", vec![]);
    let path = api.channel("Bot").await;
    let listed = json!([{"name": "p", "kind": "platform"}]);
    for mode in ["auto_create", "match_username", "fixed_user"] {
        let mapping = |directories: &Value| json!({"user_mapping": {"mode": mode, "user_id": user.as_str(), "directories": directories}});
        let refused = api.patch(&path, mapping(&listed)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.pointers()),
            (422, vec!["/user_mapping/directories"]),
            "{mode}"
        );
        assert!(refused.text.contains("match_email"), "{}", refused.text);
        assert_eq!(api.patch(&path, mapping(&json!([]))).await.status, 200, "{mode}");
    }
    for mode in ["match_email", "directory"] {
        let mapping = json!({"user_mapping": {"mode": mode, "user_id": null, "directories": listed}});
        assert_eq!(api.patch(&path, mapping).await.status, 200, "{mode}");
    }
    // Nor are they left behind by a change of the mode alone.
    let left = api.patch(&path, json!({"user_mapping": {"mode": "auto_create"}})).await;
    assert_eq!(left.pointers(), ["/user_mapping/directories"]);
    let both = json!({"user_mapping": {"mode": "auto_create", "directories": null}});
    assert_eq!(api.patch(&path, both).await.status, 200);
}

#[tokio::test]
async fn a_mapping_is_tried_for_anybody_and_told_with_its_reason() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let verdict = Verdict { decision: Decision::Reject(Refusal::NotMapped), rule: Rule::OnMiss };
    let identity = Identity { platform: String::from("dingtalk"), im_user_id: String::from("m1") };
    let directory = DirectorySaid::Absent;
    let access = access::Decision::Deny(Refusal::NotMapped);
    let trial = MappingTrial { verdict, identity, user: None, directory, access };
    *api.operations.trial.lock().unwrap() = Some(trial);
    let told = api.post(&format!("{path}/mapping/test"), json!({"im_user_id": "m1", "name": "Ann"})).await;
    assert_eq!(told.status, 200, "{told:?}");
    let sentence = "I could not find an account for you. Please ask an administrator to set one up.";
    let directory =
        json!({"answer": "absent", "name": null, "username": null, "disabled": null, "detail": null});
    let expected = json!({"outcome": "refuse", "rule": "on_miss", "access": "deny", "sentence": sentence, "im_user_id": "m1",
        "user": null, "directory": directory});
    assert_eq!(told.json, expected);
    let asked = format!("{} Some(\"m1\")", id_of(&path));
    assert_eq!(*api.operations.asked.lock().unwrap(), [asked]);
    let bad = json!({"im_user_id": " ", "name": "a\nb", "colour": 1});
    let bad = api.post(&format!("{path}/mapping/test"), bad).await;
    assert_eq!(bad.pointers(), ["/im_user_id", "/name", "/colour"]);
}
