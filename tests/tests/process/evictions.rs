//! Two servers on a platform that closes the older of two connections: it is noticed, and one connection is used.

use nix::sys::signal::Signal;
use serde_json::Value;
use switchboard_tests::looks;
use switchboard_tests::server::CAP;
use tokio::time::Instant;

use super::frozen::LEASE;
use super::replicas::Several;
use super::stage::answer_to;

/// Waits until all who are asked know that one connection is used, and it is open.
async fn noticed(several: &Several, asked: &[usize]) {
    for number in asked {
        looks::until_ok("it is noticed", async || {
            let status = several.status(*number).await;
            let is_so = status["one_connection"].is_object() && status["connections"] == 1;
            if is_so && status["status"] == "connected" { Ok(()) } else { Err(status) }
        })
        .await;
    }
}

/// Whose connection it is.
async fn holder(several: &Several) -> usize {
    looks::until("somebody is connected", async || {
        for number in [0, 1] {
            if several.api(number).metric("switchboard_channel_connected{").await > 0.5 {
                return Some(number);
            }
        }
        None
    })
    .await
}

fn opened(several: &Several) -> usize {
    several.simulator.observe(|seen| seen.connections.iter().count())
}

/// Everybody who writes is answered.
async fn ask(several: &Several, round: usize) {
    for person in 0..10 {
        several.say(&format!("p{round}-{person}"), &format!("question {round} of {person}"));
    }
    for person in 0..10 {
        let answer = answer_to(&format!("question {round} of {person}"));
        several.wait_texts(&format!("p{round}-{person}"), &[&answer]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_closes_the_older_connection_is_noticed_and_the_only_one_is_stood_in_for() {
    let mut several = Several::start_with(2, |knobs| knobs.single_connection = true).await;
    several.wait_replicas(0, 2).await;
    // Asked while the two close each other's connections: nothing is lost by that.
    ask(&several, 0).await;
    noticed(&several, &[0, 1]).await;
    let status = several.status(1).await;
    let why = status["one_connection"]["message"].as_str().expect("it says why");
    assert!(why.contains("closes the older of two connections"), "{why}");
    let mut rows: Vec<_> =
        status["replicas"].as_array().expect("rows").iter().map(|row| row["state"].clone()).collect();
    rows.sort_by_key(Value::to_string);
    assert_eq!(rows, ["connected", "standby"]);
    assert!(several.api(0).metric("switchboard_channel_one_connection{").await > 0.5);
    let before = opened(&several);
    for round in 1..4 {
        ask(&several, round).await;
    }
    assert_eq!(opened(&several), before, "nobody closes anybody's any more");
    // Killed without a word: the standby has it when the lease is over.
    let first = holder(&several).await;
    several.kill(first).await;
    let other = 1 - first;
    ask(&several, 4).await;
    several.wait_replicas(other, 1).await;
    noticed(&several, &[other]).await;
    several.serve(first).await;
    several.wait_replicas(other, 2).await;
    ask(&several, 5).await;
    noticed(&several, &[0, 1]).await;
    several.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_connection_of_a_replica_that_froze_is_closed_when_it_wakes() {
    let several = Several::start_with(2, |knobs| knobs.single_connection = true).await;
    several.wait_replicas(0, 2).await;
    noticed(&several, &[0, 1]).await;
    let frozen = holder(&several).await;
    several.server(frozen).signal(Signal::SIGSTOP);
    let since = Instant::now();
    ask(&several, 0).await;
    looks::until_ok("three leases are over", async || {
        several.wait_replicas(1 - frozen, 1).await;
        if since.elapsed() > LEASE * 3 { Ok(()) } else { Err(since.elapsed()) }
    })
    .await;
    several.server(frozen).signal(Signal::SIGCONT);
    several.wait_replicas(1 - frozen, 2).await;
    noticed(&several, &[0, 1]).await;
    ask(&several, 1).await;
    several.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_channel_tries_several_connections_again() {
    let several = Several::start_with(2, |knobs| knobs.single_connection = true).await;
    several.wait_replicas(0, 2).await;
    noticed(&several, &[0, 1]).await;
    let before = opened(&several);
    let path = format!("/channels/{}/restart", several.channel);
    several.api(0).post(&path, 202).await;
    let tried = several.simulator.wait_for(CAP, |seen| seen.connections.iter().count() >= before + 3).await;
    tried.expect("they try");
    noticed(&several, &[0, 1]).await;
    several.simulator.turn_knobs(|knobs| knobs.single_connection = false);
    several.api(1).post(&path, 202).await;
    several.wait_connections(0, 2).await;
    assert!(several.status(1).await["one_connection"].is_null());
    assert!(several.api(0).metric("switchboard_channel_one_connection{").await < 0.5);
    ask(&several, 0).await;
    several.all_is_well().await;
}
