//! Export and import: nothing is lost on the way, nothing is told on the way, and nothing is half done.

use axum::http::{Method, header};
use rstest::rstest;
use serde_json::{Value, json};

use crate::testing::{Answer, TestApi, problem};

async fn imported(api: &TestApi, query: &str, text: &str) -> Answer {
    let mut request = api.request(Method::POST, &format!("/api/v1/import{query}"), None);
    request.headers_mut().insert(header::CONTENT_TYPE, "application/toml".parse().unwrap());
    *request.body_mut() = text.to_owned().into();
    api.send(request).await
}

fn names(answer: &Answer, which: &str) -> Vec<String> {
    let rows = answer.json[which].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// A server with one of everything that is hard to write down.
async fn full() -> TestApi {
    let api = TestApi::new().await;
    let agent = json!({"name": "Helper \"1\" # ${HOME}", "kind": "openai-chat", "base_url": "http://a.example/v1",
        "api_key": "s3cr3t-key", "headers": {"X-One": "s3cr3t-1", "X.Two": "s3cr3t-2"}, "models": ["a", "b*"],
        "system_prompt": "line one\nline \"\"\" two\\ ${NAME} $${X}\t\u{7f}", "identity": {"metadata": true,
            "token": {"secret": "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t"}},
        "extra_body": {"user": null, "deep": {"list": [1, {"no": null}]}, "kept": {"a": [1.5, true, {"b": "c"}]}}});
    let made = api.post("/agents", agent).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json["id"].as_str().unwrap();
    let channel = json!({"name": "渠道", "type": "dingtalk", "default_agent_id": id, "default_model": "m",
        "config": {"client_id": "ding-1", "client_secret": "s3cr3t-ding"},
        "switching": {"agents": [id]}, "access": {"allow": {"users": ["a", "b"]}}});
    let made = api.post("/channels", channel).await;
    assert_eq!(made.status, 201, "{made:?}");
    api.channel("plain").await;
    api
}

#[tokio::test]
async fn what_is_exported_and_imported_again_changes_nothing() {
    let api = full().await;
    let exported = api.get("/export").await;
    assert_eq!(exported.header(header::CONTENT_TYPE), "application/toml");
    assert!(exported.header(header::CONTENT_DISPOSITION).starts_with("attachment"));
    assert!(!exported.text.contains("s3cr3t"), "{}", exported.text);
    assert!(exported.text.contains("default_agent = "), "{}", exported.text);
    assert!(exported.text.contains("\"${SWITCHBOARD_CHANNEL_PLAIN_CLIENT_SECRET}\""), "{}", exported.text);
    assert!(exported.text.contains("${SWITCHBOARD_CHANNEL_CLIENT_SECRET}"), "{}", exported.text);
    let before = api.stores.state().clone();
    for query in ["?dry_run=true", ""] {
        let answer = imported(&api, query, &exported.text).await;
        assert_eq!(answer.status, 200, "{answer:?}\n{}", exported.text);
        assert_eq!((names(&answer, "created").len(), names(&answer, "changed").len()), (0, 0), "{answer:?}");
        assert_eq!(names(&answer, "unchanged").len(), 3);
    }
    assert_eq!(*api.stores.state(), before);
    assert_eq!(api.get("/export").await.text, exported.text);
}

#[tokio::test]
async fn an_export_with_its_secrets_makes_another_server_the_same() {
    let api = full().await;
    let mut text = api.get("/export").await.text;
    let mut filled = 0;
    while let Some((before, after)) = text.clone().split_once("\"${SWITCHBOARD_") {
        let (_, after) = after.split_once('}').unwrap();
        filled += 1;
        text = format!("{before}\"s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t-{filled}{after}");
    }
    assert_eq!(filled, 6, "{text}");
    let other = TestApi::new().await;
    let answer = imported(&other, "", &text).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(names(&answer, "created"), ["Helper \"1\" # ${HOME}", "plain", "渠道"]);
    // But for what TOML cannot say, and the ids.
    assert_eq!(other.get("/export").await.text, {
        let text = api.get("/export").await.text;
        text.lines()
            .filter(|line| !line.starts_with("# TOML"))
            .flat_map(|line| [line, "\n"])
            .collect::<String>()
    });
    let changes = other.get("/changes").await;
    assert_eq!(changes.json["items"].as_array().unwrap().len(), 3);
    assert_eq!(changes.json["items"][0]["author"]["name"], "a");
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_and_writes_nothing() {
    let api = full().await;
    let text = "[[agents]]\nname = \"new\"\nkind = \"echo\"\n\n[[channels]]\nname = \"PLAIN\"\ntype = \"dingtalk\"\n\
        default_agent = \"new\"\n[channels.config]\nclient_id = \"ding-plain\"\n";
    let before = api.stores.state().clone();
    let dry = imported(&api, "?dry_run=true", text).await;
    assert_eq!(dry.status, 200, "{dry:?}");
    assert_eq!((&dry.json["dry_run"], &dry.json["created"][0]["id"]), (&json!(true), &Value::Null));
    assert_eq!(*api.stores.state(), before);
    let real = imported(&api, "", text).await;
    assert_eq!(
        (names(&real, "created"), names(&real, "changed")),
        (vec![String::from("new")], vec![String::from("PLAIN")])
    );
    let pointers: Vec<_> =
        real.json["changed"][0]["changes"].as_array().unwrap().iter().map(|c| c["pointer"].clone()).collect();
    assert_eq!(pointers, ["/default_agent_id", "/name"]);
    // Its secret stayed, though the text does not say it; what the text does not name stayed too.
    let state = api.stores.state();
    let plain = state.channels.values().find(|channel| channel.name == "PLAIN").unwrap();
    assert_eq!(plain.secrets["/client_secret"].expose(), "s3cr3t");
    assert_eq!((state.channels.len(), state.agents.len()), (2, 2));
}

#[rstest]
#[case::a_variable("[[agents]]\nname = \"${HOME}\"\nkind = \"echo\"", "/agents/0/name")]
#[case::half_a_variable(
    "[[agents]]\nname = \"a\"\nkind = \"echo\"\nsystem_prompt = \"my ${\"",
    "/agents/0/system_prompt"
)]
#[case::a_section("[server]\nlisten = \"0.0.0.0:1\"", "/server")]
#[case::no_tables("agents = 3", "/agents")]
#[case::a_bad_field("[[agents]]\nname = \"a\"\nkind = \"echo\"\ncolour = 1", "/agents/0/colour")]
#[case::set_by_the_server("[[agents]]\nname = \"a\"\nkind = \"echo\"\nid = \"agt_1\"", "/agents/0/id")]
#[case::twice(
    "[[agents]]\nname = \"a\"\nkind = \"echo\"\n[[agents]]\nname = \"A\"\nkind = \"echo\"",
    "/agents/1/name"
)]
#[case::no_agent(
    "[[channels]]\nname = \"c\"\ntype = \"dingtalk\"\ndefault_agent = \"x\"\nconfig = {client_id = \"c\", \
    client_secret = \"s\"}",
    "/channels/0/default_agent"
)]
#[case::a_new_one_without_its_secret(
    "[[channels]]\nname = \"c\"\ntype = \"dingtalk\"\nconfig = {client_id = \"c\", \
    client_secret = \"${SWITCHBOARD_X}\"}",
    "/channels/0/config/client_secret"
)]
#[case::nor_with_a_mask(
    "[[channels]]\nname = \"c\"\ntype = \"dingtalk\"\nconfig = {client_id = \"c\", client_secret = \"***\"}",
    "/channels/0/config/client_secret"
)]
#[case::nor_with_nothing(
    "[[channels]]\nname = \"c\"\ntype = \"dingtalk\"\nconfig = {client_id = \"c\"}",
    "/channels/0/config/client_secret"
)]
#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_written(#[case] text: &str, #[case] pointer: &str) {
    let api = TestApi::new().await;
    let text = format!("{text}\n[[agents]]\nname = \"fine\"\nkind = \"echo\"\n");
    let text = if text.starts_with("agents = ") { text.lines().next().unwrap() } else { &text };
    let answer = imported(&api, "", text).await;
    problem(&answer, 422, "invalid-field");
    assert!(answer.pointers().contains(&pointer), "{answer:?}");
    assert!(!answer.text.contains(env!("CARGO_MANIFEST_DIR")), "nothing comes from the server's environment");
    let state = api.stores.state();
    assert!(state.agents.is_empty() && state.channels.is_empty());
}

#[tokio::test]
async fn what_is_no_toml_is_said_to_be_none() {
    let api = TestApi::new().await;
    let answer = imported(&api, "", "[[agents]]\nname = \"s3cr3t\nkind").await;
    problem(&answer, 400, "malformed");
    let detail = answer.json["detail"].as_str().unwrap();
    assert!(detail.starts_with("the body is not TOML: line ") && !answer.text.contains("s3cr3t"), "{detail}");
    problem(&api.post("/import", json!({})).await, 415, "not-toml");
    let long = format!("# {}", "x".repeat(5 * 1024 * 1024));
    problem(&imported(&api, "", &long).await, 413, "too-large");
}

#[tokio::test]
async fn what_the_file_manages_may_stand_there_and_not_change() {
    let api = full().await;
    api.stores.state().channels.values_mut().for_each(|channel| channel.managed_by_file = true);
    let exported = api.get("/export").await.text;
    assert!(exported.contains("# From the server's configuration file.\n"));
    assert_eq!(names(&imported(&api, "", &exported).await, "unchanged").len(), 3);
    let edited = exported.replace("ding-plain", "ding-other");
    let before = api.stores.state().clone();
    let answer = imported(&api, "", &edited).await;
    problem(&answer, 409, "managed-by-file");
    assert_eq!(answer.pointers(), ["/channels/0"]);
    assert_eq!(*api.stores.state(), before);
}

#[tokio::test]
async fn two_enabled_channels_do_not_become_one_bot() {
    let api = full().await;
    let edited = api.get("/export").await.text.replace("ding-plain", "ding-1");
    let answer = imported(&api, "", &edited).await;
    problem(&answer, 409, "duplicate");
    assert_eq!(answer.pointers(), ["/channels/0/config/client_id"]);
}
