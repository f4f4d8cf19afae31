//! Two hundred answers at once with an app that may call each API twenty times a second: whether the platform ever has to refuse a
//! call, and how much later than its limit allows the last card is finished.
//!
//! The real server with a durable store in a file, under the simulator's load generator over real sockets; the simulated platform
//! counts as DingTalk does, and refuses what is too much. `cargo xtask bench quota` runs it; what it prints goes into BENCHMARKS.md.
//! It fails where a message is not answered or a call was refused for its rate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

#[path = "../tests/process/stage.rs"]
#[expect(dead_code, reason = "shared with the process tests, which use more of it")]
mod stage;

use std::time::Duration;

use dingtalk_sim::OWN_TEMPLATE;
use dingtalk_sim::load::{AgentPlan, Amount, LoadPlan, LoadReport, Pace};
use serde_json::{Value, json};
use switchboard_tests::server::Home;
use tokio_util::sync::CancellationToken;

/// Answers at once.
const CARDS: u32 = 200;
/// Calls of one API a second.
const RATE: u32 = 20;
/// How long an answer is being written.
const ANSWERS: [Duration; 3] = [Duration::from_secs(30), Duration::from_secs(10), Duration::ZERO];

#[tokio::main]
async fn main() {
    println!("{CARDS} answers at once, {RATE} calls of an API a second");
    println!(
        "{:34} {:>8} {:>10} {:>10} {:>9} {:>8} {:>14}",
        "", "last s", "allowed s", "more", "calls", "refused", "calls a reply"
    );
    for answer in ANSWERS {
        // The platform's own template has its state set twice, or once with a whole answer; a self-made one has each card made and
        // finished.
        for (template, own, settings) in [
            ("the platform's template", json!({}), if answer.is_zero() { 1 } else { 2 }),
            ("a self-made template", json!({ "template_id": OWN_TEMPLATE }), 0),
        ] {
            let report = measure(answer, &own).await;
            let allowed = allowed(answer, settings);
            let last = report.latency.finished.max_ms / 1_000.0;
            let more = (last / allowed - 1.0) * 100.0;
            let calls: u64 = report.calls.iter().map(|api| api.count).sum();
            println!(
                "{:34} {last:>8.1} {allowed:>10.1} {more:>+9.1}% {calls:>9} {:>8} {:>14.1}",
                format!("{} s, {template}", answer.as_secs()),
                report.throttled,
                report.calls_per_reply
            );
        }
    }
}

/// When the last card can be finished at the earliest: all cards are made, set and finished at the platform's limit, and none is
/// finished before its answer ends.
fn allowed(answer: Duration, settings: u32) -> f64 {
    let all = f64::from(CARDS) / f64::from(RATE);
    // Finishing an API's last call for each card takes as long as all of them take; before it, cards are made.
    let from_the_end = answer.as_secs_f64() + all;
    let of_settings = all * f64::from(settings.max(1));
    from_the_end.max(of_settings)
}

async fn measure(answer: Duration, card: &Value) -> LoadReport {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
    let plan = LoadPlan {
        conversations: usize::try_from(CARDS).unwrap(),
        pace: Pace::InFlight(usize::try_from(CARDS).unwrap()),
        amount: Amount::Messages(u64::from(CARDS)),
        agent: Some(AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: answer }),
        chunks: 60,
        calls_per_second: RATE,
        ..LoadPlan::default()
    };
    let config = json!({ "calls_per_second": RATE, "ai_card": stage::over(json!({ "update_interval_ms": 800 }), card) });
    let (_server, load) = stage::under_load(&home, plan, &config).await;
    let report = load.run(&CancellationToken::new()).await.unwrap();
    assert!(report.clean && report.throttled == 0, "{report}");
    report
}
