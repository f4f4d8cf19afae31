//! Two replicas and a platform that counts calls: together they make no more than one would (R14).

use dingtalk_sim::Observed;
use test_servers::redis;

use super::replicas::Several;
use super::stage::answer_to;

/// What the platform allows, and each server believes to have.
const RATE: u32 = 20;
/// Answers that are written at once.
const ANSWERS: usize = 30;

/// Words enough for several seconds.
fn question(number: usize) -> String {
    format!("question {number}{}", " and more".repeat(100))
}

/// Calls made, and those of them that the platform refused because there were too many.
#[derive(Debug, Default)]
struct Counted {
    all: u64,
    throttled: u64,
}

fn counted(seen: &Observed) -> Counted {
    let mut counted = Counted::default();
    for path in ["/v1.0/card/streaming", "/v1.0/card/instances", "/v1.0/card/instances/createAndDeliver"] {
        let calls = seen.calls_on(path);
        counted.all += calls.total;
        counted.throttled += calls.throttled;
    }
    counted
}

/// Everybody asks at once and is answered.
async fn load(several: &Several) -> Counted {
    several.limit_calls(RATE).await;
    for number in 0..ANSWERS {
        several.say(&format!("p{number}"), &question(number));
    }
    for number in 0..ANSWERS {
        several.wait_texts(&format!("p{number}"), &[&answer_to(&question(number))]).await;
    }
    several.all_is_well().await;
    several.simulator.observe(counted)
}

/// The same load on two servers that do not know of each other is the measure: there the platform refuses many calls.
#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_call_no_more_often_than_one() {
    let shared = {
        let several = Several::on(redis::Server::start(&[]), &[None, None]).await;
        several.wait_replicas(0, 2).await;
        several.wait_connections(0, 2).await;
        load(&several).await
    };
    let strangers = {
        let mut several = Several::on(redis::Server::start(&[]), &[None]).await;
        several.join_stranger().await;
        several.wait_connections(0, 1).await;
        load(&several).await
    };
    // A machine that is busy may hold up Redis, and then each replica counts for itself for a second: some of that is borne.
    assert!(shared.throttled * 20 <= shared.all, "{shared:?}");
    assert!(shared.throttled * 2 < strangers.throttled, "{shared:?} {strangers:?}");
}
