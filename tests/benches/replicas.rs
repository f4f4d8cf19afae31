//! What channels and conversations cost two replicas on one Redis, how that grows when their number doubles, and how often a turn
//! asks Redis.
//!
//! The real servers, a real `redis-server`, the simulated platform and a scripted agent over real sockets. Memory is the
//! kernel's and Redis's own count. `cargo xtask bench replicas` runs it; what it prints goes into BENCHMARKS.md. It
//! fails where a message is not answered, never because of a figure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

#[path = "../tests/process/stage.rs"]
#[expect(dead_code, reason = "shared with the process tests, which use more of it")]
mod stage;

use std::time::Duration;

use dingtalk_sim::{AppConfig, Origin, Simulator, SimulatorConfig};
use serde_json::json;
use switchboard_tests::api::Api;
use switchboard_tests::environment::number;
use switchboard_tests::scripted_agent::{Behaviour, ScriptedAgent};
use switchboard_tests::server::{Home, Server};
use test_servers::redis;
use tokio::time::{Instant, sleep};

use stage::over;

/// Channels in the end (`SWITCHBOARD_BENCH_CHANNELS`).
const CHANNELS: u64 = 1_000;
/// Conversations in the end (`SWITCHBOARD_BENCH_CONVERSATIONS`).
const CONVERSATIONS: u64 = 100_000;
/// Messages on their way at once.
const FLIGHT: usize = 128;
/// Between two looks at what is answered.
const LOOK: Duration = Duration::from_millis(50);
/// How long the idle replicas are watched, and how long things settle before memory is read.
const IDLE: Duration = Duration::from_secs(20);
/// Until a conversation at rest has left memory, and a little more.
const REST: Duration = Duration::from_secs(75);
/// What each conversation is answered.
const ANSWER: &str = "one two three four five six seven eight nine ten";

#[tokio::main]
async fn main() {
    let (channels, conversations) = (
        number("SWITCHBOARD_BENCH_CHANNELS", CHANNELS),
        number("SWITCHBOARD_BENCH_CONVERSATIONS", CONVERSATIONS),
    );
    let mut bench = Bench::start(channels, conversations).await;
    println!("two replicas, {channels} channels, {conversations} conversations of one turn; memory in KiB");
    println!("{:44} {:>10} {:>10} {:>10}", "", "replica 1", "replica 2", "Redis");
    bench.print("nothing").await;
    for until in [channels / 2, channels] {
        bench.channels(until).await;
        bench.print(&format!("{until} channels, connected to both")).await;
    }
    let idle = bench.idle().await;
    println!("idle, a second: {}", idle.a(IDLE.as_secs_f64()));
    for until in [conversations / 4, conversations / 2, conversations] {
        let turns = until - bench.said;
        let (before, began) = (Asked::now(&bench), Instant::now());
        bench.conversations(until, channels).await;
        let (spent, took) = (Asked::now(&bench).without(&before, 1.0), began.elapsed().as_secs_f64());
        let own = spent.without(&idle, took / IDLE.as_secs_f64());
        let count = f64::from(u32::try_from(turns).unwrap());
        println!("{turns} turns in {took:.0} s, a turn without what idle replicas ask: {}", own.a(count));
        bench.print(&format!("{until} conversations")).await;
    }
    sleep(REST).await;
    bench.print("the same, all evicted from memory").await;
    println!("{}", bench.redis.tell("INFO keyspace").trim());
}

/// What was asked of Redis, and what it took.
struct Asked {
    /// Scripts run.
    scripts: f64,
    /// Reads of its sockets that had something: what came together counts once.
    reads: f64,
    /// Its processor time, in milliseconds.
    redis_ms: f64,
    /// Both replicas' processor time, in milliseconds.
    replicas_ms: f64,
}

impl Asked {
    fn now(bench: &Bench) -> Self {
        let redis = &bench.redis;
        let scripts = ["evalsha", "eval"].map(|name| {
            let line = format!("cmdstat_{name}:calls=");
            field(&redis.tell("INFO commandstats"), &line)
        });
        let cpu = redis.tell("INFO cpu");
        Self {
            scripts: scripts.iter().sum(),
            reads: field(&redis.tell("INFO stats"), "total_reads_processed:"),
            redis_ms: 1_000.0 * (field(&cpu, "used_cpu_sys:") + field(&cpu, "used_cpu_user:")),
            replicas_ms: bench.servers.iter().map(processor_ms).sum(),
        }
    }

    /// This minus so many times another.
    fn without(&self, other: &Self, times: f64) -> Self {
        Self {
            scripts: self.scripts - other.scripts * times,
            reads: self.reads - other.reads * times,
            redis_ms: self.redis_ms - other.redis_ms * times,
            replicas_ms: self.replicas_ms - other.replicas_ms * times,
        }
    }

    fn a(&self, count: f64) -> String {
        format!(
            "{:.2} scripts in {:.2} reads of sockets; processor {:.3} ms of Redis, {:.3} ms of replicas",
            self.scripts / count,
            self.reads / count,
            self.redis_ms / count,
            self.replicas_ms / count
        )
    }
}

/// Processor time of a server so far, in milliseconds.
fn processor_ms(server: &Server) -> f64 {
    server.sample().cpu().as_secs_f64() * 1_000.0
}

/// The number behind a name in what Redis tells; 0 where it is not there.
fn field(text: &str, name: &str) -> f64 {
    let found = text.split_once(name).map(|(_, rest)| rest.trim_start());
    let is_of_it = |letter: &char| letter.is_ascii_digit() || *letter == '.';
    let number: String = found.unwrap_or_default().chars().take_while(is_of_it).collect();
    number.parse().unwrap_or_default()
}

/// Everything. Fields are dropped in order: servers go before what they talk to.
struct Bench {
    servers: [Server; 2],
    made: u64,
    said: u64,
    agent_id: String,
    _agent: ScriptedAgent,
    simulator: Simulator,
    redis: redis::Server,
    _home: Home,
}

fn app(number: u64) -> String {
    format!("app-{number}")
}

impl Bench {
    async fn start(apps: u64, conversations: u64) -> Self {
        // Synced once a second: what is measured here does not depend on it, and the filling takes a fraction of the time.
        let redis = redis::Server::start(&["--appendfsync", "everysec"]);
        let mut home = Home::on_redis(&redis.url());
        home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
        let mut config = SimulatorConfig::default();
        config.knobs.qps = 0;
        config.apps = (0..apps).map(|number| AppConfig::new(&app(number), "secret")).collect();
        // The simulator knows a few of its own.
        config.kept = usize::try_from(conversations).unwrap() + 100;
        let simulator = Simulator::start(config).await.expect("the platform starts");
        let agent =
            ScriptedAgent::start(|_| Behaviour::words(ANSWER.to_owned())).await.expect("the agent starts");
        let servers = [home.serve().await, home.serve().await];
        let agent_id = Api::of(&servers[0]).create("/agents", &agent.settings()).await;
        Self { servers, made: 0, said: 0, agent_id, _agent: agent, simulator, redis, _home: home }
    }

    /// Makes channels up to this number and waits until each has a connection to both replicas.
    async fn channels(&mut self, until: u64) {
        let api = Api::of(&self.servers[0]);
        for number in self.made..until {
            let config = json!({ "client_id": app(number), "client_secret": "secret" });
            let body = over(
                stage::channel_on(&self.simulator, &config),
                &json!({ "name": app(number), "default_agent_id": self.agent_id }),
            );
            api.create("/channels", &body).await;
        }
        self.made = until;
        let wanted = usize::try_from(until * 2).unwrap();
        loop {
            let live = self.simulator.observe(|seen| {
                let live = |phase| phase == dingtalk_sim::ConnectionPhase::Live;
                seen.connections.iter().filter(|connection| live(connection.phase)).count()
            });
            if live >= wanted {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// One message in each conversation up to this number, and waits for the answers.
    async fn conversations(&mut self, until: u64, channels: u64) {
        while self.said < until {
            let open = usize::try_from(self.said).unwrap() - self.answered();
            for _ in open..FLIGHT {
                if self.said == until {
                    break;
                }
                // Everybody writes to each bot, once.
                let (app, who) = (app(self.said % channels), format!("p{}", self.said / channels));
                let origin = Origin::private(&format!("cid-{app}-{who}=="), &who);
                self.simulator.push_text(&app, origin, "A question").unwrap();
                self.said += 1;
            }
            sleep(LOOK).await;
        }
        while self.answered() < usize::try_from(until).unwrap() {
            sleep(LOOK).await;
        }
    }

    fn answered(&self) -> usize {
        self.simulator.observe(|seen| seen.cards().filter(|card| card.state.is_final()).count())
    }

    /// What replicas ask that have nothing to do.
    async fn idle(&self) -> Asked {
        let before = Asked::now(self);
        sleep(IDLE).await;
        Asked::now(self).without(&before, 1.0)
    }

    async fn print(&self, what: &str) {
        sleep(IDLE).await;
        let of_redis = field(&self.redis.tell("INFO memory"), "used_memory:") / 1_024.0;
        let [one, two] = [0, 1].map(|number| self.servers[number].sample().resident_kib());
        println!("{what:44} {one:>10} {two:>10} {of_redis:>10.0}");
    }
}
