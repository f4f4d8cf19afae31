//! What Switchboard adds: from a message on the platform's socket to the request at the agent, and from the agent's last word to the
//! finished card, with one, a hundred and a thousand answers being written.
//!
//! The real server with a durable store in a file, under the simulator's load generator over real sockets. Answers take their time
//! as an agent's do, so that "in flight" are answers and not a backlog. The disk's own time for making a small write durable is taken in
//! the same run, in the same folder. `cargo xtask bench latency` runs it; what it prints goes into BENCHMARKS.md. It fails where a
//! message is not answered, never because of a time.
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

use dingtalk_sim::load::{AgentPlan, Amount, Latency, LoadPlan, Pace};
use serde_json::json;
use switchboard_tests::disk::DurableWrites;
use switchboard_tests::environment::number;
use switchboard_tests::figures::percentile_ms;
use switchboard_tests::server::Home;
use switchboard_tests::{binary, machine};
use tokio_util::sync::CancellationToken;

/// Answers being written at the same time.
const IN_FLIGHT: [u32; 3] = [1, 100, 1_000];
/// How long each of them takes; with so many in flight, a tenth of them begins in a second.
const ANSWER: Duration = Duration::from_secs(10);
/// Length of a measurement, in seconds (`SWITCHBOARD_BENCH_SECONDS`).
const SECONDS: u64 = 60;

#[tokio::main]
async fn main() {
    machine::print(Some(binary::path()));
    let seconds = number("SWITCHBOARD_BENCH_SECONDS", SECONDS);
    println!("answers of 20 chunks in {ANSWER:?}, {seconds} s each, calls_per_second = 0; ms");
    println!("{:52} {:>8} {:>9} {:>9} {:>9}", "", "count", "p50", "p95", "p99");
    for in_flight in IN_FLIGHT {
        measure(in_flight, Duration::from_secs(seconds)).await;
    }
}

async fn measure(in_flight: u32, lasting: Duration) {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
    // One at a time is asked more often, with shorter answers: there would be six of them otherwise.
    let answer = if in_flight == 1 { ANSWER / 20 } else { ANSWER };
    let plan = LoadPlan {
        conversations: 2 * usize::try_from(in_flight).unwrap(),
        pace: if in_flight == 1 {
            Pace::InFlight(1)
        } else {
            Pace::Rate(f64::from(in_flight) / answer.as_secs_f64())
        },
        warm_up: Amount::Lasting(2 * answer),
        amount: Amount::Lasting(lasting),
        agent: Some(AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: answer }),
        ..LoadPlan::default()
    };
    let config = json!({ "ai_card": { "update_interval_ms": 800 } });
    let (_server, load) = stage::under_load(&home, plan, &config).await;
    let disk = DurableWrites::begin(home.path());
    let report = load.run(&CancellationToken::new()).await.unwrap();
    let writes = disk.end().await;
    assert!(report.clean, "{report}");
    row(&format!("{in_flight} in flight: from the message to the agent"), &report.latency.agent_asked);
    row("  from the agent's last word to the finished card", &report.latency.after_last_word);
    row("  until the platform has its acknowledgement", &report.latency.acknowledged);
    row("  the generator's own lateness", &report.latency.generator_late);
    let [p50, p95, p99] = [50, 95, 99].map(|percent| percentile_ms(&writes, percent));
    println!(
        "{:52} {:>8} {p50:>9.2} {p95:>9.2} {p99:>9.2}",
        "  a durable write of the same disk",
        writes.len()
    );
    let cpu = report.processes.first().map_or(0.0, |used| used.cpu_seconds_per_1000);
    println!(
        "  {:.1} calls of the platform an answer, {cpu:.2} CPU s per 1,000 answers",
        report.calls_per_reply
    );
}

fn row(name: &str, times: &Latency) {
    println!(
        "{name:52} {:>8} {:>9.2} {:>9.2} {:>9.2}",
        times.count, times.p50_ms, times.p95_ms, times.p99_ms
    );
}
