//! Resources kept as code: made, changed, adopted, released.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::ids::Version;

use super::{Changes, Declared, ReconcileError, reconcile};
use crate::ports::Ports;
use crate::testing::{FakeClock, FakeStores, ports};

fn set_up() -> (Arc<FakeStores>, Ports) {
    let stores = Arc::new(FakeStores::default());
    let ports = ports(&stores, Arc::new(FakeClock::default()));
    (stores, ports)
}

fn declared(agents: Value, channels: Value) -> Declared {
    let list = |value: Value| value.as_array().expect("a list").clone();
    Declared { file: String::from("sb.toml"), agents: list(agents), channels: list(channels) }
}

fn bot() -> Value {
    json!({"name": "Bot", "type": "dingtalk", "default_agent": "Helper",
        "config": {"client_id": "c", "client_secret": "s3cr3t"}})
}

fn helper() -> Value {
    json!({"name": "helper", "kind": "echo"})
}

#[tokio::test]
async fn what_is_declared_is_made_once_and_marked() {
    let (stores, ports) = set_up();
    let file = declared(json!([helper()]), json!([bot()]));
    let changes = reconcile(&file, &ports).await.unwrap();
    assert_eq!((changes.agents.len(), changes.channels.len()), (1, 1));
    let state = stores.state().clone();
    let (agent, channel) = (state.agents.values().next().unwrap(), state.channels.values().next().unwrap());
    assert!(agent.managed_by_file && channel.managed_by_file && channel.enabled);
    assert_eq!((agent.version, channel.version), (Version(1), Version(1)));
    assert_eq!(channel.default_agent.as_ref(), Some(&agent.id));
    assert_eq!(reconcile(&file, &ports).await.unwrap(), Changes::default());
    assert_eq!(*stores.state(), state);
}

/// Also those that stand in the file, before anything is written.
#[tokio::test]
async fn directories_that_the_mode_never_asks_are_a_mistake_in_the_file() {
    let (stores, ports) = set_up();
    let mut channel = bot();
    channel["user_mapping"] = json!({"directories": [{"name": "p", "kind": "platform"}]});
    let refused = reconcile(&declared(json!([helper()]), json!([channel])), &ports).await.unwrap_err();
    assert!(matches!(refused, ReconcileError::Config(_)), "{refused}");
    let said = refused.to_string();
    assert!(said.contains("directories") && said.contains("match_email"), "{said}");
    assert!(stores.state().channels.is_empty() && stores.state().agents.is_empty());
}

#[tokio::test]
async fn a_changed_secret_touches_its_channel_and_nothing_else() {
    let (stores, ports) = set_up();
    let other =
        json!({"name": "Other", "type": "dingtalk", "config": {"client_id": "d", "client_secret": "t"}});
    reconcile(&declared(json!([helper()]), json!([bot(), other])), &ports).await.unwrap();
    let mut edited = bot();
    edited["config"]["client_secret"] = json!("new");
    let changes = reconcile(&declared(json!([helper()]), json!([edited, other])), &ports).await.unwrap();
    assert_eq!((changes.agents.len(), changes.channels.len()), (0, 1));
    let state = stores.state();
    let channel = &state.channels[&changes.channels[0]];
    assert_eq!((channel.name.as_str(), channel.version), ("Bot", Version(2)));
    assert_eq!(channel.secrets["/client_secret"].expose(), "new");
}

#[tokio::test]
async fn what_disappears_is_released_and_a_channel_disabled_and_comes_back_as_the_same() {
    let (stores, ports) = set_up();
    let file = declared(json!([helper()]), json!([bot()]));
    let made = reconcile(&file, &ports).await.unwrap();
    let gone = reconcile(&declared(json!([]), json!([])), &ports).await.unwrap();
    assert_eq!((&gone.agents, &gone.channels), (&made.agents, &made.channels));
    {
        let state = stores.state();
        let channel = &state.channels[&made.channels[0]];
        assert!(!channel.enabled && !channel.managed_by_file);
        assert!(!state.agents[&made.agents[0]].managed_by_file);
    }
    let back = reconcile(&file, &ports).await.unwrap();
    assert_eq!(back.channels, made.channels);
    assert!(stores.state().channels[&made.channels[0]].enabled);
}

#[rstest]
#[case(json!([{"name": "a"}]), json!([]), "sb.toml: agents[0].kind: is required")]
#[case(json!([helper(), {"name": "HELPER", "kind": "echo"}]), json!([]), "sb.toml: agents[1].name: stands twice")]
#[case(json!([helper()]), json!([bot(), bot()]), "sb.toml: channels[1].name: stands twice in this file")]
#[case(json!([]), json!([bot()]), "sb.toml: channels[0].default_agent: must be the name of an agent")]
#[case(json!([helper()]), json!([{"name": "B", "type": "dingtalk", "config": {"client_id": "c", "client_secret": "***"}}]),
       "sb.toml: channels[0].config.client_secret: must be the secret itself")]
#[case(json!([helper()]), json!([{"name": "B", "type": "dingtalk", "config": {}}]),
       "sb.toml: channels[0].config.client_id: is required (and 1 more)")]
#[case(json!([helper()]), json!([{"name": "B", "type": "x", "colour": 1}]), "sb.toml: channels[0].type: must be")]
#[tokio::test]
async fn a_bad_declaration_is_one_line_and_nothing_is_written(
    #[case] agents: Value,
    #[case] channels: Value,
    #[case] line: &str,
) {
    let (stores, ports) = set_up();
    let error = reconcile(&declared(agents, channels), &ports).await.unwrap_err();
    assert!(matches!(error, ReconcileError::Config(_)));
    let shown = error.to_string();
    assert!(shown.starts_with(line), "{shown}");
    assert!(stores.state().agents.is_empty() && stores.state().channels.is_empty());
}

fn named(name: &str, enabled: bool) -> Value {
    json!({"name": name, "type": "dingtalk", "enabled": enabled,
        "config": {"client_id": "c", "client_secret": "s3cr3t"}})
}

#[tokio::test]
async fn two_enabled_channels_of_one_bot_are_refused_and_nothing_is_written() {
    let (stores, ports) = set_up();
    let error = reconcile(&declared(json!([]), json!([named("A", true), named("B", true)])), &ports).await;
    let shown = error.unwrap_err().to_string();
    assert!(shown.starts_with("sb.toml: channels[0].config.client_id: is the same bot as"), "{shown}");
    assert!(shown.contains("\"B\""), "{shown}");
    assert!(stores.state().channels.is_empty());
    let changes = reconcile(&declared(json!([]), json!([named("A", true), named("B", false)])), &ports).await;
    assert_eq!(changes.unwrap().channels.len(), 2);
    // A new name for the same bot: the old one is disabled in the same go.
    let changes = reconcile(&declared(json!([]), json!([named("New", true)])), &ports).await.unwrap();
    assert_eq!(changes.channels.len(), 3);
    let enabled: Vec<_> =
        stores.state().channels.values().filter(|c| c.enabled).map(|c| c.name.clone()).collect();
    assert_eq!(enabled, ["New"]);
}

#[tokio::test]
async fn a_declared_twin_of_a_channel_made_through_the_api_is_refused() {
    let (stores, ports) = set_up();
    reconcile(&declared(json!([]), json!([named("Stored", true)])), &ports).await.unwrap();
    stores.state().channels.values_mut().for_each(|channel| channel.managed_by_file = false);
    let error = reconcile(&declared(json!([]), json!([named("Mine", true)])), &ports).await.unwrap_err();
    assert!(error.to_string().contains("\"Stored\""), "{error}");
    let changes = reconcile(&declared(json!([]), json!([named("Mine", false)])), &ports).await.unwrap();
    assert_eq!(changes.channels.len(), 1);
}

#[tokio::test]
async fn a_store_that_is_away_is_told_apart_from_a_bad_file() {
    let (stores, ports) = set_up();
    stores.set_down(true);
    let error = reconcile(&declared(json!([helper()]), json!([])), &ports).await.unwrap_err();
    assert!(matches!(error, ReconcileError::Store(_)));
}
