//! An hour, or more, at half of what the server carries at most: whether its memory stays where it is.
//!
//! The real server with a durable store in a file, under the simulator's load generator over real sockets: first as much as it
//! carries, then half of that, with figures every quarter of the time. `cargo xtask soak` runs it; what it prints goes into
//! BENCHMARKS.md. It fails where a message is lost, answered twice, out of order or not to its end, never because of a figure.
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

use std::fs;
use std::time::Duration;

use dingtalk_sim::load::{AgentPlan, Amount, CONVERSATIONS_MAX, LoadPlan, Pace, Sample};
use serde_json::json;
use switchboard_tests::environment::number;
use switchboard_tests::figures::{in_f64, mib};
use switchboard_tests::server::Home;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long, in seconds (`SWITCHBOARD_SOAK_SECONDS`).
const SECONDS: u64 = 3_600;
/// Messages a second (`SWITCHBOARD_SOAK_RATE`); 0: half of what the server carries at most, which is measured first.
const RATE: u64 = 0;
/// How long that is measured.
const CALIBRATION: Duration = Duration::from_secs(30);
/// Messages on their way at once meanwhile.
const FLIGHT: usize = 128;
/// Chunks of an answer, which comes at once: most of the work of a message is done whatever its length.
const CHUNKS: u32 = 20;
/// Time before anything is measured: what is allocated once is there then, and conversations are dropped as they are made.
const WARM_UP: Duration = Duration::from_mins(2);
/// Figures in all.
const QUARTERS: u32 = 4;
/// Between two looks at memory; a quarter's figure is their mean.
const LOOK: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let lasting = Duration::from_secs(number("SWITCHBOARD_SOAK_SECONDS", SECONDS));
    let rate = match number("SWITCHBOARD_SOAK_RATE", RATE) {
        0 => most().await / 2.0,
        given => f64::from(u32::try_from(given).unwrap()),
    };
    println!(
        "{rate:.0} messages/s for {lasting:?} after {WARM_UP:?}, {CONVERSATIONS_MAX} conversations, {CHUNKS} chunks"
    );
    println!("{:>10} {:>12} {:>14} {:>12}", "quarter", "mean MiB", "most MiB", "CPU %");
    let home = home();
    let plan = LoadPlan {
        pace: Pace::Rate(rate),
        warm_up: Amount::Lasting(WARM_UP),
        amount: Amount::Lasting(lasting),
        ..usual()
    };
    let (server, load) = stage::under_load(&home, plan, &config()).await;
    let running = tokio::spawn(async move { load.run(&CancellationToken::new()).await });
    sleep(WARM_UP).await;
    let mut means = Vec::new();
    for quarter in 1..=QUARTERS {
        let told = Quarter::watch(lasting / QUARTERS, || server.sample()).await;
        println!("{quarter:>10} {:>12.1} {:>14.1} {:>12.1}", told.mean_mib, told.most_mib, told.cpu * 100.0);
        means.push(told.mean_mib);
    }
    let report = running.await.unwrap().unwrap();
    let bytes: u64 =
        fs::read_dir(home.store()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("{report}");
    println!(
        "the last quarter has {:+.1} % of the second's memory; the store has {:.1} MiB",
        (means[3] / means[1] - 1.0) * 100.0,
        in_f64(bytes) / 1_048_576.0
    );
    stage::no_alarm(&home);
    assert!(report.clean, "{report}");
}

/// Messages a second that the server carries at most.
async fn most() -> f64 {
    let home = home();
    let plan = LoadPlan {
        pace: Pace::InFlight(FLIGHT),
        warm_up: Amount::Messages(2_000),
        amount: Amount::Lasting(CALIBRATION),
        ..usual()
    };
    let (_server, load) = stage::under_load(&home, plan, &config()).await;
    let report = load.run(&CancellationToken::new()).await.unwrap();
    assert!(report.clean, "{report}");
    println!("at most: {:.0} messages/s with {FLIGHT} in flight", report.messages_per_second);
    report.messages_per_second
}

fn home() -> Home {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
    home
}

fn config() -> serde_json::Value {
    json!({ "ai_card": { "update_interval_ms": 800 } })
}

fn usual() -> LoadPlan {
    LoadPlan {
        conversations: CONVERSATIONS_MAX,
        chunks: CHUNKS,
        agent: Some(AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: Duration::ZERO }),
        ..LoadPlan::default()
    }
}

/// What a quarter has shown.
struct Quarter {
    mean_mib: f64,
    most_mib: f64,
    cpu: f64,
}

impl Quarter {
    async fn watch(lasting: Duration, sample: impl Fn() -> Sample) -> Self {
        let (began, first) = (Instant::now(), sample());
        let (mut looks, mut last) = (Vec::new(), first.clone());
        while began.elapsed() < lasting {
            sleep(LOOK.min(lasting)).await;
            last = sample();
            looks.push(mib(last.resident_kib()));
        }
        let count = f64::from(u32::try_from(looks.len()).unwrap());
        Self {
            mean_mib: looks.iter().sum::<f64>() / count,
            most_mib: looks.iter().copied().fold(0.0, f64::max),
            cpu: last.cpu().saturating_sub(first.cpu()).as_secs_f64() / began.elapsed().as_secs_f64(),
        }
    }
}
