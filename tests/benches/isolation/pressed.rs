//! How fast commands act while the server is given a part of what it carries at most.
//!
//! The load comes from the simulator's load generator to a channel of its own, and its agent answers at once, as in the measurement of
//! the most; the commands go to the stage's channel, where nothing else happens.

use std::time::Duration;

use dingtalk_sim::AppConfig;
use dingtalk_sim::load::{Amount, LoadPlan, LoadReport, Pace, Verdict};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::commands::{Commands, ROUNDS};
use crate::{capacity, stage, staged};

/// Parts of the most that a server carries, in tenths.
const TENTHS: [u32; 2] = [5, 9];
/// Under load before the first command.
const WARM_UP: Duration = Duration::from_secs(10);
/// Longer than all commands take: the load is ended after the last one.
const LONGER: Duration = Duration::from_hours(1);

/// Measures the most, and then commands beside each part of it.
pub(crate) async fn measure() {
    println!();
    let most = capacity::messages_per_second().await;
    for tenths in TENTHS {
        let rate = most * f64::from(tenths) / 10.0;
        let (commands, report) = beside(rate).await;
        println!(
            "\ncommands beside {rate:.0} messages/s, {tenths} tenths of the most; carried {:.0} messages/s, asked after {:.1} ms \
             (p99), sent {:.1} ms late (p99), {} rules of the platform broken",
            report.messages_per_second,
            report.latency.agent_asked.p99_ms,
            report.latency.generator_late.p99_ms,
            // An acknowledgement after three seconds is one: a time, and no reason to fail here.
            report.violations
        );
        println!("{:52} {:>6} {:>8} {:>8} {:>8} {:>8}", "ms", "count", "p50", "p95", "p99", "max");
        commands.print();
    }
}

async fn beside(rate: f64) -> (Commands, LoadReport) {
    let stage = staged("warn").await;
    let plan = LoadPlan {
        // Another one than the stage's, which it must not be taken for.
        apps: vec![AppConfig::new("load-app", "load-secret")],
        pace: Pace::Rate(rate),
        amount: Amount::Lasting(LONGER),
        ..capacity::usual()
    };
    let load = stage::load_on(&stage.server, plan, &capacity::config()).await;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let running = tokio::spawn(async move { load.run(&stopped).await });
    sleep(WARM_UP).await;
    let mut commands = Commands::default();
    for round in 0..ROUNDS {
        commands.hang(&stage, round).await;
        commands.round(&stage, round).await;
    }
    stop.cancel();
    let report = running.await.unwrap().unwrap();
    // The load was ended in the middle of it: messages that are open then are none that the server failed.
    let verdict = Verdict { open: 0, ..report.verdict.clone() };
    assert!(verdict.is_clean(), "{report}");
    stage.assert_no_alarm();
    (commands, report)
}
