//! A document for a bug report: searched for whatever must not be in it.

use std::collections::BTreeMap;

use axum::http::header;
use serde_json::{Map, json};
use switchboard_domain::ids::{ChannelId, ConversationKey, Seq, SessionNumber};
use switchboard_domain::snapshot::{Role as Speaker, TranscriptLine};
use switchboard_domain::time::Timestamp;

use super::{BYTES_MAX, bounded};
use crate::telemetry::lines::{LogLine, Severity};
use crate::testing::{CONFIGURED, START_MS, TestApi};

/// What must not be in it.
const SECRETS: [&str; 9] = [
    "s3cr3t",
    "agent-key-0123456789",
    "header-secret",
    "Tell nobody of the merger",
    "zoe-the-user",
    "ZOE-THE-USER",
    "what somebody said",
    "extra-secret",
    CONFIGURED,
];

#[tokio::test]
async fn it_holds_what_a_bug_report_needs_and_no_secret_no_words_and_no_names() {
    let api = TestApi::new().await;
    let agent = json!({"name": "helper", "kind": "openai-chat", "base_url": "https://llm.example.com/v1",
        "api_key": "agent-key-0123456789", "headers": {"X-Key": "header-secret"},
        "system_prompt": "Tell nobody of the merger", "extra_body": {"metadata": "extra-secret"}});
    assert_eq!(api.post("/agents", agent).await.status, 201);
    let user = api.user("zoe-the-user", Vec::new());
    let config = json!({"client_id": "ding-one", "client_secret": "s3cr3t"});
    let channel = json!({"name": "one", "type": "dingtalk", "config": config,
        "access": {"allow": {"users": ["zoe-the-user"]}}, "switching": {"who": "listed", "users": [user.as_str()]},
        "user_mapping": {"mode": "fixed_user", "user_id": user.as_str()}});
    let made = api.post("/channels", channel).await;
    assert_eq!(made.status, 201, "{made:?}");
    let key = ConversationKey { channel: ChannelId::new("chn_1"), chat: "chat".to_owned(), member: None };
    let line = TranscriptLine {
        session: SessionNumber(1),
        seq: Seq(1),
        role: Speaker::User,
        text: "what somebody said".to_owned(),
        at: Timestamp::from_millis(START_MS),
        mark: None,
    };
    api.stores.state().lines.insert(key.id(), vec![line]);
    let fields = [("user", "zoe-the-user"), ("code", "40089")];
    let fields: BTreeMap<_, _> = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let (target, message) = (String::from("switchboard"), String::from("a connection ended"));
    api.lines.keep(None, LogLine { number: 0, at: 0, level: Severity::Error, target, message, fields });
    let told = api.get("/diagnostics").await;
    assert_eq!(told.status, 200);
    assert!(
        told.header(header::CONTENT_DISPOSITION)
            .starts_with("attachment; filename=\"switchboard-diagnostics-")
    );
    for secret in SECRETS {
        assert!(!told.text.contains(secret), "{secret} is in {}", told.text);
    }
    assert!(!told.text.contains(user.as_str()));
    assert_eq!(told.json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told.json["channels"][0]["settings"]["config"]["client_id"], "ding-one");
    assert_eq!(told.json["channels"][0]["settings"]["access"]["allow"]["users"], json!({"count": 1}));
    assert_eq!(told.json["channels"][0]["status"]["status"], "disconnected");
    assert_eq!(told.json["agents"][0]["system_prompt"], json!({"characters": 25}));
    assert_eq!(told.json["log"][0]["fields"], json!({"code": "40089"}));
    assert_eq!(told.json["configuration"]["server"]["listen"], "127.0.0.1:8080");
    assert_eq!((&told.json["replicas"][0]["id"], &told.json["counts"]["tokens"]), (&json!("r1"), &json!(3)));
    assert!(told.json["metrics"].is_string());
}

#[test]
fn it_stays_within_its_bound_and_says_what_was_left_out() {
    let long = "x".repeat(BYTES_MAX / 2);
    let parts = [("metrics", &long), ("log", &long), ("channels", &long), ("version", &String::from("1"))];
    let document: Map<_, _> =
        parts.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect();
    let text = bounded(document);
    assert!(text.len() <= BYTES_MAX);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&told["left_out"], &told["version"]), (&json!(["metrics", "log"]), &json!("1")));
}
