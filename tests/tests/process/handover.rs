//! Two processes on one store: one serves, the other waits and takes over; never both.

use std::net::TcpListener;

use nix::sys::signal::Signal;
use switchboard_tests::api::Api;
use switchboard_tests::looks;
use switchboard_tests::server::{Home, Server};
use tokio::time::Instant;

use super::judge::{answered_once_in_order, no_violations};
use super::stage::{Plan, answer_to};

const WAITS: &str = "waiting to take over";

/// Rounds in which two processes are started at once.
const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_waits_and_takes_over_from_one_that_is_killed_or_stops() {
    let mut plan = Plan::default();
    // All of them on one address, as a supervisor would start them.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    plan.home.set("SWITCHBOARD_SERVER__LISTEN", &format!("127.0.0.1:{port}"));
    plan.simulator.knobs.redelivery_after_ms = 2_000;
    plan.simulator.knobs.redelivery_max = u32::MAX;
    let mut stage = plan.start().await;
    let mut second = stage.home.spawn(&["serve"]);
    second.wait_logged(WAITS).await;
    stage.say("ann", "to the first");
    stage.wait_texts("ann", &[&answer_to("to the first")]).await;
    // Commands work beside the one that serves.
    let to = stage.home.path().join("beside.db").display().to_string();
    for command in [&["check"][..], &["token", "list"], &["store", "backup", "--to", &to]] {
        let ran = stage.home.run(command).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert!(second.said().is_empty(), "{:?}", second.said());

    stage.server.signal(Signal::SIGKILL);
    let took = take_over(&mut stage.server, &mut second).await;
    stage.say("ann", "to the second");
    stage.wait_texts("ann", &[&answer_to("to the first"), &answer_to("to the second")]).await;

    let mut third = stage.home.spawn(&["serve"]);
    third.wait_logged(WAITS).await;
    let mut told_to_stop = stage.home.spawn(&["serve"]);
    told_to_stop.wait_logged(WAITS).await;
    told_to_stop.signal(Signal::SIGTERM);
    assert_eq!(told_to_stop.end().await.code(), Some(0), "it had nothing to do");
    second.signal(Signal::SIGTERM);
    let took_gracefully = take_over(&mut second, &mut third).await;
    println!("from the end to ready: killed {took} ms, stopped {took_gracefully} ms");
    stage.api = Api::of(&third);
    stage.say("bob", "to the third");
    stage.wait_texts("bob", &[&answer_to("to the third")]).await;
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, true);
    });
    stage.assert_no_alarm();
}

/// Waits for one's end and the other's `ready`; answers how many milliseconds lay between.
async fn take_over(ends: &mut Server, begins: &mut Server) -> u128 {
    ends.end().await;
    let begun = Instant::now();
    begins.ready().await;
    let took = begun.elapsed();
    assert!(took.as_secs() < 5, "{took:?} is more than a busy machine explains");
    took.as_millis()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_started_at_once_exactly_one_serves() {
    let home = Home::default();
    for round in 0..ROUNDS {
        let mut both = [home.spawn(&["serve"]), home.spawn(&["serve"])];
        let first = first_ready(&both).await;
        let other = 1 - first;
        both[first].ready().await;
        both[other].wait_logged(WAITS).await;
        // It waits and says nothing for as long as the other one is there.
        let answer = Api::of(&both[first]).get("/channels").await;
        assert!(answer["items"].is_array());
        assert!(both[other].said().is_empty(), "round {round}: {:?}", both[other].said());
        both[first].signal(if round.is_multiple_of(2) { Signal::SIGKILL } else { Signal::SIGTERM });
        both[first].end().await;
        both[other].ready().await;
        both[other].signal(Signal::SIGTERM);
        assert_eq!(both[other].end().await.code(), Some(0));
    }
}

/// Which of the two says first that it is ready.
async fn first_ready(both: &[Server; 2]) -> usize {
    let ready = |server: &Server| server.said().iter().any(|line| line.starts_with("ready "));
    looks::until("one of them serves", async || both.iter().position(ready)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_taken_address_with_a_store_of_its_own_a_server_refuses_and_makes_nothing() {
    let mut home = Home::default();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    home.set("SWITCHBOARD_SERVER__LISTEN", &taken.local_addr().unwrap().to_string());
    let ran = home.run(&["serve"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stderr.contains("failed to listen on 127.0.0.1:"), "{ran:?}");
    assert!(!home.store().exists());
}
