//! The same program on a store in Redis: kept over the death of the server and of Redis, and clear words where it cannot be
//! opened.

use dingtalk_sim::Observed;
use reqwest::Method;
use rstest::rstest;
use switchboard_tests::api::Api;
use switchboard_tests::looks;
use switchboard_tests::server::Home;
use test_servers::redis;

use super::judge::{answered_once_in_order, no_violations, no_violations_without_store};
use super::stage::{Plan, Stage, answer_to};

/// Rounds of writing, dying and coming back.
const ROUNDS: usize = 3;
/// People who write at once.
const PEOPLE: usize = 6;

async fn stage_on(url: &str) -> Stage {
    Plan { home: Home::on_redis(url), ..Plan::default() }.start().await
}

/// Everybody asks twice; gives who was asked what.
fn all_ask(stage: &Stage, round: usize) {
    for person in 0..PEOPLE {
        for part in ["a", "b"] {
            stage.say(&format!("p{person}"), &format!("question {round} {part} of {person}"));
        }
    }
}

/// Everything so far is answered, once and in order, and no card is open; `judge` says what the platform may have seen.
async fn all_answered(stage: &Stage, rounds: usize, judge: impl Fn(&Observed)) {
    for person in 0..PEOPLE {
        let parts = (0..rounds).flat_map(|round| ["a", "b"].map(|part| (round, part)));
        let wanted: Vec<_> =
            parts.map(|(round, part)| answer_to(&format!("question {round} {part} of {person}"))).collect();
        let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
        stage.wait_texts(&format!("p{person}"), &wanted).await;
    }
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        judge(seen);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_goes_on_from_redis() {
    let redis = redis::Server::start(&[]);
    let mut stage = stage_on(&redis.url()).await;
    for round in 0..ROUNDS {
        all_ask(&stage, round);
        stage.wait_asked(&format!("question {round} a of 0")).await;
        stage = stage.kill_and_serve().await;
        all_answered(&stage, round + 1, |seen| no_violations(seen, true)).await;
    }
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_under_load_comes_back_and_everything_acked_is_answered_once() {
    let mut redis = redis::Server::start(&[]);
    let stage = stage_on(&redis.url()).await;
    for round in 0..ROUNDS {
        all_ask(&stage, round);
        if round % 2 == 0 {
            stage.wait_asked(&format!("question {round} a of 0")).await;
        }
        redis.kill();
        looks::until("nothing is green and nothing is ready", async || {
            let ready = stage.api.answer(stage.api.request(Method::GET, "/readyz")).await;
            let green = stage.api.metric("switchboard_channel_connected{").await;
            (ready.status == 503 && green < 0.5).then_some(())
        })
        .await;
        redis.restart();
        all_answered(&stage, round + 1, no_violations_without_store).await;
        stage.api.wait_connected(&stage.channel).await;
    }
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_what_one_server_keeps() {
    let cluster = redis::Cluster::start();
    let mut stage = stage_on(&cluster.url()).await;
    all_ask(&stage, 0);
    stage.wait_asked("question 0 a of 0").await;
    stage = stage.kill_and_serve().await;
    all_answered(&stage, 1, |seen| no_violations(seen, true)).await;
    stage.assert_no_alarm();
}

#[rstest]
#[case::nobody_there("redis://127.0.0.1:1", "key", "cannot connect to Redis")]
#[case::no_key("REDIS", "nowhere", "nowhere: there is no such key file")]
#[case::another_key("REDIS", "other", "the store was made with another key than other")]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_opened_is_told_in_one_line(
    #[case] url: &str,
    #[case] key: &str,
    #[case] words: &str,
) {
    let redis = redis::Server::start(&[]);
    let mut home = Home::on_redis(&redis.url());
    home.write_key("other", 'b');
    home.serve().await.kill().await;
    home.set("SWITCHBOARD_STORE__URL", &url.replace("REDIS", &redis.url()));
    home.set("SWITCHBOARD_SECURITY__ENCRYPTION_KEY_FILE", key);
    let ran = home.run(&["serve"]).await;
    assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(last.contains(words), "{last:?} instead of {words:?}");
    assert_eq!(ran.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_checks_work_beside_a_server_on_redis_and_make_nothing_where_there_is_none() {
    let redis = redis::Server::start(&[]);
    let home = Home::on_redis(&redis.url());
    let ran = home.run(&["token", "list"]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(redis.tell("DBSIZE").starts_with(":0"), "a look makes nothing");
    let server = home.serve().await;
    let made = home.run(&["token", "create", "--name", "reader", "--role", "viewer"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    Api::at(server.base(), Some(made.stdout.trim())).get("/channels").await;
    let checked = home.run(&["check"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("ok      store: redis://127.0.0.1:"), "{checked:?}");
}
