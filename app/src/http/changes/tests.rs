//! Versions of channels and agents: who made which, what becomes of a process that ends in between, and going back.

use axum::http::{Method, header};
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_ports::journal::{Book, JournalLine};

use crate::changes::catch_up;
use crate::settings_lock::SettingsLock;
use crate::testing::{Answer, FakeClock, FakeEntropy, TestApi, ports, problem};

async fn versions(api: &TestApi, path: &str) -> Vec<Value> {
    let answer = api.get(&format!("{path}/versions")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["items"].as_array().unwrap().clone()
}

fn acts(versions: &[Value]) -> Vec<(u64, &str)> {
    let act = |line: &Value| line["act"].as_str().unwrap().to_owned();
    versions.iter().map(|line| (line["version"].as_u64().unwrap(), act(line).leak() as &str)).collect()
}

async fn rolled_back(api: &TestApi, path: &str, version: u64) -> Answer {
    api.post(&format!("{path}/rollback"), json!({"version": version})).await
}

/// What a process that ended right after the registry's write has not noted.
fn forget_last_lines(api: &TestApi) {
    let mut state = api.stores.state();
    for book in [Book::Versions, Book::Changes] {
        let last = state.journal.iter().rposition(|line| line.book == book).unwrap();
        state.journal.remove(last);
    }
}

#[tokio::test]
async fn each_change_has_its_author_its_time_and_what_differs() {
    let api = TestApi::new().await;
    let path = api.channel("one").await;
    api.clock.advance(std::time::Duration::from_secs(1));
    let config = json!({"config": {"client_secret": "an0ther"}, "locale": "zh-CN"});
    assert_eq!(api.patch(&path, config).await.status, 200);
    assert_eq!(api.post(&format!("{path}/disable"), Value::Null).await.status, 202);
    assert_eq!(api.patch(&path, json!({"enabled": true})).await.status, 200);
    let listed = versions(&api, &path).await;
    assert_eq!(acts(&listed), [(4, "enabled"), (3, "disabled"), (2, "changed"), (1, "created")]);
    assert_eq!(listed[2]["author"], json!({"kind": "token", "name": "a", "role": "admin"}));
    assert_eq!(listed[2]["at"], "2026-01-02T03:04:06.678Z");
    assert_eq!(listed[2]["fields"], json!(["/locale", "/config/client_secret"]));
    let second = api.get(&format!("{path}/versions/2")).await;
    let told = json!([{"pointer": "/locale", "before": "en", "after": "zh-CN"},
        {"pointer": "/config/client_secret", "secret": true}]);
    assert_eq!(second.json["changes"], told);
    assert_eq!(second.json["content"]["config"]["client_secret"], "***");
    assert_eq!(api.get(&format!("{path}/versions/1")).await.json["changes"], Value::Null);
    let all = api.get("/changes").await;
    assert_eq!(all.json["items"].as_array().unwrap().len(), 4);
    assert_eq!(all.json["items"][0]["resource"], "channel");
    assert!(api.get("/changes?resource=agent").await.json["items"].as_array().unwrap().is_empty());
    problem(&api.get("/changes?resource=user").await, 422, "invalid-field");
    for line in &api.stores.state().journal {
        assert!(!line.body.contains("s3cr3t") && !line.body.contains("an0ther"), "{line:?}");
    }
}

#[tokio::test]
async fn what_changes_nothing_and_what_is_refused_is_no_version() {
    let api = TestApi::new().await;
    let (path, other) = (api.agent("one").await, api.agent("two").await);
    assert_eq!(api.patch(&path, json!({"name": "one"})).await.status, 200);
    problem(&api.patch(&path, json!({"name": "two"})).await, 409, "duplicate");
    problem(&api.patch_if(&path, "\"7\"", json!({"name": "three"})).await, 412, "stale");
    problem(&api.post("/agents", json!({"name": "ONE", "kind": "echo"})).await, 409, "duplicate");
    assert_eq!(acts(&versions(&api, &path).await), [(1, "created")]);
    // The refused ones were announced; that makes nobody their author.
    assert_eq!(api.patch(&path, json!({"name": "three"})).await.status, 200);
    assert_eq!(acts(&versions(&api, &path).await), [(2, "changed"), (1, "created")]);
    assert_eq!(acts(&versions(&api, &other).await), [(1, "created")]);
    assert_eq!(api.get("/changes").await.json["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn whoever_was_deleted_can_still_be_read_about() {
    let api = TestApi::new().await;
    let (agent, channel) = (api.agent("one").await, api.channel("two").await);
    for path in [&agent, &channel] {
        assert_eq!(api.delete(path).await.status, 204);
        let listed = versions(&api, path).await;
        assert_eq!(acts(&listed), [(2, "deleted"), (1, "created")]);
        assert_eq!(listed[0]["author"]["name"], "a");
        assert_eq!(
            api.get(&format!("{path}/versions/2")).await.json["content"]["enabled"].is_null(),
            path == &agent
        );
        problem(&api.get(&format!("{path}/versions/3")).await, 404, "not-found");
        problem(&rolled_back(&api, path, 1).await, 404, "not-found");
    }
    let id = agent.rsplit('/').next().unwrap();
    problem(&api.get(&format!("/channels/{id}/versions")).await, 404, "not-found");
}

#[tokio::test]
async fn whoever_ended_between_the_write_and_its_line_is_still_the_author() {
    let api = TestApi::new().await;
    let path = api.channel("one").await;
    assert_eq!(api.patch(&path, json!({"config": {"client_secret": "t"}, "name": "uno"})).await.status, 200);
    let whole = versions(&api, &path).await;
    forget_last_lines(&api);
    // With the next look.
    assert_eq!(versions(&api, &path).await, whole);
    // With the next change, whoever makes it.
    assert_eq!(api.post(&format!("{path}/disable"), Value::Null).await.status, 202);
    forget_last_lines(&api);
    assert_eq!(api.patch(&path, json!({"locale": "zh-CN"})).await.status, 200);
    let listed = versions(&api, &path).await;
    assert_eq!(acts(&listed), [(4, "changed"), (3, "disabled"), (2, "changed"), (1, "created")]);
    assert!(listed.iter().all(|line| line["author"]["name"] == "a"));
    // With a deletion.
    assert_eq!(api.delete(&path).await.status, 204);
    let whole = versions(&api, &path).await;
    forget_last_lines(&api);
    assert_eq!(versions(&api, &path).await, whole);
}

#[tokio::test]
async fn a_start_notes_what_nobody_has_noted() {
    let api = TestApi::new().await;
    let (agent, channel) = (api.agent("one").await, api.channel("two").await);
    let gone = api.channel("three").await;
    assert_eq!(api.delete(&gone).await.status, 204);
    forget_last_lines(&api);
    // Of the others nobody knows any more who made them, as in a store of an earlier version.
    let keep = |line: &JournalLine| !agent.ends_with(&line.subject) && !channel.ends_with(&line.subject);
    api.stores.state().journal.retain(keep);
    let ports = ports(&api.stores, std::sync::Arc::new(FakeClock::default()));
    let lock = SettingsLock::new(std::sync::Arc::clone(&ports.replicas), &FakeEntropy::default());
    catch_up::all(&ports, &lock).await;
    let lines = api.stores.state().journal.len();
    for path in [&agent, &channel] {
        let listed = versions(&api, path).await;
        assert_eq!((acts(&listed), &listed[0]["author"]), (vec![(1, "created")], &Value::Null));
    }
    let listed = versions(&api, &gone).await;
    assert_eq!((acts(&listed)[0], &listed[0]["author"]["name"]), ((2, "deleted"), &json!("a")));
    catch_up::all(&ports, &lock).await;
    assert_eq!(api.stores.state().journal.len(), lines);
}

#[tokio::test]
async fn whoever_ended_between_announcing_and_writing_has_changed_nothing() {
    let api = TestApi::new().await;
    let path = api.agent("one").await;
    let id = path.rsplit('/').next().unwrap();
    let body = json!({"version": 2, "at": 1, "author": {"kind": "token", "name": "dead", "role": "admin"},
        "act": "changed", "secrets": []});
    api.stores.state().journal.push(JournalLine {
        book: Book::Intents,
        subject: id.to_owned(),
        at: switchboard_domain::time::Timestamp::from_millis(1),
        body: body.to_string(),
    });
    assert_eq!(acts(&versions(&api, &path).await), [(1, "created")]);
    assert_eq!(api.patch(&path, json!({"name": "two"})).await.status, 200);
    forget_last_lines(&api);
    let listed = versions(&api, &path).await;
    assert_eq!((acts(&listed)[0], &listed[0]["author"]["name"]), ((2, "changed"), &json!("a")));
}

#[tokio::test]
async fn changes_at_once_are_one_chain() {
    let api = TestApi::new().await;
    let path = api.channel("one").await;
    let answers = join_all((0..12).map(|n| {
        let body = json!({"access": {"messages_per_minute": n}});
        let (api, path) = (&api, &path);
        async move { api.patch(path, body).await.status.as_u16() }
    }));
    let written = answers.await.iter().filter(|status| **status == 200).count();
    let listed = versions(&api, &path).await;
    assert_eq!(written, 12);
    let mut numbers: Vec<u64> = listed.iter().map(|line| line["version"].as_u64().unwrap()).collect();
    numbers.reverse();
    assert_eq!(numbers, (1..=listed.len() as u64).collect::<Vec<_>>());
    for number in 2..=listed.len() {
        let one = api.get(&format!("{path}/versions/{number}")).await;
        assert_eq!(one.json["changes"].as_array().unwrap().len(), 1, "{one:?}");
    }
}

#[tokio::test]
async fn going_back_makes_a_new_version_and_keeps_secrets() {
    let api = TestApi::new().await;
    let (path, agent) = (api.channel("one").await, api.agent("helper").await);
    let agent = agent.rsplit('/').next().unwrap();
    let body = json!({"name": "uno", "default_agent_id": agent, "config": {"client_secret": "new"},
        "conversation": {"busy": "reject"}});
    assert_eq!(api.patch(&path, body).await.status, 200);
    let first = api.get(&format!("{path}/versions/1")).await.json["content"].clone();
    let back = rolled_back(&api, &path, 1).await;
    assert_eq!((back.status.as_u16(), back.header(header::ETAG)), (200, "\"3\""));
    for field in ["name", "default_agent_id", "config", "conversation"] {
        assert_eq!(back.json[field], first[field], "{field}");
    }
    let stored = api.stores.state().channels.values().next().unwrap().clone();
    assert_eq!(stored.secrets["/client_secret"].expose(), "new");
    assert_eq!(acts(&versions(&api, &path).await)[0], (3, "rolled_back"));
    // Nothing to do is no version.
    assert_eq!(rolled_back(&api, &path, 1).await.header(header::ETAG), "\"3\"");
    // Forward again.
    assert_eq!(rolled_back(&api, &path, 2).await.json["name"], "uno");
    assert!(api.operations.calls().iter().filter(|call| call.starts_with("channel_changed")).count() >= 3);
}

#[rstest]
#[case(json!({"version": 9}), "/version")]
#[case(json!({"version": 0}), "/version")]
#[case(json!({}), "/version")]
#[case(json!({"version": 1, "force": true}), "/force")]
#[tokio::test]
async fn a_version_that_is_none_is_refused_by_name(#[case] body: Value, #[case] pointer: &str) {
    let api = TestApi::new().await;
    let path = api.agent("one").await;
    let answer = api.post(&format!("{path}/rollback"), body).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), [pointer]);
}

#[tokio::test]
async fn what_is_not_valid_today_is_refused_and_nothing_changes() {
    let api = TestApi::new().await;
    let (path, agent) = (api.channel("one").await, api.agent("helper").await);
    let id = agent.rsplit('/').next().unwrap();
    assert_eq!(api.patch(&path, json!({"default_agent_id": id})).await.status, 200);
    assert_eq!(api.patch(&path, json!({"default_agent_id": null, "name": "uno"})).await.status, 200);
    assert_eq!(api.delete(&agent).await.status, 204);
    let refused = rolled_back(&api, &path, 2).await;
    problem(&refused, 422, "invalid-field");
    assert_eq!(refused.pointers(), ["/default_agent_id"]);
    // Another one has the name by now.
    let config = json!({"client_id": "ding-other", "client_secret": "s"});
    let other = json!({"name": "ONE", "type": "dingtalk", "config": config});
    assert_eq!(api.post("/channels", other).await.status, 201);
    problem(&rolled_back(&api, &path, 1).await, 409, "duplicate");
    let mut stale =
        api.request(Method::POST, &format!("/api/v1{path}/rollback"), Some(&json!({"version": 1})));
    stale.headers_mut().insert(header::IF_MATCH, "\"1\"".parse().unwrap());
    problem(&api.send(stale).await, 412, "stale");
    assert_eq!(acts(&versions(&api, &path).await).len(), 3);
}

#[tokio::test]
async fn a_secret_that_is_gone_does_not_come_back() {
    let api = TestApi::new().await;
    let agent = json!({"name": "one", "kind": "openai-chat", "base_url": "http://a.example/v1",
        "headers": {"X-One": "s3cr3t"}});
    let made = api.post("/agents", agent).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/agents/{}", made.json["id"].as_str().unwrap());
    assert_eq!(api.patch(&path, json!({"headers": {"X-One": null}})).await.status, 200);
    let refused = rolled_back(&api, &path, 1).await;
    problem(&refused, 422, "invalid-field");
    assert_eq!(refused.pointers(), ["/headers/X-One"]);
}

#[tokio::test]
async fn what_the_file_says_is_not_rolled_back() {
    let api = TestApi::new().await;
    let path = api.agent("one").await;
    assert_eq!(api.patch(&path, json!({"name": "two"})).await.status, 200);
    api.stores.state().agents.values_mut().for_each(|agent| agent.managed_by_file = true);
    problem(&rolled_back(&api, &path, 1).await, 409, "managed-by-file");
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_changed_or_said() {
    let api = TestApi::new().await;
    let path = api.agent("one").await;
    api.stores.set_down(true);
    problem(&api.patch(&path, json!({"name": "two"})).await, 503, "unavailable");
    api.stores.set_down(false);
    assert_eq!(acts(&versions(&api, &path).await), [(1, "created")]);
}
