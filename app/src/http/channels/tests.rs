//! Channels through the whole router.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::{Method, header};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::notice::Finding;
use switchboard_domain::settings::{Locale, MappingMode};
use switchboard_domain::time::Timestamp;

use crate::runtime::operations::{ChannelStatus, LastError};
use crate::testing::{START_MS, TestApi, connected, problem};

fn document() -> Value {
    json!({"name": "DingTalk Bot", "type": "dingtalk", "config": {"client_id": "ding1", "client_secret": "s3cr3t"}})
}

fn id_of(path: &str) -> ChannelId {
    ChannelId::new(path.rsplit('/').next().unwrap())
}

#[tokio::test]
async fn a_new_channel_is_201_with_the_contracts_defaults_and_the_driver_is_told() {
    let api = TestApi::new().await;
    let made = api.post("/channels", document()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json["id"].as_str().unwrap();
    assert_eq!(made.header(header::LOCATION), format!("/api/v1/channels/{id}"));
    assert_eq!(made.header(header::ETAG), "\"1\"");
    let expected = json!({"id": id, "name": "DingTalk Bot", "type": "dingtalk", "enabled": true,
        "default_agent_id": null, "default_model": null, "locale": "en",
        "config": {"client_id": "ding1", "client_secret": "***", "calls_per_second": 20},
        "user_mapping": {"mode": "auto_create", "on_miss": "create", "email_template": "{user_id}@im-platform.com",
            "user_id": null, "directories": [], "cache_seconds": 300, "miss_seconds": 30},
        "switching": {"who": "everyone", "users": [], "agents": [], "remember": "conversation"},
        "conversation": {"group_scope": "per_user", "idle_timeout_minutes": 0, "busy": "queue", "merge_window_ms": 0,
            "stale_after_minutes": 60, "stale": "note"},
        "access": {"users": "everyone", "groups": "mention_only", "messages_per_minute": 30,
            "channel_messages_per_minute": 0, "allow": {"users": [], "departments": [], "groups": []},
            "deny": {"users": [], "departments": [], "groups": []}},
        "privacy": {"transcript_days": 0, "store_transcripts": true},
        "managed_by_file": false, "version": 1,
        "created_at": "2026-01-02T03:04:05.678Z", "updated_at": "2026-01-02T03:04:05.678Z"});
    assert_eq!(made.json, expected);
    assert_eq!(api.get(&format!("/channels/{id}")).await.json, expected);
    assert_eq!(api.get("/channels").await.json["items"], json!([expected]));
    let stored = api.stores.state().channels[&ChannelId::new(id)].clone();
    assert_eq!(stored.secrets["/client_secret"].expose(), "s3cr3t");
    assert!(!stored.config.to_string().contains("client_secret"));
    assert_eq!(*api.operations.calls(), [format!("channel_changed {id}")]);
}

#[rstest]
#[case(json!({}), &["/name", "/type", "/config"])]
#[case(json!({"name": "a", "type": "telegram", "config": {}}), &["/type"])]
#[case(json!({"name": "a", "type": "dingtalk", "config": []}), &["/config"])]
#[case(json!({"name": "a", "type": "dingtalk", "config": {"calls_per_second": "x", "colour": 1}}),
       &["/config/client_id", "/config/client_secret", "/config/calls_per_second", "/config/colour"])]
#[case(json!({"name": "a", "type": "dingtalk", "config": {"client_id": "c", "client_secret": "***"}}),
       &["/config/client_secret"])]
#[case(json!({"name": "a", "type": "dingtalk", "config": {"client_id": "c", "client_secret": 7}}),
       &["/config/client_secret"])]
#[case(json!({"name": "a", "type": "dingtalk", "config": {"client_id": "c", "client_secret": ""}}),
       &["/config/client_secret"])]
#[case(json!({"name": 1, "type": "dingtalk", "enabled": "yes", "locale": "de", "default_agent_id": "agt_nobody",
    "config": {"client_id": "c", "client_secret": "s"}, "user_mapping": {"mode": "x", "on_miss": 1},
    "conversation": {"busy": "panic", "idle_timeout_minutes": -1, "stale": "x",
    "stale_after_minutes": 10_081}, "access": {"users": "me", "extra": 1}}),
       &["/name", "/enabled", "/default_agent_id", "/locale", "/user_mapping/mode", "/user_mapping/on_miss",
         "/conversation/idle_timeout_minutes", "/conversation/busy", "/conversation/stale_after_minutes", "/conversation/stale", "/access/users", "/access/extra"])]
#[tokio::test]
async fn bad_documents_are_422_with_every_pointer_and_nothing_is_made(
    #[case] document: Value,
    #[case] pointers: &[&str],
) {
    let api = TestApi::new().await;
    let answer = api.post("/channels", document).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), pointers, "{}", answer.text);
    assert!(api.stores.state().channels.is_empty() && api.operations.calls().is_empty());
}

#[tokio::test]
async fn an_unknown_type_is_answered_with_the_types_there_are() {
    let api = TestApi::new().await;
    let answer = api.post("/channels", json!({"name": "a", "type": "x", "config": {}})).await;
    assert_eq!(answer.json["errors"][0]["message"], "must be \"dingtalk\"");
}

#[rstest]
#[case(json!({"config": {"calls_per_second": 5}}), "s3cr3t")]
#[case(json!({"config": {"client_secret": ""}}), "s3cr3t")]
#[case(json!({"config": {"client_secret": "***"}}), "s3cr3t")]
#[case(json!({"config": {"client_secret": "new"}}), "new")]
#[tokio::test]
async fn a_patch_keeps_a_secret_that_is_absent_empty_or_masked(#[case] patch: Value, #[case] secret: &str) {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let answer = api.patch(&path, patch).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["config"]["client_secret"], "***");
    assert_eq!(api.stores.state().channels[&id_of(&path)].secrets["/client_secret"].expose(), secret);
}

#[rstest]
#[case(json!({"config": {"client_secret": null}}), &["/config/client_secret"])]
#[case(json!({"config": null}), &["/config"])]
#[case(json!({"type": "telegram"}), &["/type"])]
#[case(json!({"colour": 1, "name": "x".repeat(10_000)}), &["/name", "/colour"])]
#[case(json!({"created_at": "now"}), &["/created_at"])]
#[case(json!({"user_mapping": {"mode": "fixed_user"}}), &["/user_mapping/user_id"])]
#[case(json!({"user_mapping": {"mode": "fixed_user", "user_id": "usr_nobody"}}), &["/user_mapping/user_id"])]
#[case(json!({"user_mapping": {"mode": "directory"}}), &["/user_mapping/directories"])]
#[case(json!({"user_mapping": {"mode": "directory", "directories": [{"name": "a", "kind": "smoke"}, {"name": "b", "kind": "ldap"},
       {"name": "b", "kind": "platform", "config": {"x": 1}}, {"kind": "ldap", "config": 7, "colour": 1}]}}),
       &["/user_mapping/directories/0/kind", "/user_mapping/directories/1/config/url",
         "/user_mapping/directories/1/config/bind_password", "/user_mapping/directories/2/name",
         "/user_mapping/directories/2/config", "/user_mapping/directories/3/name",
         "/user_mapping/directories/3/config", "/user_mapping/directories/3/colour"])]
#[case(json!({"user_mapping": {"directories": {}, "cache_seconds": 0, "miss_seconds": 3601}}),
       &["/user_mapping/cache_seconds", "/user_mapping/miss_seconds", "/user_mapping/directories"])]
#[case(json!({"user_mapping": {"email_template": "all@example.com"}}), &["/user_mapping/email_template"])]
#[tokio::test]
async fn bad_patches_are_422_and_nothing_changes(#[case] patch: Value, #[case] pointers: &[&str]) {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let before = api.stores.state().clone();
    let answer = api.patch(&path, patch).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), pointers, "{}", answer.text);
    assert_eq!(*api.stores.state(), before);
    assert_eq!(api.operations.calls().len(), 1);
}

#[tokio::test]
async fn null_resets_what_has_a_default_and_nested_fields_keep_their_neighbours() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let changed = api
        .patch(&path, json!({"locale": "zh-CN", "conversation": {"busy": "reject", "group_scope": "shared"}}))
        .await;
    assert_eq!(changed.json["locale"], "zh-CN");
    let reset = api.patch(&path, json!({"locale": null, "conversation": {"busy": null}})).await;
    assert_eq!(reset.json["locale"], "en");
    assert_eq!(reset.json["conversation"]["busy"], "queue");
    assert_eq!(reset.json["conversation"]["group_scope"], "shared");
}

#[tokio::test]
async fn a_fixed_user_must_exist_and_goes_with_the_mode() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let user = api.user("u", Vec::new());
    let fixed =
        api.patch(&path, json!({"user_mapping": {"mode": "fixed_user", "user_id": user.as_str()}})).await;
    assert_eq!(fixed.json["user_mapping"]["user_id"], user.as_str());
    // Another field: the stored user is looked up again.
    assert_eq!(api.patch(&path, json!({"locale": "zh-CN"})).await.status, 200);
    let other = api.patch(&path, json!({"user_mapping": {"mode": "match_email"}})).await;
    assert_eq!(other.json["user_mapping"]["user_id"], Value::Null);
    assert_eq!(api.stores.state().channels[&id_of(&path)].user_mapping.mode, MappingMode::MatchEmail);
}

#[tokio::test]
async fn a_duplicate_name_is_409_and_a_stale_version_412() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let second = document();
    api.post("/channels", second.clone()).await;
    problem(&api.post("/channels", second).await, 409, "duplicate");
    problem(&api.patch(&path, json!({"name": "dingtalk BOT"})).await, 409, "duplicate");
    api.clock.advance(Duration::from_secs(1));
    let changed = api.patch_if(&path, "\"1\"", json!({"locale": "zh-CN"})).await;
    assert_eq!(changed.json["updated_at"], "2026-01-02T03:04:06.678Z");
    problem(&api.patch_if(&path, "\"1\"", json!({"locale": "en"})).await, 412, "stale");
}

fn twin(name: &str, enabled: bool) -> Value {
    json!({"name": name, "type": "dingtalk", "enabled": enabled,
        "config": {"client_id": "ding-Bot", "client_secret": "s3cr3t"}})
}

fn refused_as_twin(answer: &crate::testing::Answer) {
    problem(answer, 409, "duplicate");
    assert_eq!(answer.pointers(), ["/config/client_id"]);
    assert!(answer.json["detail"].as_str().unwrap().contains("\"Bot\""), "{}", answer.text);
}

#[tokio::test]
async fn a_second_enabled_channel_of_the_same_bot_is_409_and_names_the_first() {
    let api = TestApi::new().await;
    let first = api.channel("Bot").await;
    refused_as_twin(&api.post("/channels", twin("Twin", true)).await);
    assert_eq!(api.stores.state().channels.len(), 1);
    // A disabled one may wait for its turn.
    let second = api.post("/channels", twin("Twin", false)).await;
    assert_eq!(second.status, 201, "{second:?}");
    let second = format!("/channels/{}", second.json["id"].as_str().unwrap());
    refused_as_twin(&api.post(&format!("{second}/enable"), json!(null)).await);
    refused_as_twin(&api.patch(&second, json!({"enabled": true})).await);
    assert_eq!(api.get(&second).await.json["enabled"], false);
    assert_eq!(api.patch(&second, json!({"locale": "zh-CN"})).await.status, 200);
    assert_eq!(api.post(&format!("{first}/disable"), json!(null)).await.status, 202);
    assert_eq!(api.post(&format!("{second}/enable"), json!(null)).await.status, 202);
    assert_eq!(api.patch(&first, json!({"locale": "zh-CN"})).await.status, 200);
}

#[tokio::test]
async fn an_enabled_channel_cannot_be_patched_into_another_ones_bot() {
    let api = TestApi::new().await;
    api.channel("Bot").await;
    let other = api.channel("Other").await;
    refused_as_twin(&api.patch(&other, json!({"config": {"client_id": "ding-Bot"}})).await);
    assert_eq!(api.get(&other).await.json["config"]["client_id"], "ding-Other");
    let off = json!({"enabled": false, "config": {"client_id": "ding-Bot"}});
    assert_eq!(api.patch(&other, off).await.status, 200);
}

#[tokio::test]
async fn enable_and_disable_are_202_with_the_status_and_tell_the_driver() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let id = id_of(&path);
    let off = api.post(&format!("{path}/disable"), json!(null)).await;
    assert_eq!((off.status.as_u16(), &off.json["status"]), (202, &json!("disabled")));
    assert!(!api.stores.state().channels[&id].enabled);
    problem(&api.post(&format!("{path}/restart"), json!(null)).await, 409, "wrong-state");
    let on = api.post(&format!("{path}/enable"), json!(null)).await;
    assert_eq!((on.status.as_u16(), &on.json["status"]), (202, &json!("disconnected")));
    // A second time changes no version, and tells the driver in case that failed before.
    let version = api.get(&path).await.json["version"].clone();
    api.post(&format!("{path}/enable"), json!(null)).await;
    assert_eq!(api.get(&path).await.json["version"], version);
    assert_eq!(api.operations.calls().len(), 4);
    assert_eq!(api.post(&format!("{path}/restart"), json!(null)).await.status, 202);
    assert_eq!(api.operations.calls().last().unwrap(), &format!("restart {id}"));
}

#[tokio::test]
async fn status_is_what_the_driver_observes_in_the_shape_of_the_contract() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let at = Timestamp::from_millis(START_MS);
    let last_error = LastError { code: ErrorCode::InvalidCredentials, detail: String::from("40089"), at };
    let one_connection_until = Some(at);
    let last_error = Some(last_error);
    api.operations.observe(ChannelStatus { last_error, one_connection_until, ..connected(&id_of(&path)) });
    let status = api.get(&format!("{path}/status")).await.json;
    let time = "2026-01-02T03:04:05.678Z";
    assert_eq!(status["channel_id"], id_of(&path).as_str());
    assert_eq!(status["status"], "connected");
    assert_eq!(status["uptime_seconds"], 12.5);
    assert_eq!(status["since"], time);
    assert_eq!(status["last_error"]["code"], "invalid_credentials");
    assert!(status["last_error"]["message"].as_str().unwrap().ends_with("(40089)"));
    assert_eq!(status["last_error"]["at"], time);
    assert_eq!(status["one_connection"]["until"], time);
    let why = status["one_connection"]["message"].as_str().unwrap();
    assert!(why.starts_with("The platform closes the older of two connections"), "{why}");
    for key in [
        "state",
        "connected_at",
        "attempt",
        "next_attempt_at",
        "connections",
        "replica",
        "last_frame_at",
        "last_message_at",
        "last_reply_at",
    ] {
        assert!(status.get(key).is_some(), "{key}");
    }
    assert_eq!(api.get("/status").await.json, json!({"items": [status], "next_cursor": null}));
}

#[tokio::test]
async fn a_test_reports_each_check_with_its_remedy() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let answer = api.post(&format!("{path}/test"), json!(null)).await;
    assert_eq!((answer.status.as_u16(), &answer.json["ok"]), (200, &json!(false)));
    let checks = &answer.json["checks"];
    assert_eq!((&checks[0]["name"], &checks[0]["result"]), (&json!("token"), &json!("failed")));
    assert_eq!(checks[0]["message"], "The platform refuses the channel's credentials. (40089)");
    assert!(checks[0]["remedy"].as_str().unwrap().contains("凭证与基础信息"));
    let message = "Not known: the call failed for a reason that another check names.";
    let remedy = "Do what the failed check says, then run the test again.";
    let card = json!({"name": "card", "result": "cannot_be_told", "message": message, "remedy": remedy});
    assert_eq!(checks[1], card);
    assert_eq!(
        (&checks[2]["name"], &checks[2]["result"]),
        (&json!("agent"), &json!("failed")),
        "there is none"
    );
    assert_eq!(checks.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_test_is_told_in_the_readers_language() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let mut request = api.request(Method::POST, &format!("/api/v1{path}/test"), None);
    request.headers_mut().insert("accept-language", "zh-CN".parse().unwrap());
    let answer = api.send(request).await;
    assert_eq!(answer.json["checks"][0]["message"], "平台拒绝了该渠道的凭证。 (40089)");
    assert!(answer.json["checks"][2]["remedy"].as_str().unwrap().contains("default_agent_id"));
}

/// The agent's check is bounded like the rest: somebody is waiting.
#[rstest]
#[case("", "ok", "The channel's agent answers.")]
#[case("refuse", "failed", "The channel's agent refuses the key or the model. (agent_unauthorized HTTP 401)")]
#[case(
    "cut",
    "failed",
    "The channel's agent cannot be reached. (agent_cut_stream the answer broke off before its end)"
)]
#[case("makes users", "cannot_be_told", Finding::AgentWantsUser.words(Locale::En).message)]
#[case("stall", "cannot_be_told", "Not known: there was no clear answer. (no whole answer within 18 s)")]
#[tokio::test(start_paused = true)]
async fn a_test_asks_the_channels_agent_for_a_sign_of_life(
    #[case] model: &str,
    #[case] result: &str,
    #[case] message: &str,
) {
    let api = TestApi::new().await;
    let agent = json!({"name": "a", "kind": "echo", "model": model});
    let agent = api
        .post("/agents", if model.is_empty() { json!({"name": "a", "kind": "echo"}) } else { agent })
        .await;
    let path = api.channel("Bot").await;
    api.patch(&path, json!({"default_agent_id": agent.json["id"]})).await;
    let begun = tokio::time::Instant::now();
    let answer = api.post(&format!("{path}/test"), json!(null)).await;
    let check = &answer.json["checks"][2];
    assert_eq!((check["result"].as_str(), check["message"].as_str()), (Some(result), Some(message)));
    assert!(begun.elapsed() <= std::time::Duration::from_secs(20));
}

#[rstest]
#[case("", 0)]
#[case("?purge=true", 2)]
#[tokio::test]
async fn a_deletion_withdraws_first_and_purges_only_when_asked(#[case] query: &str, #[case] purges: usize) {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let id = id_of(&path);
    assert_eq!(api.delete(&format!("{path}{query}")).await.status, 204);
    let expected =
        [format!("channel_changed {id}"), format!("withdraw {id}"), format!("channel_changed {id}")];
    assert_eq!(*api.operations.calls(), expected);
    assert_eq!(api.stores.state().purged.len(), purges);
    problem(&api.get(&path).await, 404, "not-found");
}

#[tokio::test]
async fn a_deletion_that_fails_has_the_channel_taken_in_again() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    let id = id_of(&path);
    api.operations.withdraws_nothing.store(true, Ordering::Relaxed);
    assert_eq!(api.delete(&path).await.status, 503);
    let expected =
        [format!("channel_changed {id}"), format!("withdraw {id}"), format!("channel_changed {id}")];
    assert_eq!(*api.operations.calls(), expected);
    assert_eq!(api.get(&path).await.status, 200);
}

#[tokio::test]
async fn what_the_file_manages_is_409_but_can_be_restarted_and_tested() {
    let api = TestApi::new().await;
    let path = api.channel("Bot").await;
    api.stores.state().channels.values_mut().for_each(|channel| channel.managed_by_file = true);
    let before = api.stores.state().clone();
    problem(&api.patch(&path, json!({"locale": "zh-CN"})).await, 409, "managed-by-file");
    problem(&api.delete(&path).await, 409, "managed-by-file");
    problem(&api.post(&format!("{path}/enable"), json!(null)).await, 409, "managed-by-file");
    problem(&api.post(&format!("{path}/disable"), json!(null)).await, 409, "managed-by-file");
    assert_eq!(*api.stores.state(), before);
    assert_eq!(api.post(&format!("{path}/restart"), json!(null)).await.status, 202);
    assert_eq!(api.post(&format!("{path}/test"), json!(null)).await.status, 200);
    let request = api.request(Method::GET, &format!("/api/v1{path}"), None);
    assert_eq!(api.send(request).await.json["managed_by_file"], true);
}
