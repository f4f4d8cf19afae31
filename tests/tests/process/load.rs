//! The simulator's load generator on the real binary: a small run, judged message by message.

use std::time::Duration;

use dingtalk_sim::load::{AgentPlan, Amount, Load, LoadPlan, Pace};
use serde_json::json;
use switchboard_tests::api::Api;
use switchboard_tests::server::Home;
use tokio_util::sync::CancellationToken;

use super::stage::{channel_at, no_alarm};

const MESSAGES: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_messages_with_sixteen_in_flight_are_each_answered_once_whole_and_in_order() {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "info");
    let server = home.serve().await;
    let agent = AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: Duration::from_millis(60) };
    let load = Load::start(LoadPlan {
        conversations: 40,
        pace: Pace::InFlight(16),
        amount: Amount::Messages(MESSAGES),
        agent: Some(agent),
        chunks: 6,
        pids: vec![u32::try_from(server.process_id()).unwrap()],
        ..LoadPlan::default()
    });
    let load = load.await.unwrap();
    let api = Api::of(&server);
    let agent = json!({
        "name": "load", "kind": "openai-chat", "base_url": load.agent_url().unwrap(), "model": "load",
    });
    let agent = api.create("/agents", &agent).await;
    let mut channel = channel_at(load.base_url(), &json!({}));
    channel["default_agent_id"] = json!(agent);
    api.create("/channels", &channel).await;
    load.connected().await.unwrap();

    let report = load.run(&CancellationToken::new()).await.unwrap();
    println!("{report}");
    assert!(report.verdict.is_clean(), "{report}");
    assert_eq!((report.measured, report.agent_requests), (MESSAGES, MESSAGES), "{report}");
    assert_eq!(report.verdict.unmarked, 0, "{report}");
    assert_eq!(report.processes[0].name, "switchboard", "{report}");
    no_alarm(&home);
}
