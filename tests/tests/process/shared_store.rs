//! The same program on a store in Redis: kept over the death of the server and of Redis, and clear words where it cannot be
//! opened.

use dingtalk_sim::Observed;
use rstest::rstest;
use switchboard_tests::api::Api;
use switchboard_tests::looks;
use switchboard_tests::server::{CAP, Home};
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
        stage.wait_count(&format!("p{person}"), 2 * rounds).await;
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
            let ready = stage.api.readiness().await;
            let green = stage.api.metric("switchboard_channel_connected{").await;
            (ready == 503 && green < 0.5).then_some(())
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
#[case::it_comes_back(false)]
#[case::its_replica_stands_in(true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_whose_node_dies_is_reached_again(#[case] has_replica: bool) {
    let mut cluster =
        if has_replica { redis::Cluster::start_with_replica() } else { redis::Cluster::start() };
    let stage = stage_on(&cluster.url()).await;
    all_ask(&stage, 0);
    stage.wait_asked("question 0 a of 0").await;
    cluster.kill_first();
    looks::until("the others miss the node", async || (!cluster.is_well()).then_some(())).await;
    if !has_replica {
        // Longer than the client can mend by itself: the platform's connections are given up.
        wait_unconnected(&stage).await;
        cluster.restart_first();
    }
    all_ask(&stage, 1);
    all_answered(&stage, 2, no_violations_without_store).await;
    wait_ready(&stage, 200).await;
    stage.assert_no_alarm();
}

/// Whether everybody is told that it is ready, or not.
async fn wait_ready(stage: &Stage, status: u16) {
    looks::until("it says whether it is ready", async || {
        (stage.api.readiness().await == status).then_some(())
    })
    .await;
}

/// Waits until no connection to the platform is open.
async fn wait_unconnected(stage: &Stage) {
    let is_closed =
        |seen: &Observed| seen.connections.iter().all(|connection| connection.closed_at_ms.is_some());
    stage.simulator.wait_for(CAP, is_closed).await.expect("nothing is connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_emptied_is_told_once_and_takes_nothing_until_it_is_restored() {
    let redis = redis::Server::start(&[]);
    let stage = stage_on(&redis.url()).await;
    all_ask(&stage, 0);
    all_answered(&stage, 1, |seen| no_violations(seen, true)).await;
    redis.tell("COPY switchboard:{config}:meta kept DB 1");
    redis.tell("FLUSHDB");
    wait_ready(&stage, 503).await;
    let before = stage.simulator.observe(|seen| seen.messages.iter().count());
    all_ask(&stage, 1);
    let lines = || {
        let logs = stage.home.logs();
        logs.lines().filter(|line| line.contains("was emptied, evicted or replaced")).count()
    };
    wait_unconnected(&stage).await;
    let acked = stage
        .simulator
        .observe(|seen| seen.messages.iter().skip(before).filter(|message| message.acked.is_some()).count());
    assert_eq!((acked, lines()), (0, 1));
    // What had been stored is not there any more; what this is about is that it goes on.
    redis.tell("SELECT 1\r\nCOPY kept switchboard:{config}:meta DB 0");
    wait_ready(&stage, 200).await;
    assert_eq!(lines(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_waits_for_redis_says_so_and_hears_that_it_should_stop() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::on_redis(&format!("redis://{}", silent.local_addr().unwrap()));
    let server = home.spawn(&["serve"]);
    server.wait_logged("waiting for the store to answer").await;
    assert_eq!(server.terminate().await.code(), Some(0));
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
    redis.tell("CONFIG SET maxmemory 1");
    let checked = home.run(&["check"]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains("cannot be written: Redis is full"), "{checked:?}");
}
