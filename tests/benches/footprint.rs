//! What the program takes at rest: its file, its start, its memory with one, a hundred and a thousand channels, and what a
//! conversation adds to that, at rest and while it is being answered.
//!
//! The real server with a durable store in a file, the simulated platform and a scripted agent over real sockets. Memory is the
//! kernel's count of resident pages. `cargo xtask bench footprint` runs it; what it prints goes into BENCHMARKS.md. It fails where a
//! message is not answered, never because of a figure.
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

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dingtalk_sim::load::Sample;
use dingtalk_sim::{AppConfig, Origin, Simulator, SimulatorConfig};
use serde_json::json;
use switchboard_tests::api::Api;
use switchboard_tests::environment::number;
use switchboard_tests::figures::{in_f64, mib, millis};
use switchboard_tests::scripted_agent::{Behaviour, ScriptedAgent};
use switchboard_tests::server::{Home, Server};
use switchboard_tests::{binary, machine};
use tokio::time::{Instant, sleep};

use stage::over;

/// Channels of an idle server.
const CHANNELS: [usize; 3] = [1, 100, 1_000];
/// Starts of each.
const STARTS: usize = 9;
/// Conversations at rest (`SWITCHBOARD_BENCH_CONVERSATIONS`).
const CONVERSATIONS: u64 = 10_000;
/// Conversations that are being answered at the same time.
const ACTIVE: u64 = 1_000;
/// Messages on their way at once, where it does not matter.
const FLIGHT: u64 = 64;
/// How long things settle before memory is read.
const SETTLE: Duration = Duration::from_secs(15);
/// Until a conversation at rest has left memory, and a little more.
const REST: Duration = Duration::from_secs(75);
/// Between two looks at what is answered.
const LOOK: Duration = Duration::from_millis(20);
/// What a conversation is answered; what is answered slowly never ends after it.
const ANSWER: &str = "one two three four five six seven eight nine ten";
/// Until a thousand answers show it, at most.
const SHOWN_WITHIN: Duration = Duration::from_mins(2);

fn file_mib(file: &Path) -> f64 {
    in_f64(fs::metadata(file).unwrap().len()) / 1_048_576.0
}

/// The program without its table of symbols, as packages have it.
fn stripped_mib() -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("switchboard");
    let done = Command::new("strip").arg("-o").arg(&copy).arg(binary::path()).status();
    assert!(done.expect("`strip` (Debian: binutils) runs").success());
    file_mib(&copy)
}

#[tokio::main]
async fn main() {
    machine::print(Some(binary::path()));
    println!("the program's file: {:.1} MiB, stripped {:.1} MiB", file_mib(binary::path()), stripped_mib());
    for channels in CHANNELS {
        let bench = Bench::start(channels).await;
        bench.idle(channels).await;
    }
    let bench = Bench::start(1).await;
    bench.conversations(number("SWITCHBOARD_BENCH_CONVERSATIONS", CONVERSATIONS)).await;
}

/// Everything. Fields are dropped in order: the server goes before what it talks to.
struct Bench {
    /// There is one but for the moment between two.
    server: Option<Server>,
    simulator: Simulator,
    _agent: ScriptedAgent,
    home: Home,
}

fn app(number: usize) -> String {
    format!("app-{number}")
}

impl Bench {
    /// A server with so many channels, started anew when they were made: making them is not what is measured.
    async fn start(channels: usize) -> Self {
        let mut home = Home::default();
        home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
        let mut config = SimulatorConfig::default();
        config.knobs.qps = 0;
        config.apps = (0..channels).map(|number| AppConfig::new(&app(number), "secret")).collect();
        config.kept = 200_000;
        let simulator = Simulator::start(config).await.expect("the platform starts");
        let answer = |asked: &switchboard_tests::scripted_agent::Asked| match asked.question() {
            "slowly" => Behaviour::HangAfter { text: ANSWER.to_owned() },
            _ => Behaviour::words(ANSWER.to_owned()),
        };
        let agent = ScriptedAgent::start(answer).await.expect("the agent starts");
        let server = home.serve().await;
        let api = Api::of(&server);
        let own = over(agent.settings(), &json!({ "idle_timeout_ms": 600_000 }));
        let agent_id = api.create("/agents", &own).await;
        for number in 0..channels {
            let config = json!({ "client_id": app(number), "client_secret": "secret" });
            let body = json!({ "name": app(number), "default_agent_id": agent_id });
            api.create("/channels", &over(stage::channel_on(&simulator, &config), &body)).await;
        }
        let mut bench = Self { server: Some(server), simulator, _agent: agent, home };
        bench.connected(channels).await;
        bench.restart().await;
        bench.connected(channels).await;
        bench
    }

    async fn restart(&mut self) -> Duration {
        self.server.take().expect("there is one").terminate().await;
        let began = Instant::now();
        self.server = Some(self.home.serve().await);
        began.elapsed()
    }

    fn sample(&self) -> Sample {
        self.server.as_ref().expect("there is one").sample()
    }

    async fn connected(&self, channels: usize) {
        let is_live = |phase| phase == dingtalk_sim::ConnectionPhase::Live;
        while self.simulator.observe(|seen| {
            seen.connections.iter().filter(|connection| is_live(connection.phase)).count() < channels
        }) {
            sleep(LOOK).await;
        }
    }

    async fn idle(mut self, channels: usize) {
        sleep(SETTLE).await;
        let before = self.sample();
        sleep(SETTLE).await;
        let after = self.sample();
        let cpu = after.cpu().saturating_sub(before.cpu()).as_secs_f64() / SETTLE.as_secs_f64();
        let mut starts = Vec::with_capacity(STARTS);
        for _ in 0..STARTS {
            starts.push(self.restart().await);
            self.connected(channels).await;
        }
        starts.sort_unstable();
        println!(
            "{channels} channels, idle: {:.1} MiB, {:.1} % of a core; ready after {:.0} ms (median), {:.0} ms at most",
            mib(after.resident_kib()),
            cpu * 100.0,
            millis(starts[STARTS / 2]),
            millis(starts[STARTS - 1])
        );
    }

    /// What conversations add.
    async fn conversations(&self, count: u64) {
        // The first ones also fill what is kept once for all: pools, statements, buffers.
        self.talk("warm", count / 10).await;
        sleep(REST).await;
        let before = self.sample().resident_kib();
        self.talk("p", count).await;
        let there = self.sample().resident_kib();
        println!("{count} conversations at rest, a KiB each: {:.2}", each(before, there, count));
        sleep(REST).await;
        let gone = self.sample().resident_kib();
        println!("the same, evicted: {:.2}", each(before, gone, count));
        // What the first ones needed at once is kept by the allocator and used again: others show what each leaves behind.
        self.talk("q", count).await;
        sleep(REST).await;
        let others_gone = self.sample().resident_kib();
        println!("as many others, evicted: {:.2} more", each(gone, others_gone, count));
        for person in 0..ACTIVE {
            self.say(&format!("slow{person}"), "slowly");
        }
        let open = |card: &&dingtalk_sim::Card| !card.state.is_final() && card.text.contains("ten");
        let shown =
            || self.simulator.observe(|seen| u64::try_from(seen.cards().filter(open).count()).unwrap());
        let begun = Instant::now();
        while shown() < ACTIVE {
            assert!(begun.elapsed() < SHOWN_WITHIN, "only {} of {ACTIVE} answers are shown", shown());
            sleep(LOOK).await;
        }
        let active = self.sample().resident_kib();
        println!(
            "{ACTIVE} conversations being answered, a KiB each: {:.2}",
            each(others_gone, active, ACTIVE)
        );
    }

    async fn talk(&self, who: &str, count: u64) {
        let answered = || {
            self.simulator.observe(|seen| {
                let is_final = |card: &&dingtalk_sim::Card| card.state.is_final();
                u64::try_from(seen.cards().filter(is_final).count()).unwrap()
            })
        };
        let already = answered();
        let mut said = 0;
        while answered() - already < count {
            while said < count && said - (answered() - already) < FLIGHT {
                self.say(&format!("{who}{said}"), "A question");
                said += 1;
            }
            sleep(LOOK).await;
        }
    }

    fn say(&self, who: &str, text: &str) {
        let origin = Origin::private(&stage::chat(who), who);
        self.simulator.push_text(&app(0), origin, text).unwrap();
    }
}

fn each(before_kib: u64, after_kib: u64, count: u64) -> f64 {
    (in_f64(after_kib) - in_f64(before_kib)) / in_f64(count)
}
