//! How long a conversation stands still whose replica is killed.
//!
//! Two real servers on a real `redis-server`, the simulated platform and a scripted agent that says a word every 200 ms. In each
//! round 40 people ask, one of the servers is killed (`kill -9`) in the middle, and when each card was next written is read from
//! the platform's own clock. `cargo xtask bench failover` runs it; what it prints goes into RELIABILITY.md. It fails where a message
//! is not answered, never because of a time.
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

use dingtalk_sim::{Card, Observed, Origin, Simulator, SimulatorConfig};
use serde_json::json;
use switchboard_tests::api::Api;
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::{Behaviour, ScriptedAgent};
use switchboard_tests::server::{Home, Server};
use test_servers::redis;

use stage::over;

/// Deaths.
const ROUNDS: usize = 10;
/// People who ask in each round.
const PEOPLE: usize = 40;
/// Between two words of the agent.
const PAUSE: Duration = Duration::from_millis(200);
/// A longer pause than this is a death's: a card is updated every 800 ms.
const USUAL_MS: u64 = 4_000;

#[tokio::main]
async fn main() {
    let redis = redis::Server::start(&[]);
    let mut home = Home::on_redis(&redis.url());
    home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
    let mut config = SimulatorConfig::default();
    config.knobs.qps = 0;
    let simulator = Simulator::start(config).await.expect("the platform starts");
    let words = "word ".repeat(40);
    let says = move |_: &_| Behaviour::Words { text: words.clone(), pause: PAUSE };
    let agent = ScriptedAgent::start(says).await.expect("the agent starts");
    let mut servers = [home.serve().await, home.serve().await];
    make_channel(&servers[0], &simulator, &agent).await;

    let mut pauses = Vec::new();
    for round in 0..ROUNDS {
        both_ready(&servers).await;
        for person in 0..PEOPLE {
            let who = format!("r{round}-p{person}");
            let origin = Origin::private(&stage::chat(&who), &who);
            simulator.push_text(stage::APP, origin, "A question").unwrap();
        }
        let is_written =
            |seen: &Observed| of_round(seen, round).filter(|card| card.text.contains("word")).count();
        looks::until_ok("all are being answered", async || {
            let written = simulator.observe(is_written);
            if written == PEOPLE { Ok(()) } else { Err(written) }
        })
        .await;
        let victim = round % 2;
        // The new one is started at once, as a supervisor would.
        let new = home.spawn(&["serve"]);
        std::mem::replace(&mut servers[victim], new).kill().await;
        let killed_ms = now_ms();
        servers[victim].ready().await;
        let is_ended = |seen: &Observed| of_round(seen, round).filter(|card| card.state.is_final()).count();
        looks::until_ok("all are answered", async || {
            let ended = simulator.observe(is_ended);
            if ended == PEOPLE { Ok(()) } else { Err(ended) }
        })
        .await;
        simulator
            .observe(|seen| pauses.extend(of_round(seen, round).map(|card| stood_still(card, killed_ms))));
    }
    let mut stood: Vec<u64> = pauses.iter().copied().filter(|pause| *pause > USUAL_MS).collect();
    stood.sort_unstable();
    let at = |part: usize| stood[(stood.len() - 1) * part / 100];
    println!("{ROUNDS} deaths, {} answers, {} of them the dead one's", pauses.len(), stood.len());
    println!("these stood still for, in ms: p50 {}, p95 {}, at most {}", at(50), at(95), at(100));
}

async fn make_channel(server: &Server, simulator: &Simulator, agent: &ScriptedAgent) {
    let api = Api::of(server);
    let agent = api.create("/agents", &agent.settings()).await;
    let config = json!({ "ai_card": { "update_interval_ms": 800 } });
    let body = over(stage::channel_on(simulator, &config), &json!({ "default_agent_id": agent }));
    api.create("/channels", &body).await;
}

/// Both know of each other and have shared the partitions.
async fn both_ready(servers: &[Server; 2]) {
    looks::until_ok("the partitions are shared", async || {
        let listed = Api::of(&servers[0]).get("/replicas").await;
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        let parts: Vec<u64> = items.iter().filter_map(|replica| replica["partitions"].as_u64()).collect();
        let connected = items.iter().all(|replica| replica["connections"] == 1);
        let shared =
            parts.len() == 2 && parts.iter().sum::<u64>() == 256 && parts.iter().all(|part| *part > 64);
        if shared && connected { Ok(()) } else { Err(listed) }
    })
    .await;
}

fn of_round(seen: &Observed, round: usize) -> impl Iterator<Item = &Card> {
    let begins = format!("cid-r{round}-");
    seen.cards().filter(move |card| card.conversations.iter().any(|of| of.starts_with(&begins)))
}

/// From the death to what the card showed next.
fn stood_still(card: &Card, killed_ms: u64) -> u64 {
    let next = card.shown.iter().find(|shown| shown.at_ms > killed_ms).expect("it went on");
    next.at_ms - killed_ms
}

fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).expect("a clock after 1970")
}
