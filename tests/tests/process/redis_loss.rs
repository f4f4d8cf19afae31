//! A fail-over of Redis under load: what its replica had not got yet is lost, and nothing else is.

use std::collections::BTreeSet;

use dingtalk_sim::{Observed, PushedMessage};
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::Asked;
use switchboard_tests::server::CAP;
use test_servers::proxy::Proxy;
use test_servers::redis;

use super::judge::Loss;
use super::replicas::{Several, write_steadily};
use super::stage::{answer_to, chat};

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

/// What the platform has seen when the replica is about to get nothing any more.
struct Parting {
    acked: BTreeSet<String>,
    answered: BTreeSet<String>,
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

    fn with(&self, wanted: impl Fn(&Observed, &PushedMessage) -> bool) -> BTreeSet<String> {
        self.several.simulator.observe(|seen| {
            let found = seen.messages.iter().filter(|message| wanted(seen, message));
            found.map(|message| message.msg_id.clone()).collect()
        })
    }

    fn acked(&self) -> BTreeSet<String> {
        self.with(|_, message| message.acked.is_some())
    }

    fn answered(&self) -> BTreeSet<String> {
        self.with(|seen, message| {
            seen.robot_texts(&message.conversation).contains(&answer_to(&message.text))
                && seen.cards_in(&message.conversation).iter().all(|card| card.state.is_final())
        })
    }

    /// From here on the replica gets nothing. What is told of the time before has reached it.
    async fn part(&self) -> Parting {
        let acked = self.acked();
        let answered = self.answered();
        // The end of an answer is written down after the platform has seen it.
        let listed = self.several.api(0).get("/conversations?limit=200").await;
        let idle = listed["items"].as_array().expect("a list").iter().filter(|item| item["waiting"] == 0);
        let idle: BTreeSet<_> = idle.filter_map(|item| item["platform_conversation_id"].as_str()).collect();
        let idle = self.with(|_, message| idle.contains(message.conversation.as_str()));
        let parting = Parting { acked, answered: answered.intersection(&idle).cloned().collect() };
        let sent = offset(&self.primary, "master_repl_offset:");
        let has_come = async || (offset(&self.several.redis, "slave_repl_offset:") >= sent).then_some(());
        looks::until("the replica has it", has_come).await;
        self.link.silence();
        parting
    }

    /// The primary dies, and its replica is promoted. Says what may be lost.
    fn fail_over(&mut self, parting: &Parting) -> Loss {
        self.primary.kill();
        self.several.redis.tell("REPLICAOF NO ONE");
        // Nothing can be accepted meanwhile, and what was is acked by now or comes again.
        let messages = self.acked().difference(&parting.acked).cloned().collect();
        let written = self.with(|_, _| true);
        let ends = written.difference(&parting.answered).cloned().collect();
        self.name.lead_to(self.several.redis.port());
        Loss { messages, ends }
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
    async fn judge(&self, loss: &Loss) -> bool {
        self.wait_ready(200).await;
        write_steadily(&self.several.simulator, 10_000, SECONDS).await;
        self.several.all_is_well_but(loss).await;
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
    let parting = replicated.part().await;
    assert!(!parting.answered.is_empty());
    write_steadily(&replicated.several.simulator, 5_000, 1).await;
    replicated.several.say("late", LATE);
    let is_asked = |asked: &[Asked]| asked.iter().any(|asked| asked.question() == LATE);
    replicated.several.agent.wait_for(is_asked, CAP).await.expect("it is being answered");
    let loss = replicated.fail_over(&parting);
    let is_late_answered = replicated.judge(&loss).await;
    assert!(is_late_answered, "what was being answered is given to the store again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_wants_its_replica_to_keep_up_takes_nothing_that_a_late_fail_over_loses() {
    let settings = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "1"];
    let mut replicated = Replicated::start(&settings).await;
    write_steadily(&replicated.several.simulator, 0, SECONDS).await;
    let parting = replicated.part().await;
    // The primary notices, and refuses what it could lose.
    replicated.wait_ready(503).await;
    replicated.several.say("late", LATE);
    let is_sent = |seen: &Observed| {
        seen.messages.iter().any(|message| message.text == LATE && !message.deliveries.is_empty())
    };
    replicated.several.simulator.wait_for(CAP, is_sent).await.expect("it is sent");
    let loss = replicated.fail_over(&parting);
    let is_late_answered = replicated.judge(&loss).await;
    assert!(is_late_answered, "what was refused was not acked, and comes again");
}
