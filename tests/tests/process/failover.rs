//! What may happen between replicas and their Redis: a cut or silent network, no memory, a fail-over of Redis itself.

use dingtalk_sim::Observed;
use switchboard_tests::looks;
use switchboard_tests::server::CAP;
use test_servers::proxy::Proxy;
use test_servers::redis;

use super::replicas::Several;
use super::stage::answer_to;

/// People who write at once.
const PEOPLE: usize = 20;

fn ask(several: &Several, round: usize) {
    for person in 0..PEOPLE {
        several.say(&format!("p{person}"), &format!("question {round} of {person} with some words"));
    }
}

async fn wait_ready(several: &Several, number: usize, status: u16) {
    let api = several.api(number);
    looks::until_ok("it says whether it is ready", async || {
        let ready = api.readiness().await;
        if ready == status { Ok(()) } else { Err(ready) }
    })
    .await;
}

/// The first replica loses Redis, the second does not.
async fn one_is_cut_off(how: fn(&Proxy)) {
    let redis = redis::Server::start(&[]);
    let proxy = Proxy::to(redis.port());
    let through = format!("redis://127.0.0.1:{}", proxy.port());
    let several = Several::on(redis, &[Some(&through), None]).await;
    several.wait_connections(1, 2).await;
    ask(&several, 0);
    several.agent.wait_for(|asked| asked.len() >= PEOPLE / 2, CAP).await.expect("they are asked");
    how(&proxy);
    wait_ready(&several, 0, 503).await;
    several.wait_replicas(1, 1).await;
    ask(&several, 1);
    // The other one does it all meanwhile.
    for person in 0..PEOPLE {
        let answers = [0, 1].map(|round| answer_to(&format!("question {round} of {person} with some words")));
        several.wait_texts(&format!("p{person}"), &[&answers[0], &answers[1]]).await;
    }
    proxy.mend();
    wait_ready(&several, 0, 200).await;
    several.wait_replicas(0, 2).await;
    several.wait_connections(0, 2).await;
    ask(&several, 2);
    several.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_way_to_redis_is_cut_is_stood_in_for_and_comes_back() {
    one_is_cut_off(Proxy::cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_redis_is_silent_is_stood_in_for_and_comes_back() {
    one_is_cut_off(Proxy::silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_takes_nothing_that_is_acked_and_goes_on_when_there_is_room() {
    let redis = redis::Server::start(&[]);
    let several = Several::on(redis, &[None, None]).await;
    several.wait_connections(0, 2).await;
    ask(&several, 0);
    several.all_is_well().await;
    several.redis.tell("CONFIG SET maxmemory 1");
    for number in [0, 1] {
        wait_ready(&several, number, 503).await;
    }
    ask(&several, 1);
    let before = PEOPLE;
    let acked = several.simulator.observe(|seen: &Observed| {
        seen.messages.iter().skip(before).filter(|message| message.acked.is_some()).count()
    });
    assert_eq!(acked, 0, "nothing is acked that could not be stored");
    several.redis.tell("CONFIG SET maxmemory 0");
    for number in [0, 1] {
        wait_ready(&several, number, 200).await;
    }
    several.all_is_well().await;
}

/// What had reached the other server is there; with everything quiet before, that is all.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_fails_over_to_its_replica_goes_on_from_there() {
    let mut primary = redis::Server::start(&[]);
    let other = redis::Server::start(&[]);
    other.tell(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    let follows = || other.tell("INFO replication").contains("master_link_status:up");
    assert!(test_servers::looks(follows), "it follows");
    let proxy = Proxy::to(primary.port());
    let through = format!("redis://127.0.0.1:{}", proxy.port());
    let several = Several::on(other, &[Some(&through), Some(&through)]).await;
    several.wait_connections(0, 2).await;
    ask(&several, 0);
    several.all_is_well().await;
    let offset = |info: &str, name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name).map(str::trim).map(str::to_owned));
        line.unwrap_or_default()
    };
    let has_all = || {
        let sent = offset(&primary.tell("INFO replication"), "master_repl_offset:");
        !sent.is_empty() && offset(&several.redis.tell("INFO replication"), "slave_repl_offset:") == sent
    };
    assert!(test_servers::looks(has_all), "everything has come over");
    primary.kill();
    several.redis.tell("REPLICAOF NO ONE");
    proxy.lead_to(several.redis.port());
    for number in [0, 1] {
        wait_ready(&several, number, 200).await;
    }
    several.wait_connections(0, 2).await;
    ask(&several, 1);
    several.all_is_well().await;
}
