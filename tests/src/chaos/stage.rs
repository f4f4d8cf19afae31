//! The stage of one run: the platform, the agent, the process and whoever starts it again, the load.

use std::sync::Arc;
use std::time::Duration;

use dingtalk_sim::{Simulator, SimulatorConfig};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::Instant;

use super::agents::{self, Trouble};
use super::faults::Faults;
use super::load::Load;
use super::random::Random;
use super::schedule::Schedule;
use super::tally::Tally;
use super::{Cast, Plan, pause, quiet, record};
use crate::api::Api;
use crate::model::Verdict;
use crate::scripted_agent::ScriptedAgent;
use crate::server::{Home, Server};

/// The platform's only app.
pub(super) const APP: &str = "ding-sim-app";

/// Time between two pushes of what is not acked, in milliseconds.
pub(super) const REDELIVERY_MS: u64 = 3_000;

/// Times that a process which ends before it is ready is started again; each takes as long as a locked store is waited for.
const STARTS_MAX: usize = 50;

/// Everything of one run. Fields are dropped in order: the process goes before what it talks to.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) api: Api,
    pub(super) load: Load,
    pub(super) faults: Faults,
    pub(super) trouble: Trouble,
    pub(super) agent: ScriptedAgent,
    pub(super) simulator: Arc<Simulator>,
    pub(super) home: Home,
    pub(super) plan: Plan,
    pub(super) random: Random,
    pub(super) begun: Instant,
    /// The time of `begun` on the wall, in milliseconds since the epoch.
    pub(super) begun_ms: u64,
    pub(super) tally: Tally,
    /// What happened when.
    pub(super) events: Vec<String>,
    /// What went wrong besides what people see.
    pub(super) wrong: Vec<String>,
}

impl Stage {
    /// Everything up to the connected channel, and the load begun.
    pub(super) async fn start(plan: &Plan) -> Self {
        let simulator = Arc::new(Simulator::start(platform(plan)).await.expect("the platform starts"));
        let trouble = Trouble::default();
        let agent = agents::start(plan.seed, trouble.clone()).await;
        let mut home = Home::default();
        home.set("SWITCHBOARD_SERVER__SHUTDOWN_GRACE", "2s");
        home.set("SWITCHBOARD_TELEMETRY__LOG", "info");
        let server = home.serve().await;
        let api = Api::of(&server);
        let agent_id = api.create("/agents", &agent_of(plan, &agent)).await;
        let channel = api.create("/channels", &channel_of(plan, &simulator, &agent_id)).await;
        api.wait_connected(&channel).await;
        let load = Load::start(&simulator, plan.seed, plan.rate);
        Self {
            server,
            api,
            load,
            faults: Faults::default(),
            trouble,
            agent,
            simulator,
            home,
            random: Random::new(plan.seed, 4),
            plan: plan.clone(),
            begun: Instant::now(),
            begun_ms: u64::try_from(jiff::Timestamp::now().as_millisecond()).expect("after 1970"),
            tally: Tally::default(),
            events: Vec::new(),
            wrong: Vec::new(),
        }
    }

    /// Carries out a schedule; then the load ends and everything is lifted.
    pub(super) async fn carry_out(&mut self, schedule: &Schedule) {
        for (after, what) in &schedule.steps {
            pause(*after).await;
            self.must_live().await;
            let outcome = self.carry_out_one(*what).await;
            self.note(&format!("{what:?}: {outcome}"));
        }
        self.load.end().await;
        self.tally.loaded_ms += u64::try_from(self.begun.elapsed().as_millis()).expect("short");
        self.faults.all_lifted().await;
        self.simulator.clear_faults();
        self.trouble.set(0);
        self.must_live().await;
    }

    /// What people have seen in the end, judged.
    pub(super) async fn judge(&mut self) -> (Verdict, Tally) {
        let verdict = quiet::judged(self).await;
        let mut tally = self.tally.clone();
        let failures = record::pages(&self.api, "/failures").await;
        tally.failures(failures.iter().filter_map(|record| record["cause"].as_str()));
        tally.count(self, &verdict);
        (verdict, tally)
    }

    /// Ends what is left of it.
    pub(super) async fn end(self) {
        self.server.terminate().await;
    }

    pub(super) fn note(&mut self, what: &str) {
        self.events.push(format!("{:>9} ms {what}", self.begun.elapsed().as_millis()));
    }

    /// A process that nobody told to end is to be there.
    async fn must_live(&mut self) {
        if let Some(status) = self.server.ended() {
            self.wrong.push(format!("the server ended by itself with {status}"));
            self.note(&format!("the server ended by itself with {status}"));
            self.serve().await;
        }
    }

    /// Starts a process, and again where it ends before it is ready, as a supervisor would.
    pub(super) async fn serve(&mut self) {
        for _ in 0..STARTS_MAX {
            let server = self.home.spawn(&["serve"]);
            if self.take(server).await {
                return;
            }
        }
        panic!("the server did not start {STARTS_MAX} times: {}", self.server.log());
    }

    /// Goes on with this process once it is ready; whether it ever was.
    pub(super) async fn take(&mut self, server: Server) -> bool {
        let begun = Instant::now();
        self.server = server;
        if !self.server.ready_or_ended().await {
            self.tally.failed_starts += 1;
            return false;
        }
        self.tally.starts += 1;
        let took = u64::try_from(begun.elapsed().as_millis()).expect("short");
        self.tally.ready_ms_max = self.tally.ready_ms_max.max(took);
        self.api = Api::of(&self.server);
        true
    }

    /// `kill -9`, and nothing else until it is gone.
    pub(super) async fn kill(&mut self) {
        self.server.signal(Signal::SIGKILL);
        self.server.end().await;
        self.tally.kills += 1;
    }
}

fn platform(plan: &Plan) -> SimulatorConfig {
    let mut config = SimulatorConfig { seed: plan.seed, ..SimulatorConfig::default() };
    let knobs = &mut config.knobs;
    knobs.qps = 0;
    knobs.redelivery_after_ms = REDELIVERY_MS;
    knobs.redelivery_max = u32::MAX;
    // A frozen or starved process acks late.
    knobs.ack_ms_max = 0;
    knobs.stale_ms = 5_000;
    if matches!(plan.cast, Cast::Sockets | Cast::Everything) {
        knobs.duplicate_rate = 0.1;
        knobs.swallow_rate = 0.05;
    }
    config
}

fn agent_of(plan: &Plan, agent: &ScriptedAgent) -> serde_json::Value {
    let usual = Duration::from_mins(1).as_millis();
    let fails = matches!(plan.cast, Cast::Agent | Cast::Everything);
    let timeout = if fails { u128::from(agents::TIMEOUT_MS) } else { usual };
    let mut settings = agent.settings();
    for bound in ["first_output_timeout_ms", "idle_timeout_ms"] {
        settings[bound] = json!(timeout);
    }
    settings
}

fn channel_of(plan: &Plan, simulator: &Simulator, agent: &str) -> serde_json::Value {
    let base = simulator.base_url();
    json!({
        "name": "Bot", "type": "dingtalk", "default_agent_id": agent,
        "config": {
            "client_id": APP, "client_secret": "sim-secret", "calls_per_second": 0,
            "ai_card": { "enabled": plan.cards, "update_interval_ms": 150 },
            "api_base_url": base, "oapi_base_url": base,
        },
        "access": { "messages_per_minute": 0 },
    })
}
