//! Chaos: the real binary under random schedules, each from a seed, judged by the reference model.
//!
//! `cargo xtask chaos` runs these longer and otherwise. `SWITCHBOARD_CHAOS_SEED`, `…_RATE`, `…_KILLS` and `…_SECONDS` change what
//! a case begins with.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use switchboard_tests::chaos::{Cast, Length, Plan, run};

/// Seconds of each schedule that is not counted in kills.
const SECONDS: u64 = 15;
/// Kills of each schedule that is.
const KILLS: usize = 12;

/// The number in an environment variable.
fn told(name: &str) -> Option<u64> {
    let value = std::env::var_os(format!("SWITCHBOARD_CHAOS_{name}"))?;
    Some(value.to_str().and_then(|text| text.parse().ok()).expect("a number"))
}

/// What the environment says is changed in a case's plan.
fn planned(mut plan: Plan) -> Plan {
    plan.seed = told("SEED").unwrap_or(plan.seed);
    plan.rate = told("RATE").unwrap_or(plan.rate);
    plan.length = match plan.length {
        Length::Kills(kills) => {
            Length::Kills(told("KILLS").map_or(kills, |kills| usize::try_from(kills).expect("a count")))
        }
        Length::Seconds(seconds) => Length::Seconds(told("SECONDS").unwrap_or(seconds)),
    };
    plan
}

async fn killed(cards: bool, seed: u64) {
    let plan = Plan { cast: Cast::Kills, cards, length: Length::Kills(KILLS), ..Plan::of_seed(seed) };
    run(&planned(plan)).await.assert_holds();
}

async fn troubled(cast: Cast, seed: u64) {
    let plan = Plan { cast, rate: 25, length: Length::Seconds(SECONDS), ..Plan::of_seed(seed) };
    run(&planned(plan)).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_with_cards() {
    killed(true, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_with_plain_text() {
    killed(false, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_stopped_frozen_and_taken_over_from() {
    troubled(Cast::Process, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_break_and_messages_that_repeat() {
    troubled(Cast::Sockets, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_fails() {
    troubled(Cast::Calls, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_fails() {
    troubled(Cast::Agent, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails() {
    troubled(Cast::Store, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once() {
    troubled(Cast::Everything, 8).await;
}
