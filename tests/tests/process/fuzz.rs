//! Pushes of odd shapes: whatever the platform must get an ack for gets it, and whatever was asked is answered.

use std::time::Duration;

use dingtalk_sim::{FuzzPlan, FuzzReport, Observed, Traffic};
use serde_json::json;
use switchboard_tests::server::CAP;
use tokio::time::Instant;

use super::stage::{APP, Plan, Stage};

/// How long messages are sent in the usual run; `SWITCHBOARD_FUZZED_SECONDS` asks for more.
const SECONDS: u64 = 15;
/// The pause between two of them: what is measured is loss, not speed.
const INTERVAL: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_every_odd_shape_lose_nothing_and_break_nothing() {
    let wanted = std::env::var_os("SWITCHBOARD_FUZZED_SECONDS");
    let seconds = wanted.map_or(SECONDS, |it| it.to_str().and_then(|it| it.parse().ok()).expect("a number"));
    let messages = Duration::from_secs(seconds).as_millis() / INTERVAL.as_millis();
    let messages = usize::try_from(messages).expect("a bounded number");
    let mut plan = Plan::default();
    // Some of what is sent beside pushes ends the connection, and what is garbage once may be read when it is repeated.
    // Repeated this often, only what is really lost stays open.
    plan.simulator.knobs.redelivery_after_ms = 1_000;
    plan.simulator.knobs.redelivery_max = 50;
    plan.channel = json!({"conversation": {"group_scope": "per_user"}});
    let stage = plan.start().await;
    let mut traffic = Traffic::new(APP, messages as u64);
    traffic.people = (0..8).map(|number| format!("p{number}")).collect();
    traffic.interval_ms = u64::try_from(INTERVAL.as_millis()).expect("a short pause");
    let began = Instant::now();
    let seed = stage.simulator.start_fuzz(FuzzPlan {
        long_text_chars: Some(2_000),
        traffic: Some(traffic),
        ..FuzzPlan::default()
    });
    println!("seed {seed}");
    let cap = CAP + Duration::from_millis(messages as u64 * 200);
    stage.simulator.wait_for(cap, |seen| seen.messages.len() >= messages).await.expect("all are sent");
    println!("all pushed after {:?}", began.elapsed());
    // From here on deliveries are as they should be: what was garbage until now is a message to be answered, too.
    stage.simulator.stop_fuzz();
    let outcome = settled(&stage, CAP).await;
    let report = stage.simulator.fuzz_report();
    println!("settled after {:?}", began.elapsed());
    tell(&stage, &report).await;
    assert!(outcome, "seed {seed}: {report:#?}");
    let lost = (report.undelivered.count, report.unaccounted, report.unacked.len(), report.unanswered.len());
    assert_eq!(lost, (0, 0, 0, 0), "seed {seed}: {report:#?}");
    let sent = report.answer.sent + report.acknowledge.sent + report.garbage.sent;
    assert_eq!((report.pushed, sent), (messages as u64, messages as u64), "seed {seed}: {report:#?}");
    assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
    assert!(report.mutations.len() > 10, "seed {seed}: {:#?}", report.mutations);
    let alarms: f64 = stage.api.metric("switchboard_alarms_total").await;
    assert!(alarms == 0.0, "seed {seed}: {alarms} alarms");
    stage.assert_no_alarm();
}

/// Looks into the account at each step of a card, and at least every second, until nothing is owed any more.
async fn settled(stage: &Stage, cap: Duration) -> bool {
    let until = Instant::now() + cap;
    while Instant::now() < until {
        let report = stage.simulator.fuzz_report();
        let is_acked =
            [report.answer, report.acknowledge, report.garbage].iter().all(|it| it.acked == it.sent);
        if is_acked && report.undelivered.count == 0 && report.unanswered.is_empty() {
            return true;
        }
        let steps = |seen: &Observed| seen.cards().map(|card| card.shown.len()).sum::<usize>();
        let before = stage.simulator.observe(steps);
        // What is owed may also be paid without a card: then the second is over.
        let _ = stage.simulator.wait_for(Duration::from_secs(1), |seen| steps(seen) != before).await;
    }
    false
}

/// The figures of the run, as RELIABILITY.md has them.
async fn tell(stage: &Stage, report: &FuzzReport) {
    let FuzzReport { pushed, answer, acknowledge, garbage, undelivered, unaccounted, .. } = report;
    println!("{pushed} pushed; undelivered {}, unaccounted {unaccounted}", undelivered.count);
    for (class, kept) in [("answer", answer), ("acknowledge", acknowledge), ("garbage", garbage)] {
        println!("{class}: {kept:?}");
    }
    println!("unacked {}, unanswered {}", report.unacked.len(), report.unanswered.len());
    let (made, went, connections) = stage.simulator.observe(|seen| {
        let deliveries = || seen.messages.iter().flat_map(|message| &message.deliveries);
        let went = deliveries().filter(|delivery| delivery.connection.is_some()).count();
        (deliveries().count(), went, seen.connections.iter().count())
    });
    println!("{made} deliveries, {went} of them to a connection; {connections} connections");
    println!("violations {}; beside {:?}", report.violations.len(), report.beside);
    println!("mutations {:?}", report.mutations);
    for series in [
        "switchboard_messages_received_total",
        "switchboard_messages_duplicate_total",
        "switchboard_undecodable_total",
        "switchboard_turns_total",
        "switchboard_failures_total",
        "switchboard_alarms_total",
        "switchboard_commits_lost_total",
        "switchboard_channel_reconnects_total",
    ] {
        // The sum of no lines is a negative zero.
        println!("{series} {}", stage.api.metric(series).await + 0.0);
    }
    for outcome in ["answered", "cancelled", "refused", "failed"] {
        println!("turns {outcome}: {}", turns(stage, outcome).await);
    }
    println!("panics {}", stage.home.logs().matches("panicked at").count());
}

/// Turns that ended like this.
async fn turns(stage: &Stage, outcome: &str) -> f64 {
    let text = stage.api.answer(stage.api.request(reqwest::Method::GET, "/metrics")).await.text;
    let label = format!("outcome=\"{outcome}\"");
    let lines =
        text.lines().filter(|line| line.starts_with("switchboard_turns_total") && line.contains(&label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() + 0.0
}
