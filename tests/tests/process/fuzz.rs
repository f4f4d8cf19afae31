//! Pushes of odd shapes: whatever the platform must get an ack for gets it, and whatever was asked is answered once.

use std::time::Duration;

use dingtalk_sim::{FuzzPlan, Observed, Traffic};
use serde_json::json;
use switchboard_tests::server::CAP;
use tokio::time::Instant;

use super::stage::{APP, Plan, Stage};

/// Messages of the usual run; `SWITCHBOARD_FUZZED_MESSAGES` asks for more.
const MESSAGES: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_every_odd_shape_lose_nothing_and_break_nothing() {
    let wanted = std::env::var_os("SWITCHBOARD_FUZZED_MESSAGES");
    let messages = wanted.and_then(|it| it.to_str()?.parse().ok());
    let messages = messages.unwrap_or(MESSAGES);
    let mut plan = Plan::default();
    plan.simulator.knobs.redelivery_after_ms = 2_000;
    plan.channel = json!({"conversation": {"group_scope": "per_user"}});
    let stage = plan.start().await;
    let mut traffic = Traffic::new(APP, messages as u64);
    traffic.interval_ms = 20;
    let seed = stage.simulator.start_fuzz(FuzzPlan {
        long_text_chars: Some(2_000),
        traffic: Some(traffic),
        ..FuzzPlan::default()
    });
    println!("seed {seed}");
    let cap = CAP + Duration::from_millis(messages as u64 * 100);
    let outcome = settled(&stage, messages, cap).await;
    stage.simulator.stop_fuzz();
    let report = stage.simulator.fuzz_report();
    assert!(outcome, "seed {seed}: {report:#?}");
    assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
    assert!(report.mutations.len() > 10, "seed {seed}: {:#?}", report.mutations);
    let metrics = stage.api.answer(stage.api.request(reqwest::Method::GET, "/metrics")).await.text;
    assert!(!metrics.contains("switchboard_alarms_total{"), "seed {seed}: an alarm");
    stage.assert_no_alarm();
}

/// Looks into the account at each step of a card, and at least every second, until nothing is owed any more.
async fn settled(stage: &Stage, messages: usize, cap: Duration) -> bool {
    let until = Instant::now() + cap;
    while Instant::now() < until {
        let report = stage.simulator.fuzz_report();
        let sent = stage.simulator.observe(|seen| seen.messages.len());
        if sent >= messages && report.unacked.is_empty() && report.unanswered.is_empty() {
            return true;
        }
        let steps = |seen: &Observed| seen.cards().map(|card| card.shown.len()).sum::<usize>();
        let before = stage.simulator.observe(steps);
        // What is owed may also be paid without a card: then the second is over.
        let _ = stage.simulator.wait_for(Duration::from_secs(1), |seen| steps(seen) != before).await;
    }
    false
}
