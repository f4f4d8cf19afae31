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

#[path = "shared/capacity.rs"]
mod capacity;
#[path = "../tests/process/stage.rs"]
#[expect(dead_code, reason = "shared with the process tests, which use more of it")]
mod stage;

use std::time::Duration;

use dingtalk_sim::load::{Amount, CONVERSATIONS_MAX, LoadPlan, Pace, Sample};
use switchboard_tests::disk::DurableWrites;
use switchboard_tests::environment::number;
use switchboard_tests::figures::{folder_kib, mib, percentile_ms};
use switchboard_tests::server::Home;
use switchboard_tests::{binary, machine};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use capacity::CHUNKS;

/// How long, in seconds (`SWITCHBOARD_SOAK_SECONDS`).
const SECONDS: u64 = 3_600;
/// Messages a second (`SWITCHBOARD_SOAK_RATE`); 0: half of what the server carries at most, which is measured first.
const RATE: u64 = 0;
/// Time before anything is measured: what is allocated once is there then, and conversations are dropped as they are made.
const WARM_UP: Duration = Duration::from_mins(2);
/// Figures in all.
const QUARTERS: u32 = 4;
/// Between two looks at memory; a quarter's figure is their mean.
const LOOK: Duration = Duration::from_secs(5);
/// How long the disk alone is measured.
const DISK: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    machine::print(Some(binary::path()));
    let lasting = Duration::from_secs(number("SWITCHBOARD_SOAK_SECONDS", SECONDS));
    let home = capacity::home();
    print_disk(&home).await;
    let rate = match number("SWITCHBOARD_SOAK_RATE", RATE) {
        0 => capacity::messages_per_second().await / 2.0,
        given => f64::from(u32::try_from(given).unwrap()),
    };
    println!(
        "{rate:.0} messages/s for {lasting:?} after {WARM_UP:?}, {CONVERSATIONS_MAX} conversations, {CHUNKS} chunks"
    );
    println!(
        "{:>8} {:>9} {:>9} {:>7} {:>13} {:>16} {:>11} {:>10}",
        "quarter", "mean MiB", "most MiB", "CPU %", "finished", "finished p99 ms", "open files", "store MiB"
    );
    let plan = LoadPlan {
        pace: Pace::Rate(rate),
        warm_up: Amount::Lasting(WARM_UP),
        amount: Amount::Lasting(lasting),
        ..capacity::usual()
    };
    let (server, load) = stage::under_load(&home, plan, &capacity::config()).await;
    let mut progress = load.progress();
    let running = tokio::spawn(async move { load.run(&CancellationToken::new()).await });
    sleep(WARM_UP).await;
    let mut means = Vec::new();
    for quarter in 1..=QUARTERS {
        let told = Quarter::watch(lasting / QUARTERS, || server.sample()).await;
        // Finished: until now in all, and how long those of this quarter took.
        let finished = progress.finished();
        println!(
            "{quarter:>8} {:>9.1} {:>9.1} {:>7.1} {:>13} {:>16.1} {:>11} {:>10.1}",
            told.mean_mib,
            told.most_mib,
            told.cpu * 100.0,
            finished.in_all,
            finished.since.p99_ms,
            server.open_files(),
            mib(folder_kib(&home.store()))
        );
        means.push(told.mean_mib);
    }
    let report = running.await.unwrap().unwrap();
    println!("{report}");
    println!(
        "the last quarter has {:+.1} % of the second's memory; the store has {:.1} MiB",
        (means[3] / means[1] - 1.0) * 100.0,
        mib(folder_kib(&home.store()))
    );
    stage::no_alarm(&home);
    assert!(report.clean, "{report}");
}

/// What the disk takes while nothing else is done.
async fn print_disk(home: &Home) {
    let writes = DurableWrites::begin(home.path());
    sleep(DISK).await;
    let times = writes.end().await;
    println!(
        "a durable write of the same disk, nothing else going on: p50 {:.2} ms, p99 {:.2} ms of {}",
        percentile_ms(&times, 50),
        percentile_ms(&times, 99),
        times.len()
    );
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
