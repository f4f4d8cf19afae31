//! A fail-over of Redis under load: what its replica had not got yet is lost, and nothing else is.

use std::collections::BTreeSet;

use dingtalk_sim::PushedMessage;
use switchboard_tests::looks;
use switchboard_tests::server::CAP;
use test_servers::proxy::Proxy;
use test_servers::redis;

use super::replicas::{Several, write_steadily};
use super::stage::chat;

/// Seconds of load before and after.
const SECONDS: u64 = 3;
/// Takes long enough to answer that nobody has the whole answer when it is lost.
const LATE: &str =
    "one that is asked when the replica gets nothing any more, with enough words for a long answer to it";

/// Two servers behind a name that leads to the primary, whose replica follows through a link of its own.
struct Replicated {
    several: Several,
    primary: redis::Server,
    name: Proxy,
    link: Proxy,
}

impl Replicated {
    async fn start(settings: &[&str]) -> Self {
        let primary = redis::Server::start(settings);
        let follower = redis::Server::start(&[]);
        let link = Proxy::to(primary.port());
        follower.tell(&format!("REPLICAOF 127.0.0.1 {}", link.port()));
        let follows = || follower.tell("INFO replication").contains("master_link_status:up");
        assert!(test_servers::looks(follows), "it follows");
        let name = Proxy::to(primary.port());
        let through = format!("redis://127.0.0.1:{}", name.port());
        let several = Several::on(follower, &[Some(&through), Some(&through)]).await;
        several.wait_connections(0, 2).await;
        Self { several, primary, name, link }
    }

    fn acked(&self) -> BTreeSet<String> {
        let is_acked = |message: &&PushedMessage| message.acked.is_some();
        let name = |message: &PushedMessage| message.msg_id.clone();
        self.several.simulator.observe(|seen| seen.messages.iter().filter(is_acked).map(name).collect())
    }

    /// From here on the replica gets nothing. Gives what was acked before and has reached it.
    async fn part(&self) -> BTreeSet<String> {
        let acked = self.acked();
        let sent = offset(&self.primary, "master_repl_offset:");
        let has_come = async || (offset(&self.several.redis, "slave_repl_offset:") >= sent).then_some(());
        looks::until("the replica has it", has_come).await;
        self.link.silence();
        acked
    }

    /// The primary dies, and its replica is promoted. Gives what was acked before.
    fn fail_over(&mut self) -> BTreeSet<String> {
        self.primary.kill();
        let acked = self.acked();
        self.several.redis.tell("REPLICAOF NO ONE");
        self.name.lead_to(self.several.redis.port());
        acked
    }

    fn is_late_acked(&self) -> bool {
        self.several.simulator.observe(|seen| {
            let mut late = seen.messages.iter().filter(|message| message.text == LATE);
            late.any(|message| message.acked.is_some())
        })
    }

    async fn wait_ready(&self, status: u16) {
        for number in [0, 1] {
            let api = self.several.api(number);
            looks::until_ok("it says whether it is ready", async || {
                let ready = api.readiness().await;
                if ready == status { Ok(()) } else { Err(ready) }
            })
            .await;
        }
    }

    /// What had reached the replica has one end, and so has what comes after. Gives whether the late one was answered.
    async fn judge(&self, before: &BTreeSet<String>, until_death: &BTreeSet<String>) -> bool {
        self.wait_ready(200).await;
        write_steadily(&self.several.simulator, 10_000, SECONDS).await;
        let may_be_lost = |message: &PushedMessage| {
            until_death.contains(&message.msg_id) && !before.contains(&message.msg_id)
        };
        self.several.all_is_well_but(may_be_lost).await;
        self.several.simulator.observe(|seen| !seen.robot_texts(&chat("late")).is_empty())
    }
}

/// A number of `INFO replication`.
fn offset(server: &redis::Server, name: &str) -> u64 {
    let info = server.tell("INFO replication");
    let line = info.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|number| number.trim().parse().ok()).expect("it tells its offset")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_fails_over_under_load_loses_only_what_its_replica_had_not_got() {
    let mut replicated = Replicated::start(&[]).await;
    write_steadily(&replicated.several.simulator, 0, SECONDS).await;
    let before = replicated.part().await;
    assert!(!before.is_empty());
    write_steadily(&replicated.several.simulator, 5_000, 1).await;
    replicated.several.say("late", LATE);
    looks::until("it is acked", async || replicated.is_late_acked().then_some(())).await;
    let until_death = replicated.fail_over();
    let is_late_answered = replicated.judge(&before, &until_death).await;
    assert!(!is_late_answered, "what was acked and had not come over is lost: RELIABILITY says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_wants_its_replica_to_keep_up_takes_nothing_that_a_late_fail_over_loses() {
    let settings = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "1"];
    let mut replicated = Replicated::start(&settings).await;
    write_steadily(&replicated.several.simulator, 0, SECONDS).await;
    let before = replicated.part().await;
    // The primary notices, and refuses what it could lose.
    replicated.wait_ready(503).await;
    replicated.several.say("late", LATE);
    let is_sent = |seen: &dingtalk_sim::Observed| {
        seen.messages.iter().any(|message| message.text == LATE && !message.deliveries.is_empty())
    };
    replicated.several.simulator.wait_for(CAP, is_sent).await.expect("it is sent");
    let until_death = replicated.fail_over();
    let is_late_answered = replicated.judge(&before, &until_death).await;
    assert!(is_late_answered, "what was refused was not acked, and comes again");
}
