//! The whole application in virtual time, thousands of seeds a run, judged by the reference model.
//!
//! `SWITCHBOARD_SEEDS` is the number of seeds, `SWITCHBOARD_SEED` the one to replay.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells what it measured"
)]

use rstest::rstest;
use switchboard_tests::simulation::{run, run_all};

/// Seeds without `SWITCHBOARD_SEEDS`.
const SEEDS: u64 = 4_000;
/// Cases that share the seeds, so that a runner can run them side by side.
const SHARES: u64 = 8;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var_os(variable)?;
    Some(value.to_str().and_then(|value| value.parse().ok()).expect("a number"))
}

#[rstest]
fn every_seed_keeps_every_promise(#[values(0, 1, 2, 3, 4, 5, 6, 7)] share: u64) {
    let seeds = (0..number("SWITCHBOARD_SEEDS").unwrap_or(SEEDS)).filter(|seed| seed % SHARES == share);
    match run_all(seeds) {
        Ok(totals) => println!("{totals:?}"),
        Err(report) => panic!("{report}"),
    }
}

/// Channels that were deleted while a platform took nothing, before the process died: what was on its way stayed open for good.
#[rstest]
fn a_seed_that_once_failed_holds(#[values(4_123, 5_117, 5_279, 5_348, 10_310)] seed: u64) {
    let once = run(seed);
    assert!(once.verdict.holds(), "{}", once.report(seed));
}

#[test]
fn replays_a_seed() {
    let seed = number("SWITCHBOARD_SEED").unwrap_or(1);
    let once = run(seed);
    println!("{}\n{}\n{}", once.plan, once.log, once.verdict);
    assert!(once.verdict.holds(), "{}", once.report(seed));
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in 0..20 {
        let (once, again) = (run(seed), run(seed));
        assert!(once.log == again.log, "seed {seed} differs:\n{}\n{}", once.log, again.log);
        assert!(once.log.lines().count() > 10);
    }
}
