//! Two hundred answers at once with an app that may call each API twenty times a second: whether the platform ever has to refuse a
//! call, how much later than its limit allows the last card is finished, and how long a card shows nothing new meanwhile. Then an
//! answer alone in each mode of saving calls: how many it takes.
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
use dingtalk_sim::load::{AgentPlan, Amount, Latency, LoadPlan, LoadReport, Pace};
use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard_tests::server::Home;
use switchboard_tests::{binary, machine};
use tokio_util::sync::CancellationToken;

/// Answers at once.
const CARDS: u32 = 200;
/// Calls of one API a second.
const RATE: u32 = 20;
/// How long an answer is being written.
const ANSWERS: [Duration; 3] = [Duration::from_secs(30), Duration::from_secs(10), Duration::ZERO];
/// Card templates by what they are, with the channel's setting.
const TEMPLATES: [(&str, Option<&str>); 2] =
    [("the platform's template", None), ("a self-made template", Some(OWN_TEMPLATE))];
/// How long the answer takes whose calls are counted alone.
const ALONE: Duration = Duration::from_secs(30);
/// Modes of the setting `quota.saver`.
const SAVERS: [&str; 3] = ["normal", "few_updates", "final_only"];

#[tokio::main]
async fn main() {
    machine::print(Some(binary::path()));
    crowds().await;
    singles().await;
}

/// All at once: when the last one is finished, and how long a card stands still.
async fn crowds() {
    println!("{CARDS} answers at once, {RATE} calls of an API a second");
    println!(
        "{:34} {:>8} {:>10} {:>10} {:>12} {:>8} {:>9} {:>8} {:>14}",
        "", "last s", "allowed s", "more", "standstill s", "bound s", "calls", "refused", "calls a reply"
    );
    for answer in ANSWERS {
        for (name, template) in TEMPLATES {
            let report = measure(load_of(CARDS, answer), &json!({ "ai_card": card(template) })).await;
            let allowed = allowed(answer, template.is_some());
            let last = report.latency.finished.max_ms / 1_000.0;
            let more = (last / allowed - 1.0) * 100.0;
            let calls: u64 = report.calls.iter().map(|api| api.count).sum();
            println!(
                "{:34} {last:>8.1} {allowed:>10.1} {more:>+9.1}% {:>12} {:>8.1} {calls:>9} {:>8} {:>14.1}",
                format!("{} s, {name}", answer.as_secs()),
                longest(&report.latency.longest_standstill),
                standstill_max(),
                report.throttled,
                report.calls_per_reply
            );
        }
    }
}

/// One at a time: how many calls it takes in each mode of saving them.
async fn singles() {
    println!("\none answer of {} s, alone", ALONE.as_secs());
    println!("{:48} {:>14} {:>8}", "", "calls a reply", "at most");
    let rounds =
        SAVERS.into_iter().flat_map(|saver| TEMPLATES.map(|(name, template)| (saver, name, template)));
    // All rounds at once: each has a server and a platform of its own, and next to nothing to do.
    let measured = rounds.map(|(saver, name, template)| async move {
        let own = json!({ "ai_card": card(template), "quota": { "saver": saver } });
        // What a server asks for once (the token) is asked for with the answer before.
        let plan = LoadPlan { warm_up: Amount::Messages(1), ..load_of(1, ALONE) };
        (saver, name, template, measure(plan, &own).await)
    });
    for (saver, name, template, report) in join_all(measured).await {
        println!(
            "{:48} {:>14.1} {:>8}",
            format!("{saver}, {name}"),
            report.calls_per_reply,
            calls_max(saver, template.is_some())
        );
    }
}

/// The most calls that an answer alone may take; nothing where nobody has promised any.
fn calls_max(saver: &str, is_own: bool) -> &'static str {
    match (saver, is_own) {
        ("normal", _) => "20",
        ("final_only", true) => "4",
        _ => "",
    }
}

/// When the last card can be finished at the earliest: all cards are made, set and finished at the platform's limit, and none is
/// finished before its answer ends.
fn allowed(answer: Duration, is_own: bool) -> f64 {
    // The platform's own template has its state set twice, or once with a whole answer; a self-made one has each card made and
    // finished.
    let settings = match (is_own, answer.is_zero()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    };
    let all = f64::from(CARDS) / f64::from(RATE);
    // Finishing an API's last call for each card takes as long as all of them take; before it, cards are made.
    let from_the_end = answer.as_secs_f64() + all;
    let of_settings = all * f64::from(settings.max(1));
    from_the_end.max(of_settings)
}

/// How long a card may show nothing new at the platform's limit, in seconds (docs/en/dingtalk.md).
fn standstill_max() -> f64 {
    (1.2 * f64::from(CARDS) / f64::from(RATE)).max(3.0)
}

/// The longest, in seconds; nothing where none was taken, since all answers were whole before there were cards.
fn longest(times: &Latency) -> String {
    if times.count == 0 { "-".to_owned() } else { format!("{:.1}", times.max_ms / 1_000.0) }
}

/// Settings of a channel's cards; without a template they are on the platform's.
fn card(template: Option<&str>) -> Value {
    json!({ "update_interval_ms": 800, "template_id": template })
}

/// So many answers at once that take so long.
fn load_of(cards: u32, answer: Duration) -> LoadPlan {
    let count = usize::try_from(cards).unwrap();
    LoadPlan {
        conversations: count,
        pace: Pace::InFlight(count),
        amount: Amount::Messages(u64::from(cards)),
        agent: Some(AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: answer }),
        chunks: 60,
        calls_per_second: RATE,
        ..LoadPlan::default()
    }
}

async fn measure(plan: LoadPlan, own: &Value) -> LoadReport {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
    let config = stage::over(json!({ "calls_per_second": RATE }), own);
    let (_server, load) = stage::under_load(&home, plan, &config).await;
    let report = load.run(&CancellationToken::new()).await.unwrap();
    assert!(report.clean && report.throttled == 0, "{report}");
    report
}
