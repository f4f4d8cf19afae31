//! How what Switchboard takes grows with load and with state: once, twice, four and eight times as much of each.
//!
//! The real server with a durable store in a file, under the simulator's load generator over real sockets; each row has a server and a
//! store of its own. `cargo xtask bench growth` runs it; what it prints goes into BENCHMARKS.md. It fails where a message is not
//! answered, never because of a figure.
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

use dingtalk_sim::AppConfig;
use dingtalk_sim::load::{AgentPlan, Amount, CONVERSATIONS_MAX, LoadPlan, LoadReport, Pace};
use serde_json::json;
use switchboard_tests::environment::number;
use switchboard_tests::figures::{folder_kib, mib};
use switchboard_tests::server::Home;
use switchboard_tests::{binary, machine};
use tokio_util::sync::CancellationToken;

/// How much more of it there is in each row.
const FACTORS: [u32; 4] = [1, 2, 4, 8];
/// Length of a measurement under load, in seconds (`SWITCHBOARD_BENCH_SECONDS`).
const SECONDS: u64 = 30;
/// Messages a second, once.
const RATE: u32 = 50;
/// How long an answer takes: there are five times the rate in flight.
const ANSWER: Duration = Duration::from_secs(5);
/// Conversations at first, where those are what grows, and of the rows in which something else does.
const CONVERSATIONS: usize = 1_000;
/// Channels at first, where those are what grows.
const CHANNELS: u32 = 50;
/// Turns of each conversation at first, where those are what grows.
const TURNS: u32 = 100;
/// Messages measured, where state is what grows.
const MESSAGES: u64 = 2_000;

#[tokio::main]
async fn main() {
    machine::print(Some(binary::path()));
    let lasting = Duration::from_secs(number("SWITCHBOARD_BENCH_SECONDS", SECONDS));
    println!("cards of 20 chunks, calls_per_second = 0; times in ms");
    println!(
        "{:44} {:>10} {:>9} {:>9} {:>9} {:>9} {:>10} {:>10}",
        "", "messages/s", "asked p50", "asked p99", "end p50", "end p99", "CPU s/1000", "peak MiB"
    );
    for factor in FACTORS {
        let rate = RATE * factor;
        let plan = LoadPlan {
            pace: Pace::Rate(f64::from(rate)),
            conversations: CONVERSATIONS_MAX,
            warm_up: Amount::Lasting(2 * ANSWER),
            amount: Amount::Lasting(lasting),
            agent: Some(agent(ANSWER)),
            ..LoadPlan::default()
        };
        measure(&format!("{rate} messages/s, {} in flight", 5 * rate), plan).await;
    }
    for factor in FACTORS {
        let conversations = CONVERSATIONS * usize::try_from(factor).unwrap();
        let plan = LoadPlan {
            conversations,
            warm_up: Amount::Messages(u64::try_from(conversations).unwrap()),
            ..closed()
        };
        measure(&format!("{conversations} conversations that take turns"), plan).await;
    }
    for factor in FACTORS {
        let turns = TURNS * factor;
        let plan = LoadPlan {
            conversations: CONVERSATIONS / 10,
            warm_up: Amount::Messages(u64::from(turns) * u64::try_from(CONVERSATIONS / 10).unwrap()),
            ..closed()
        };
        measure(&format!("transcripts of {turns} turns"), plan).await;
    }
    for factor in FACTORS {
        let channels = CHANNELS * factor;
        let apps = (0..channels).map(|number| AppConfig::new(&format!("app-{number}"), "secret")).collect();
        let plan =
            LoadPlan { apps, conversations: CONVERSATIONS, warm_up: Amount::Messages(1_000), ..closed() };
        measure(&format!("{channels} channels"), plan).await;
    }
}

/// Sixteen at a time, whose agent takes no time: what is measured is the server's.
fn closed() -> LoadPlan {
    LoadPlan {
        pace: Pace::InFlight(16),
        amount: Amount::Messages(MESSAGES),
        agent: Some(agent(Duration::ZERO)),
        ..LoadPlan::default()
    }
}

fn agent(lasting: Duration) -> AgentPlan {
    AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting }
}

async fn measure(what: &str, plan: LoadPlan) {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
    let config = json!({ "ai_card": { "update_interval_ms": 800 } });
    let (_server, load) = stage::under_load(&home, plan, &config).await;
    let report = load.run(&CancellationToken::new()).await.unwrap();
    assert!(report.clean, "{report}");
    row(what, &report, folder_kib(&home.store()));
}

fn row(what: &str, report: &LoadReport, store_kib: u64) {
    let (asked, end) = (&report.latency.agent_asked, &report.latency.after_last_word);
    let used = &report.processes[0];
    println!(
        "{what:44} {:>10.1} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>10.3} {:>10.1}   store {:.1} MiB",
        report.messages_per_second,
        asked.p50_ms,
        asked.p99_ms,
        end.p50_ms,
        end.p99_ms,
        used.cpu_seconds_per_1000,
        mib(used.peak_kib),
        mib(store_kib)
    );
}
