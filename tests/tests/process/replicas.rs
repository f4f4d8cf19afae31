//! Two servers on one store in Redis: one truth, each message answered once, and whoever dies is stood in for.

use std::collections::BTreeMap;
use std::time::Duration;

use dingtalk_sim::{Knobs, Observed, Origin, PushedMessage, Simulator, SimulatorConfig};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard_tests::api::Api;
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::{Asked, Behaviour, ScriptedAgent};
use switchboard_tests::server::{CAP, Home, Server};
use test_servers::redis;
use tokio::time::Instant;

use super::judge::{Loss, answered_once_in_order_but, no_violations_without_store};
use super::stage::{APP, answer_to, channel_on, chat, no_alarm};

/// Seconds of load without `SWITCHBOARD_REPLICAS_SECONDS`, which raises them.
const SECONDS: u64 = 25;
/// People who write.
const PEOPLE: usize = 200;
/// Between two messages: 50 a second.
const BETWEEN: Duration = Duration::from_millis(20);
/// Between two deaths.
const LIFE: Duration = Duration::from_secs(5);

/// Everything, with several servers.
pub(crate) struct Several {
    servers: Vec<Option<Server>>,
    pub(crate) channel: String,
    pub(crate) agent: ScriptedAgent,
    pub(crate) simulator: Simulator,
    home: Home,
    pub(crate) redis: redis::Server,
}

/// Long enough to be killed in the middle.
fn slowly(asked: &Asked) -> Behaviour {
    Behaviour::Words { text: answer_to(asked.question()), pause: Duration::from_millis(20) }
}

impl Several {
    pub(crate) async fn start(count: usize) -> Self {
        Self::start_with(count, |_| {}).await
    }

    /// On a platform that is as the test wants from the beginning.
    pub(crate) async fn start_with(count: usize, turn: impl FnOnce(&mut Knobs)) -> Self {
        Self::on_platform(redis::Server::start(&[]), &vec![None; count], turn).await
    }

    /// A server for each way to this Redis, which is a straight one where none is given.
    pub(crate) async fn on(redis: redis::Server, ways: &[Option<&str>]) -> Self {
        Self::on_platform(redis, ways, |_| {}).await
    }

    async fn on_platform(redis: redis::Server, ways: &[Option<&str>], turn: impl FnOnce(&mut Knobs)) -> Self {
        let mut home = Home::on_redis(&redis.url());
        let mut config = SimulatorConfig::default();
        config.knobs.qps = 0;
        config.knobs.redelivery_after_ms = 3_000;
        config.knobs.redelivery_max = u32::MAX;
        turn(&mut config.knobs);
        let simulator = Simulator::start(config).await.expect("the platform starts");
        let agent = ScriptedAgent::start(slowly).await.expect("the agent starts");
        let mut servers = Vec::new();
        for way in ways {
            home.set("SWITCHBOARD_STORE__URL", way.unwrap_or(&redis.url()));
            servers.push(Some(home.serve().await));
        }
        let mut several = Self { servers, channel: String::new(), agent, simulator, home, redis };
        several.channel = several.set_up(0).await;
        several
    }

    /// Makes an agent and a channel on a server's store.
    async fn set_up(&self, number: usize) -> String {
        let api = self.api(number);
        let agent = api.create("/agents", &self.agent.settings()).await;
        let mut channel = channel_on(&self.simulator, &json!({}));
        channel["default_agent_id"] = json!(agent);
        api.create("/channels", &channel).await
    }

    /// One more server with the same app, whose store is its own.
    pub(crate) async fn join_stranger(&mut self) {
        self.home.set("SWITCHBOARD_STORE__PREFIX", "stranger");
        self.servers.push(Some(self.home.serve().await));
        let channel = self.set_up(self.servers.len() - 1).await;
        self.api(self.servers.len() - 1).wait_connected(&channel).await;
    }

    /// The platform takes so many calls a second, and every server knows.
    pub(crate) async fn limit_calls(&self, rate: u32) {
        self.simulator.turn_knobs(|knobs| knobs.qps = rate);
        for number in 0..self.servers.len() {
            let api = self.api(number);
            let channels = api.get("/channels").await;
            let path = format!("/channels/{}", channels["items"][0]["id"].as_str().expect("a channel"));
            api.patch(&path, &json!({ "config": { "calls_per_second": rate } })).await;
        }
    }

    pub(crate) fn server(&self, number: usize) -> &Server {
        self.servers[number].as_ref().expect("it runs")
    }

    pub(crate) fn api(&self, number: usize) -> Api {
        Api::of(self.server(number))
    }

    pub(crate) async fn status(&self, asked: usize) -> Value {
        self.api(asked).get(&format!("/channels/{}/status", self.channel)).await
    }

    /// Waits until a replica says that so many connections are open.
    pub(crate) async fn wait_connections(&self, asked: usize, count: u64) {
        looks::until_ok("the connections are open", async || {
            let path = format!("/channels/{}/status", self.channel);
            let answer = self.api(asked).send(Method::GET, &path, None).await;
            if answer.json["connections"] == count { Ok(()) } else { Err(answer.text) }
        })
        .await;
    }

    /// Waits until a replica knows of so many.
    pub(crate) async fn wait_replicas(&self, asked: usize, count: usize) -> Vec<Value> {
        looks::until_ok("the replicas know each other", async || {
            let listed = self.api(asked).get("/replicas").await;
            let items = listed["items"].as_array().cloned().unwrap_or_default();
            if items.len() == count { Ok(items) } else { Err(listed) }
        })
        .await
    }

    pub(crate) fn say(&self, who: &str, text: &str) {
        self.simulator.push_text(APP, Origin::private(&chat(who), who), text).expect("the platform takes it");
    }

    pub(crate) async fn wait_texts(&self, who: &str, wanted: &[&str]) {
        let is_said = |seen: &Observed| seen.robot_texts(&chat(who)) == wanted;
        if let Err(error) = self.simulator.wait_for(CAP, is_said).await {
            let texts = self.simulator.observe(|seen| seen.robot_texts(&chat(who)));
            panic!("{who} reads {texts:#?} instead of {wanted:#?}: {error}");
        }
    }

    pub(crate) async fn kill(&mut self, number: usize) {
        self.servers[number].take().expect("it runs").kill().await;
    }

    pub(crate) async fn serve(&mut self, number: usize) {
        self.servers[number] = Some(self.home.serve().await);
    }

    /// Everything that was written is answered once and in order, and nothing is open.
    pub(crate) async fn all_is_well(&self) {
        self.all_is_well_but(&Loss::default()).await;
    }

    /// As [`all_is_well`](Self::all_is_well), but for what the store may have lost.
    pub(crate) async fn all_is_well_but(&self, loss: &Loss) {
        let is_answered = |said: &BTreeMap<_, Vec<String>>, message: &PushedMessage| {
            loss.messages.contains(&message.msg_id)
                || said[&message.conversation].contains(&answer_to(&message.text))
        };
        looks::until_ok("everything is answered", async || {
            self.simulator.observe(|seen| {
                let chats = seen.conversations.keys();
                let said = chats.map(|chat| (chat.clone(), seen.robot_texts(chat))).collect();
                let open = seen.open_cards().len();
                let unacked = seen.messages.iter().filter(|message| message.acked.is_none()).count();
                let unanswered = seen.messages.iter().filter(|message| !is_answered(&said, message));
                let unanswered: Vec<_> = unanswered.map(|message| &message.text).collect();
                if open == 0 && unacked == 0 && unanswered.is_empty() {
                    Ok(())
                } else {
                    Err(format!(
                        "{open} open, {unacked} unacked, {} unanswered: {unanswered:?}",
                        unanswered.len()
                    ))
                }
            })
        })
        .await;
        self.simulator.observe(|seen| {
            answered_once_in_order_but(seen, answer_to, loss);
            no_violations_without_store(seen);
        });
        no_alarm(&self.home);
    }
}

/// So many messages a second, for so long: what is late is caught up with, so that the pace is kept whatever else is done.
pub(crate) async fn write_steadily(simulator: &Simulator, first: usize, seconds: u64) {
    let begin = Instant::now();
    let end = Duration::from_secs(seconds);
    let mut said = 0;
    while said < usize::try_from(end.as_millis() / BETWEEN.as_millis()).unwrap() {
        let due = begin.elapsed().min(end).as_millis() / BETWEEN.as_millis();
        while said < usize::try_from(due).unwrap() {
            let (who, text) = (format!("p{}", (first + said) % PEOPLE), format!("question {}", first + said));
            simulator
                .push_text(APP, Origin::private(&chat(&who), &who), &text)
                .expect("the platform takes it");
            said += 1;
        }
        looks::pause().await;
    }
}

fn seconds() -> u64 {
    let wanted = std::env::var_os("SWITCHBOARD_REPLICAS_SECONDS");
    wanted.map_or(SECONDS, |wanted| wanted.to_str().and_then(|text| text.parse().ok()).expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_are_one_server_to_everybody() {
    let several = Several::start(2).await;
    for asked in [0, 1] {
        several.wait_replicas(asked, 2).await;
        several.wait_connections(asked, 2).await;
        let status = several.status(asked).await;
        assert_eq!(
            (&status["status"], status["replicas"].as_array().unwrap().len()),
            (&json!("connected"), 2)
        );
    }
    looks::until_ok("each partition is somebody's", async || {
        let replicas = several.wait_replicas(1, 2).await;
        let partitions: u64 = replicas.iter().filter_map(|replica| replica["partitions"].as_u64()).sum();
        if partitions == 256 { Ok(()) } else { Err(replicas) }
    })
    .await;
    // Whichever connection the platform chooses, and whoever owns the conversation.
    for number in 0..20 {
        let (who, text) = (format!("p{number}"), format!("question {number}"));
        several.say(&who, &text);
        several.wait_texts(&who, &[&answer_to(&text)]).await;
    }
    // What one is told, all do.
    let path = format!("/channels/{}", several.channel);
    several.api(1).post(&format!("{path}/disable"), 202).await;
    several.wait_connections(0, 0).await;
    assert_eq!(several.status(0).await["status"], "disabled");
    several.api(0).post(&format!("{path}/enable"), 202).await;
    several.wait_connections(1, 2).await;
    let opens = several.simulator.observe(|seen| seen.opens.iter().count());
    several.api(0).post(&format!("{path}/restart"), 202).await;
    let reopened = several.simulator.wait_for(CAP, |seen| seen.opens.iter().count() >= opens + 2).await;
    reopened.expect("both open a new connection");
    several.wait_connections(1, 2).await;
    several.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_killed_in_turn_under_load_lose_nothing_and_answer_nothing_twice() {
    let mut several = Several::start(2).await;
    several.wait_connections(0, 2).await;
    let seconds = seconds();
    let Several { servers, home, simulator, .. } = &mut several;
    let begin = Instant::now();
    let dying = async {
        for life in 1..=u32::try_from(seconds / LIFE.as_secs()).unwrap() {
            while begin.elapsed() < LIFE * life {
                looks::pause().await;
            }
            let victim = usize::from(life % 2 == 0);
            servers[victim].take().expect("it runs").kill().await;
            servers[victim] = Some(home.serve().await);
        }
    };
    tokio::join!(write_steadily(simulator, 0, seconds), dying);
    several.all_is_well().await;
    let written = several.simulator.observe(|seen| seen.messages.iter().count());
    assert_eq!(u128::try_from(written).unwrap(), u128::from(seconds) * 1_000 / BETWEEN.as_millis());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_ends_in_good_order_is_stood_in_for_at_once() {
    let mut several = Several::start(2).await;
    several.wait_connections(0, 2).await;
    for number in 0..20 {
        several.say(&format!("p{number}"), &format!("question {number} with many words to answer slowly"));
    }
    several.agent.wait_for(|asked: &[Asked]| asked.len() >= 20, CAP).await.expect("all are asked");
    let ended = several.servers[0].take().expect("it runs").terminate().await;
    assert!(ended.success(), "{ended}");
    several.wait_replicas(1, 1).await;
    looks::until_ok("all partitions are the other one's", async || {
        let listed = several.api(1).get("/replicas").await;
        if listed["items"][0]["partitions"] == 256 { Ok(()) } else { Err(listed) }
    })
    .await;
    several.say("late", "one more question");
    several.wait_texts("late", &[&answer_to("one more question")]).await;
    several.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_dies_under_two_replicas_comes_back_to_what_it_had() {
    let mut several = Several::start(2).await;
    several.wait_connections(0, 2).await;
    for round in 0..2 {
        for person in 0..20 {
            several.say(&format!("p{person}"), &format!("question {round} of {person}"));
            looks::pause().await;
        }
        several.redis.kill();
        looks::until("both know", async || {
            for number in [0, 1] {
                if several.api(number).readiness().await != 503 {
                    return None;
                }
            }
            Some(())
        })
        .await;
        several.redis.restart();
        several.wait_replicas(0, 2).await;
        several.wait_connections(1, 2).await;
    }
    several.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_changed_on_both_at_once_keep_to_the_rules() {
    let several = Several::start(2).await;
    let [one, two] = [0, 1].map(|number| several.api(number));
    for round in 0..6 {
        // One bot is one enabled channel's.
        let named = |name: &str| {
            let config = json!({ "client_id": format!("twin-{round}"), "client_secret": "s" });
            let mut body = channel_on(&several.simulator, &config);
            body["name"] = json!(format!("{name} {round}"));
            body
        };
        let (left, right) = (named("left"), named("right"));
        let (left, right) = tokio::join!(
            one.send(Method::POST, "/channels", Some(&left)),
            two.send(Method::POST, "/channels", Some(&right))
        );
        let mut made = [left.status, right.status];
        made.sort_unstable();
        assert_eq!(made, [201, 409], "{} {}", left.text, right.text);

        // An agent goes, or is taken.
        let body = json!({ "name": format!("agent {round}"), "kind": "echo" });
        let agent = one.create("/agents", &body).await;
        let mut body = named("third");
        body["default_agent_id"] = json!(agent);
        body["enabled"] = json!(false);
        let path = format!("/agents/{agent}");
        let (gone, taken) = tokio::join!(
            one.send(Method::DELETE, &path, None),
            two.send(Method::POST, "/channels", Some(&body))
        );
        let outcome = (gone.status, taken.status);
        assert!([(204, 422), (409, 201)].contains(&outcome), "{outcome:?} {} {}", gone.text, taken.text);

        // Who asks for no version in particular gets each change in.
        let path = format!("/channels/{}", several.channel);
        let change = |api: Api, name: String| {
            let path = path.clone();
            async move { api.send(Method::PATCH, &path, Some(&json!({ "name": name }))).await.expect(200) }
        };
        tokio::join!(
            change(one.clone(), format!("a{round}")),
            change(two.clone(), format!("b{round}")),
            change(one.clone(), format!("c{round}")),
            change(two.clone(), format!("d{round}")),
        );
    }
    no_alarm(&several.home);
}
