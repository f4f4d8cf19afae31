//! How long the server takes for each page of the panel and each list of the API, with many channels and messages, how large a
//! first visit is, and how soon a change reaches whoever watches.
//!
//! The real server on a store of its own in a file, the simulated platform and a scripted agent over real sockets. Times are
//! from the request to the last byte of the answer, one request after the other, over loopback. `cargo xtask bench pages`
//! runs it; what it prints goes into BENCHMARKS.md. It fails where a page cannot be had, never because of a figure.
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
use reqwest::header::COOKIE;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use switchboard_tests::api::Api;
use switchboard_tests::environment::number;
use switchboard_tests::events::Event;
use switchboard_tests::figures::{millis, percentile_ms};
use switchboard_tests::scripted_agent::{Behaviour, ScriptedAgent};
use switchboard_tests::server::{Home, Server};
use tokio::time::{Instant, sleep};

use stage::over;

/// Channels (`SWITCHBOARD_BENCH_CHANNELS`).
const CHANNELS: u64 = 500;
/// Messages: questions and answers (`SWITCHBOARD_BENCH_MESSAGES`).
const MESSAGES: u64 = 100_000;
/// Questions in one conversation.
const TURNS: u64 = 5;
/// Messages on their way at once.
const FLIGHT: usize = 128;
/// Between two looks at what is answered.
const LOOK: Duration = Duration::from_millis(50);
/// Requests of one page.
const REQUESTS: usize = 60;
/// Changes watched.
const CHANGES: usize = 20;
/// What each question is answered.
const ANSWER: &str = "one two three four five six seven eight nine ten";

#[tokio::main]
async fn main() {
    let channels = number("SWITCHBOARD_BENCH_CHANNELS", CHANNELS);
    let messages = number("SWITCHBOARD_BENCH_MESSAGES", MESSAGES);
    let bench = Bench::start(channels, messages / 2).await;
    println!("one server, {channels} channels, {messages} messages");
    let cookie = Api::of(&bench.server).sign_in().await;
    println!("{:46} {:>8} {:>8} {:>8} {:>10}", "milliseconds of the server", "p50", "p95", "max", "bytes");
    for path in bench.paths().await {
        bench.measure(&path, &cookie).await;
    }
    bench.first_visit(&cookie).await;
    bench.watch().await;
}

/// Everything. Fields are dropped in order: the server goes before what it talks to.
struct Bench {
    server: Server,
    client: Client,
    channels: Vec<String>,
    agent_id: String,
    simulator: Simulator,
    _agent: ScriptedAgent,
    _home: Home,
}

fn app(number: u64) -> String {
    format!("app-{number}")
}

impl Bench {
    async fn start(channels: u64, questions: u64) -> Self {
        let mut home = Home::default();
        home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
        let mut config = SimulatorConfig::default();
        config.knobs.qps = 0;
        config.apps = (0..channels).map(|number| AppConfig::new(&app(number), "secret")).collect();
        config.kept = usize::try_from(questions).unwrap() + 100;
        let simulator = Simulator::start(config).await.expect("the platform starts");
        let agent =
            ScriptedAgent::start(|_| Behaviour::words(ANSWER.to_owned())).await.expect("the agent starts");
        let server = home.serve().await;
        let api = Api::of(&server);
        let agent_id = api.create("/agents", &agent.settings()).await;
        let mut made = Vec::new();
        for number in 0..channels {
            let config =
                json!({ "client_id": app(number), "client_secret": "secret", "calls_per_second": 0 });
            let body = over(
                stage::channel_on(&simulator, &config),
                &json!({ "name": app(number), "default_agent_id": agent_id }),
            );
            made.push(api.create("/channels", &body).await);
        }
        for channel in &made {
            api.wait_connected(channel).await;
        }
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let bench = Self { server, client, channels: made, agent_id, simulator, _agent: agent, _home: home };
        bench.talk(channels, questions).await;
        bench
    }

    /// Everybody asks a few questions of one bot.
    async fn talk(&self, channels: u64, questions: u64) {
        let mut said = 0;
        while self.answered() < usize::try_from(questions).unwrap() {
            let open = usize::try_from(said).unwrap() - self.answered();
            for _ in open..FLIGHT {
                if said == questions {
                    break;
                }
                let person = said / TURNS;
                let (app, who) = (app(person % channels), format!("p{}", person / channels));
                let origin = Origin::private(&format!("cid-{app}-{who}=="), &who);
                self.simulator.push_text(&app, origin, &format!("Question {said}")).unwrap();
                said += 1;
            }
            sleep(LOOK).await;
        }
    }

    fn answered(&self) -> usize {
        self.simulator.observe(|seen| seen.cards().filter(|card| card.state.is_final()).count())
    }

    /// Every page that has something to do with how much there is.
    async fn paths(&self) -> Vec<String> {
        let api = Api::of(&self.server);
        let channel = &self.channels[self.channels.len() / 2];
        let conversation = first_id(&api.get("/conversations?limit=1").await);
        let user = first_id(&api.get("/users?limit=1").await);
        let fixed = [
            "/panel/dashboard",
            "/panel/pieces/measures",
            "/panel/welcome",
            "/panel/channels?list=true",
            "/panel/channels/new",
            "/panel/pieces/channels",
            "/panel/playground",
            "/panel/agents",
            "/panel/agents/new",
            "/panel/conversations",
            "/panel/conversations?q=Question+4711",
            "/panel/failures",
            "/panel/users",
            "/panel/users?q=p7",
            "/panel/directories",
            "/panel/audit",
            "/panel/replicas",
            "/panel/acts",
            "/panel/changes",
            "/panel/tokens",
            "/panel/settings",
            "/api/v1/status?limit=200",
            "/api/v1/channels?limit=200",
            "/api/v1/conversations?limit=200",
            "/api/v1/users?limit=200",
        ];
        let mut paths: Vec<String> = fixed.into_iter().map(str::to_owned).collect();
        for page in ["", "/settings", "/access", "/conversations", "/failures", "/log", "/history"] {
            paths.push(format!("/panel/channels/{channel}{page}"));
        }
        paths.push(format!("/panel/agents/{}", self.agent_id));
        paths.push(format!("/panel/agents/{}/history", self.agent_id));
        paths.push(format!("/panel/conversations/{conversation}"));
        paths.push(format!("/panel/messages/{conversation}-1"));
        paths.push(format!("/panel/users/{user}"));
        paths
    }

    async fn measure(&self, path: &str, cookie: &str) {
        let mut times = Vec::with_capacity(REQUESTS);
        let mut bytes = 0;
        for _ in 0..REQUESTS {
            let began = Instant::now();
            let request = self.client.get(format!("{}{path}", self.server.base())).header(COOKIE, cookie);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            bytes = answer.bytes().await.unwrap().len();
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let shown = shortened(path, &self.channels);
        println!(
            "{shown:46} {:>8.1} {:>8.1} {:>8.1} {bytes:>10}",
            percentile_ms(&times, 50),
            percentile_ms(&times, 95),
            percentile_ms(&times, 100)
        );
    }

    /// The list of channels with everything that a browser fetches for it.
    async fn first_visit(&self, cookie: &str) {
        let base = self.server.base();
        let get = async |path: &str| {
            let request = self.client.get(format!("{base}{path}")).header(COOKIE, cookie);
            request.send().await.unwrap().text().await.unwrap()
        };
        let page = get("/panel/channels").await;
        let mut files: Vec<&str> =
            page.split('"').filter(|text| text.starts_with("/panel/assets/")).collect();
        files.sort_unstable();
        files.dedup();
        let mut bytes = page.len();
        for file in &files {
            bytes += get(file).await.len();
        }
        println!("a first visit: {} requests, {bytes} bytes, not compressed", files.len() + 1);
    }

    /// How long after a change was asked for a watcher hears of it.
    async fn watch(&self) {
        let api = Api::of(&self.server);
        let events = api.events().await;
        let mut times = Vec::with_capacity(CHANGES);
        for number in 0..CHANGES {
            let channel = &self.channels[number % self.channels.len()];
            let began = Instant::now();
            api.send(Method::POST, &format!("/channels/{channel}/disable"), None).await.expect(202);
            let is_it = |event: &Event| {
                event.name == "channel.status"
                    && event.data["channel_id"] == **channel
                    && event.data["status"] == "disabled"
            };
            events.wait_for(|events| events.iter().any(is_it).then_some(())).await;
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let (p50, max) = (times[times.len() / 2], times[times.len() - 1]);
        println!("a change, until a watcher has it: p50 {:.1} ms, max {:.1} ms", millis(p50), millis(max));
    }
}

fn first_id(list: &Value) -> String {
    list["items"][0]["id"].as_str().expect("there is one").to_owned()
}

/// A path without its ids, which say nothing.
fn shortened(path: &str, channels: &[String]) -> String {
    let part = |part: &str| {
        let is_id = ["agt_", "cnv_", "usr_"].iter().any(|kind| part.starts_with(kind))
            || channels.iter().any(|channel| channel == part);
        if is_id { "ID".to_owned() } else { part.to_owned() }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}
