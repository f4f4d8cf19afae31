//! The other commands, beside a running server and without one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use reqwest::Method;
use serde_json::json;
use switchboard_tests::api::Api;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::{Home, Ran};

use super::stage::{Stage, answer_to};

/// Exit code 2 and one line on stderr that holds all of these.
#[track_caller]
fn is_usage_error(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    is_one_line(ran, words);
}

#[track_caller]
fn is_one_line(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} in {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_one_line_for_each_thing_beside_a_running_server_and_fails_on_a_wrong_secret() {
    let stage = Stage::start().await;
    let ran = stage.home.run(&["check"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<_> = ran.stdout.lines().collect();
    let asked = ["token", "stream", "robot", "card", "media", "ip_list", "quota"];
    let mut expected =
        vec!["configuration:".to_owned(), "store:".to_owned(), "agent \"scripted\":".to_owned()];
    expected.extend(asked.map(|check| format!("channel \"Bot\" {check}:")));
    assert_eq!(lines.len(), expected.len(), "{ran:?}");
    for what in expected {
        let is_there = lines.iter().any(|line| line.contains(&what) && !line.starts_with("failed"));
        assert!(is_there, "{what} in {ran:?}");
    }
    for certain in ["token", "stream", "robot", "card", "ip_list", "quota"] {
        let is_fine = |line: &&str| line.starts_with(&format!("ok      channel \"Bot\" {certain}: "));
        assert!(lines.iter().any(is_fine), "{certain} in {ran:?}");
    }
    let patch = json!({ "config": { "client_secret": "wr0ng-s3cret" } });
    stage.api.patch(&format!("/channels/{}", stage.channel), &patch).await;
    stage.agent.queue([Behaviour::status(401)]);
    let ran = stage.home.run(&["check"]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let failed: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("failed")).collect();
    assert_eq!(failed.len(), 3, "{ran:?}");
    assert!(
        failed[0].contains("channel \"Bot\" token:") && failed[1].contains("channel \"Bot\" stream:"),
        "{ran:?}"
    );
    assert!(
        failed[2].contains("agent \"scripted\"") && failed[2].contains("Check the API key (api_key)"),
        "{ran:?}"
    );
    assert_eq!(ran.stdout.lines().count(), 10, "{ran:?}");
    assert!(!ran.stdout.contains("wr0ng-s3cret") && !ran.stderr.contains("wr0ng-s3cret"), "{ran:?}");
    // The server noticed nothing.
    let patch = json!({ "config": { "client_secret": super::stage::APP_SECRET } });
    stage.api.patch(&format!("/channels/{}", stage.channel), &patch).await;
    stage.api.wait_connected(&stage.channel).await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_misses_a_channels_agent_and_says_so_in_the_terminals_language() {
    let mut stage = Stage::start().await;
    let patch = json!({ "default_agent_id": null });
    stage.api.patch(&format!("/channels/{}", stage.channel), &patch).await;
    stage.home.set("LANG", "zh_CN.UTF-8");
    let ran = stage.home.run(&["check"]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let failed: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("failed")).collect();
    assert_eq!(failed.len(), 1, "{ran:?}");
    assert!(
        failed[0].contains("channel \"Bot\" agent:")
            && failed[0].contains("请在渠道设置的“智能体”（default_agent_id）中选择"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("凭证有效。"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_listed_and_revoked_beside_a_running_server_and_roles_hold() {
    let stage = Stage::start().await;
    let create = async |role: &str| {
        let ran = stage.home.run(&["token", "create", "--name", role, "--role", role]).await;
        assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 1), "{ran:?}");
        let token = ran.stdout.trim_end().to_owned();
        assert!(token.len() >= 32 && !token.contains(char::is_whitespace), "{token}");
        stage.api.with_token(Some(&token))
    };
    let (viewer, operator, admin) = (create("viewer").await, create("operator").await, create("admin").await);
    let again = stage.home.run(&["token", "create", "--name", "viewer", "--role", "admin"]).await;
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""), "{again:?}");
    is_one_line(&again, &["viewer", "exists"]);

    let status = async |api: &Api, method: Method, path: &str| {
        let body = (method == Method::PATCH).then(|| json!({ "name": "Bot" }));
        api.send(method, path, body.as_ref()).await.status
    };
    let channel = format!("/channels/{}", stage.channel);
    for (api, read, operate, change) in
        [(&viewer, 200, 403, 403), (&operator, 200, 202, 403), (&admin, 200, 202, 200)]
    {
        assert_eq!(status(api, Method::GET, &channel).await, read);
        assert_eq!(status(api, Method::POST, &format!("{channel}/restart")).await, operate);
        assert_eq!(status(api, Method::PATCH, &channel).await, change);
    }

    let listed = stage.home.run(&["token", "list"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let names: Vec<_> = listed.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(names, ["admin", "operator", "viewer"]);

    let revoked = stage.home.run(&["token", "revoke", "--name", "operator"]).await;
    assert_eq!((revoked.code, revoked.stdout.as_str()), (Some(0), ""), "{revoked:?}");
    assert_eq!(status(&operator, Method::GET, &channel).await, 401);
    assert_eq!(status(&viewer, Method::GET, &channel).await, 200);
    let again = stage.home.run(&["token", "revoke", "--name", "operator"]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    is_one_line(&again, &["operator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_prints_an_admin_token_once_and_makes_a_key_for_its_owner_alone() {
    let mut home = Home::default();
    home.unset("SWITCHBOARD_SECURITY__ADMIN_TOKEN");
    // Beside no store, nothing is made.
    for command in [&["check"][..], &["token", "list"]] {
        let ran = home.run(command).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!home.store().exists());
    }
    let server = home.serve().await;
    let token = server.line("admin token: ").await;
    let api = Api::at(server.base(), Some(&token));
    // Nothing but what a newcomer tries.
    let types: Vec<_> =
        api.get("/channels").await["items"].as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    assert_eq!(types, ["web"]);
    let key = fs::metadata(home.store().join("key")).unwrap();
    assert_eq!(key.mode() & 0o777, 0o600);
    assert_eq!(server.terminate().await.code(), Some(0));
    let server = home.serve().await;
    assert_eq!(server.said().len(), 1, "{:?}", server.said());
    let api = Api::at(server.base(), Some(&token));
    api.get("/channels").await;
    assert!(!home.logs().contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_an_exposed_one_and_a_missing_one_are_one_clear_line_each() {
    let home = Home::default();
    assert_eq!(home.serve().await.terminate().await.code(), Some(0));
    let key = home.store().join("key");
    let right = fs::read_to_string(&key).unwrap();
    let refused = async |words: &[&str]| {
        for command in [&["serve"][..], &["token", "list"]] {
            let ran = home.run(command).await;
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
            is_one_line(&ran, words);
        }
    };
    fs::write(&key, "0".repeat(64)).unwrap();
    refused(&["switchboard-data/key", "not the one"]).await;
    fs::write(&key, "not a key").unwrap();
    refused(&["switchboard-data/key", "64 hexadecimal digits"]).await;
    fs::write(&key, &right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&["switchboard-data/key", "chmod 600"]).await;
    fs::remove_file(&key).unwrap();
    refused(&["switchboard-data/key", "missing"]).await;
    assert!(!key.exists(), "no new key is made for an old store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_configuration_is_one_line_that_names_file_key_and_what_is_allowed() {
    let mut home = Home::default();
    let cases: [(&str, &[&str]); 8] = [
        ("[server]\nlisten = \"nowhere\"", &["switchboard.toml", "server.listen", "HOST:PORT"]),
        ("[server]\nlistn = \"127.0.0.1:0\"", &["switchboard.toml", "server.listn", "listen"]),
        ("[sever]\nlisten = \"127.0.0.1:0\"", &["switchboard.toml", "sever", "[server]"]),
        ("[server]\nshutdown_grace = 20", &["switchboard.toml", "server.shutdown_grace", "\"20s\""]),
        ("[server\n", &["switchboard.toml", "line 1"]),
        ("[store]\nurl = \"mysql://h\"", &["switchboard.toml", "store.url", "redis://HOST:PORT"]),
        (
            "[[agents]]\nname = \"a\"\nkind = \"openai-chat\"\nbase_url = \"http://h\"\napi_key = \"${NOT_SET}\"",
            &["switchboard.toml", "agents[0].api_key", "NOT_SET is not set"],
        ),
        (
            "[[channels]]\nname = \"c\"\ntype = \"dingtalk\"\nconfig = { client_id = \"i\" }",
            &["switchboard.toml", "channels[0].config.client_secret", "is required"],
        ),
    ];
    home.unset("SWITCHBOARD_SERVER__LISTEN");
    for (toml, words) in cases {
        home.configure(toml);
        for command in ["serve", "check"] {
            let ran = home.run(&[command, "--config", "switchboard.toml"]).await;
            if command == "check" && toml.starts_with("[[channels]]") {
                // The lines that could be said before are said.
                assert_eq!(ran.code, Some(2), "{ran:?}");
                is_one_line(&ran, words);
            } else {
                is_usage_error(&ran, words);
            }
        }
    }
    home.set("SWITCHBOARD_TELEMETRY__LOG_FORMAT", "yaml");
    let ran = home.run(&["serve"]).await;
    is_usage_error(&ran, &["environment", "SWITCHBOARD_TELEMETRY__LOG_FORMAT", "\"text\"", "\"json\""]);
}
