//! Pushes of odd shapes: whatever the platform must get an ack for gets it, and whatever was asked is answered once.

use std::time::Duration;

use dingtalk_sim::{FuzzPlan, Observed, Traffic};
use serde_json::json;
use switchboard_tests::server::CAP;
use tokio::time::Instant;

use super::stage::{APP, Plan, Stage};

/// How long messages are sent in the usual run; `SWITCHBOARD_FUZZED_SECONDS` asks for more.
const SECONDS: u64 = 6;
/// The pause between two of them; in a run of more than a minute they are spread, because the simulator remembers so many
/// items of a conversation only, and what it has forgotten would count as unanswered.
const INTERVAL: Duration = Duration::from_millis(40);
const INTERVAL_LONG: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_every_odd_shape_lose_nothing_and_break_nothing() {
    let wanted = std::env::var_os("SWITCHBOARD_FUZZED_SECONDS");
    let seconds = wanted.map_or(SECONDS, |it| it.to_str().and_then(|it| it.parse().ok()).expect("a number"));
    let interval = if seconds > 60 { INTERVAL_LONG } else { INTERVAL };
    let messages = Duration::from_secs(seconds).as_millis() / interval.as_millis();
    let messages = usize::try_from(messages).expect("a bounded number");
    let mut plan = Plan::default();
    // Some of what is sent beside pushes ends the connection: only a push that is offered for long enough is owed an answer.
    plan.simulator.knobs.redelivery_after_ms = 1_000;
    plan.simulator.knobs.redelivery_max = 50;
    plan.channel = json!({"conversation": {"group_scope": "per_user"}});
    let stage = plan.start().await;
    let mut traffic = Traffic::new(APP, messages as u64);
    traffic.people = (0..8).map(|number| format!("p{number}")).collect();
    traffic.interval_ms = u64::try_from(interval.as_millis()).expect("a short pause");
    let seed = stage.simulator.start_fuzz(FuzzPlan {
        long_text_chars: Some(2_000),
        traffic: Some(traffic),
        ..FuzzPlan::default()
    });
    println!("seed {seed}");
    let cap = CAP + Duration::from_millis(messages as u64 * 100);
    stage.simulator.wait_for(cap, |seen| seen.messages.len() >= messages).await.expect("all are sent");
    // From here on deliveries are as they should be: what was garbage until now is a message to be answered, too.
    stage.simulator.stop_fuzz();
    let outcome = settled(&stage, cap).await;
    let report = stage.simulator.fuzz_report();
    assert!(outcome, "seed {seed}: {report:#?}");
    let accounted = report.answer.sent + report.acknowledge.sent + report.garbage.sent;
    assert_eq!((accounted, report.unaccounted), (messages as u64, 0), "seed {seed}: {report:#?}");
    println!("{} {:?} {:?} {:?}", report.seed, report.answer, report.acknowledge, report.garbage);
    assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
    assert!(report.mutations.len() > 10, "seed {seed}: {:#?}", report.mutations);
    let metrics = stage.api.answer(stage.api.request(reqwest::Method::GET, "/metrics")).await.text;
    assert!(!metrics.contains("switchboard_alarms_total{"), "seed {seed}: an alarm");
    stage.assert_no_alarm();
}

/// Looks into the account at each step of a card, and at least every second, until nothing is owed any more.
async fn settled(stage: &Stage, cap: Duration) -> bool {
    let until = Instant::now() + cap;
    while Instant::now() < until {
        let report = stage.simulator.fuzz_report();
        let is_paid = report.unacked.is_empty() && report.unanswered.is_empty();
        if is_paid && report.undelivered.count == 0 {
            return true;
        }
        let steps = |seen: &Observed| seen.cards().map(|card| card.shown.len()).sum::<usize>();
        let before = stage.simulator.observe(steps);
        // What is owed may also be paid without a card: then the second is over.
        let _ = stage.simulator.wait_for(Duration::from_secs(1), |seen| steps(seen) != before).await;
    }
    false
}
