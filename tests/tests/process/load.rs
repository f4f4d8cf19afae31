//! The simulator's load generator on the real binary: a small run, judged message by message.

use std::time::Duration;

use dingtalk_sim::load::{AgentPlan, Amount, LoadPlan, Pace};
use serde_json::json;
use switchboard_tests::server::Home;
use tokio_util::sync::CancellationToken;

use super::stage::{no_alarm, under_load};

const MESSAGES: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_messages_with_sixteen_in_flight_are_each_answered_once_whole_and_in_order() {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "info");
    let agent = AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: Duration::from_millis(60) };
    let plan = LoadPlan {
        conversations: 40,
        pace: Pace::InFlight(16),
        amount: Amount::Messages(MESSAGES),
        agent: Some(agent),
        chunks: 6,
        ..LoadPlan::default()
    };
    let (_server, load) = under_load(&home, plan, &json!({})).await;
    let report = load.run(&CancellationToken::new()).await.unwrap();
    println!("{report}");
    assert!(report.verdict.is_clean(), "{report}");
    assert_eq!((report.measured, report.agent_requests), (MESSAGES, MESSAGES), "{report}");
    assert_eq!(report.verdict.unmarked, 0, "{report}");
    assert_eq!(report.processes[0].name, "switchboard", "{report}");
    no_alarm(&home);
}
