//! Users through the whole router.

use axum::http::{Method, header};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::ids::UserId;
use switchboard_ports::users::{Identity, User};

use crate::testing::{Answer, TestApi, problem};

fn identity(im_user_id: &str) -> Identity {
    Identity { platform: "dingtalk".to_owned(), im_user_id: im_user_id.to_owned() }
}

fn stored(api: &TestApi, id: &str) -> User {
    api.stores.state().users[&UserId::new(id)].clone()
}

async fn put(api: &TestApi, path: &str) -> Answer {
    api.send(api.request(Method::PUT, &format!("/api/v1{path}"), None)).await
}

async fn delete_if(api: &TestApi, path: &str, tag: &str) -> Answer {
    let mut request = api.request(Method::DELETE, &format!("/api/v1{path}"), None);
    request.headers_mut().insert(header::IF_MATCH, tag.parse().unwrap());
    api.send(request).await
}

#[tokio::test]
async fn a_new_user_is_201_with_location_etag_and_defaults() {
    let api = TestApi::new().await;
    let made = api.post("/users", json!({"username": "ann"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json["id"].as_str().unwrap();
    assert!(id.starts_with("usr_"));
    assert_eq!(made.header(header::LOCATION), format!("/api/v1/users/{id}"));
    assert_eq!(made.header(header::ETAG), "\"1\"");
    let expected = json!({"id": id, "username": "ann", "email": null, "email_verified": false,
        "display_name": "ann", "auth_source": "api", "disabled": false, "department": null, "directory": null, "shut_out_by": null,
        "identities": [], "version": 1, "created_at": "2026-01-02T03:04:05.678Z",
        "updated_at": "2026-01-02T03:04:05.678Z"});
    assert_eq!(made.json, expected);
    let read = api.get(&format!("/users/{id}")).await;
    assert_eq!((read.json.clone(), read.header(header::ETAG)), (expected, "\"1\""));
}

#[tokio::test]
async fn a_user_is_made_with_everything_and_its_identities_at_once() {
    let api = TestApi::new().await;
    let document = json!({"username": "ann", "email": "ann@example.com", "email_verified": true,
        "display_name": "Ann 安", "department": "Sales", "disabled": true,
        "identities": [{"platform": "dingtalk", "im_user_id": "staff1"}]});
    let made = api.post("/users", document.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    for (key, value) in document.as_object().unwrap() {
        assert_eq!(&made.json[key], value);
    }
}

#[rstest]
#[case(json!({}), &["/username"])]
#[case(json!({"username": "x".repeat(200)}), &["/username"])]
#[case(json!({"username": "安".repeat(100)}), &["/username"])]
#[case(json!({"username": "a\u{202E}b"}), &["/username"])]
#[case(json!({"username": "a", "email": "nonsense", "disabled": 1, "colour": 2}), &["/email", "/disabled", "/colour"])]
#[case(json!({"username": "a", "id": "usr_1", "auth_source": "x"}), &["/auth_source", "/id"])]
#[case(json!({"username": "a", "identities": [{"platform": "smoke", "im_user_id": "1"}, 7,
    {"platform": "dingtalk", "im_user_id": " "}]}), &["/identities/0/platform", "/identities/1", "/identities/2/im_user_id"])]
#[case(json!(["a"]), &[""])]
#[tokio::test]
async fn bad_documents_are_422_with_every_pointer_and_nobody_is_made(
    #[case] document: Value,
    #[case] pointers: &[&str],
) {
    let api = TestApi::new().await;
    let answer = api.post("/users", document).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), pointers, "{}", answer.text);
    assert!(api.stores.state().users.is_empty());
}

#[tokio::test]
async fn a_taken_username_or_identity_is_409_with_its_pointer() {
    let api = TestApi::new().await;
    api.user("ann", vec![identity("u1")]);
    let taken = api.post("/users", json!({"username": "ANN"})).await;
    problem(&taken, 409, "duplicate");
    assert_eq!(taken.pointers(), ["/username"]);
    let identities = json!([{"platform": "dingtalk", "im_user_id": "u0"},
        {"platform": "dingtalk", "im_user_id": "u1"}]);
    let taken = api.post("/users", json!({"username": "bob", "identities": identities})).await;
    problem(&taken, 409, "duplicate");
    assert_eq!(taken.pointers(), ["/identities/1"]);
    assert!(taken.text.contains("usr_ann"));
    api.user("bob", vec![]);
    let taken = api.patch("/users/usr_bob", json!({"username": "Ann"})).await;
    problem(&taken, 409, "duplicate");
    assert_eq!(taken.pointers(), ["/username"]);
    let taken = put(&api, "/users/usr_bob/identities/dingtalk/u1").await;
    problem(&taken, 409, "duplicate");
    assert_eq!(taken.pointers(), ["/im_user_id"]);
    assert_eq!(api.stores.state().users.len(), 2);
    assert!(stored(&api, "usr_bob").identities.is_empty());
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_clears() {
    let api = TestApi::new().await;
    api.user("ann", vec![identity("u1")]);
    let given = json!({"email": "a@x.com", "email_verified": true, "disabled": true, "department": "IT"});
    let answer = api.patch("/users/usr_ann", given).await;
    assert_eq!((answer.status.as_u16(), answer.header(header::ETAG)), (200, "\"2\""), "{answer:?}");
    assert!(stored(&api, "usr_ann").disabled);
    let cleared = api.patch_if("/users/usr_ann", "\"2\"", json!({"email": null, "display_name": null})).await;
    assert_eq!((&cleared.json["email"], &cleared.json["email_verified"]), (&Value::Null, &json!(false)));
    assert_eq!((&cleared.json["display_name"], &cleared.json["department"]), (&json!("ann"), &json!("IT")));
    let user = stored(&api, "usr_ann");
    assert_eq!((user.version.0, user.identities), (3, vec![identity("u1")]));
}

/// Else whoever may change addresses would give one that nobody has looked at the trust of the one before.
#[tokio::test]
async fn a_changed_address_is_not_verified_unless_the_same_request_says_so() {
    let api = TestApi::new().await;
    api.user("ann", vec![]);
    let verified = async |patch: Value| {
        let answer = api.patch("/users/usr_ann", patch).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        answer.json["email_verified"].as_bool().unwrap()
    };
    assert!(verified(json!({"email": "a@x.com", "email_verified": true})).await);
    assert!(verified(json!({"department": "IT"})).await);
    assert!(verified(json!({"email": "A@X.com"})).await, "the same address, written otherwise");
    assert!(!verified(json!({"email": "b@x.com"})).await);
    assert!(verified(json!({"email_verified": true})).await);
    assert!(verified(json!({"email": "c@x.com", "email_verified": true})).await);
    assert!(!verified(json!({"email": null})).await);
    assert!(!verified(json!({"email": "c@x.com"})).await);
}

#[tokio::test]
async fn an_answer_can_be_sent_back_and_what_the_server_sets_cannot_be_changed() {
    let api = TestApi::new().await;
    api.user("ann", vec![identity("u1")]);
    let read = api.get("/users/usr_ann").await;
    let answer = api.patch("/users/usr_ann", read.json.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.json), (200, read.json));
    let patch = json!({"id": "x", "version": 7, "auth_source": "x", "identities": [], "directory": "x"});
    let answer = api.patch("/users/usr_ann", patch).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), ["/auth_source", "/directory", "/identities", "/id", "/version"]);
}

#[tokio::test]
async fn a_stale_version_is_412_and_changes_nothing() {
    let api = TestApi::new().await;
    api.user("ann", vec![]);
    let answer = api.patch_if("/users/usr_ann", "\"7\"", json!({"disabled": true})).await;
    problem(&answer, 412, "stale");
    let answer = delete_if(&api, "/users/usr_ann", "\"7\"").await;
    problem(&answer, 412, "stale");
    assert!(!stored(&api, "usr_ann").disabled);
    assert_eq!(delete_if(&api, "/users/usr_ann", "\"1\"").await.status, 204);
    problem(&api.get("/users/usr_ann").await, 404, "not-found");
}

#[tokio::test]
async fn an_identity_is_linked_and_taken_away_by_its_path() {
    let api = TestApi::new().await;
    api.user("ann", vec![]);
    let path = "/users/usr_ann/identities/dingtalk/%24%3ALWCP_v1%3A%24a%2Fb";
    for _ in 0..2 {
        let linked = put(&api, path).await;
        assert_eq!(linked.status, 200, "{linked:?}");
        let expected = json!([{"platform": "dingtalk", "im_user_id": "$:LWCP_v1:$a/b"}]);
        assert_eq!(linked.json["identities"], expected);
    }
    assert_eq!(api.delete(path).await.status, 204);
    problem(&api.delete(path).await, 404, "not-found");
    assert!(stored(&api, "usr_ann").identities.is_empty());
    let unknown = put(&api, "/users/usr_ann/identities/smoke/1").await;
    problem(&unknown, 422, "invalid-field");
    assert_eq!(unknown.pointers(), ["/platform"]);
    let blank = put(&api, "/users/usr_ann/identities/dingtalk/%20").await;
    assert_eq!(blank.pointers(), ["/im_user_id"]);
}

#[tokio::test]
async fn a_user_whom_a_channel_maps_everybody_to_cannot_be_deleted() {
    let api = TestApi::new().await;
    let user = api.user("ann", vec![]);
    let channel = api.channel("front").await;
    let mapping = json!({"user_mapping": {"mode": "fixed_user", "user_id": user.as_str()}});
    assert_eq!(api.patch(&channel, mapping).await.status, 200);
    let refused = api.delete("/users/usr_ann").await;
    problem(&refused, 409, "in-use");
    assert!(refused.text.contains("front"));
    assert_eq!(api.patch(&channel, json!({"user_mapping": {"mode": "auto_create"}})).await.status, 200);
    assert_eq!(api.delete("/users/usr_ann").await.status, 204);
}

#[tokio::test]
async fn what_is_done_to_users_stands_in_the_audit_list_newest_first() {
    let api = TestApi::new().await;
    let made = api.post("/users", json!({"username": "ann"})).await;
    let path = format!("/users/{}", made.json["id"].as_str().unwrap());
    for _ in 0..2 {
        put(&api, &format!("{path}/identities/dingtalk/u1")).await;
        api.patch(&path, json!({"disabled": true})).await;
    }
    api.patch(&path, json!({"disabled": false, "username": "ann2"})).await;
    api.delete(&format!("{path}/identities/dingtalk/u1")).await;
    api.delete(&path).await;
    let listed = api.get("/audit").await;
    let acts: Vec<_> = listed.json["items"].as_array().unwrap().iter().map(|line| &line["act"]).collect();
    assert_eq!(acts, ["deleted", "unlinked", "enabled", "disabled", "linked", "created"]);
    let expected = json!({"id": "2", "at": "2026-01-02T03:04:05.678Z", "act": "linked", "rule": "api",
        "source": "api", "channel_id": null, "platform": "dingtalk", "im_user_id": "u1",
        "user_id": made.json["id"], "username": "ann"});
    assert_eq!(listed.json["items"][4], expected);
    assert_eq!(listed.json["items"][0]["im_user_id"], Value::Null);
}
