//! What most tests begin with: a simulated platform, a scripted agent, a server, one connected channel between them.

use dingtalk_sim::load::{Load, LoadPlan};
use dingtalk_sim::{Observed, Origin, PushHandle, Simulator, SimulatorConfig};
use serde_json::{Value, json};
use switchboard_tests::api::Api;
use switchboard_tests::scripted_agent::{Asked, Behaviour, ScriptedAgent};
use switchboard_tests::server::{ALARMS, CAP, Home, Server};

/// The simulated platform's only app, unless a test has more.
pub(crate) const APP: &str = "ding-sim-app";
/// Its secret.
pub(crate) const APP_SECRET: &str = "sim-secret";

/// A running stage. Fields are dropped in order: the server goes before what it talks to.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) api: Api,
    pub(crate) channel: String,
    pub(crate) agent: ScriptedAgent,
    pub(crate) simulator: Simulator,
    pub(crate) home: Home,
}

/// What a stage is made of; a test changes what it needs before it starts.
pub(crate) struct Plan {
    pub(crate) home: Home,
    pub(crate) simulator: SimulatorConfig,
    /// Over the usual fields of `POST /agents`.
    pub(crate) agent: Value,
    /// Over the usual fields of `POST /channels`.
    pub(crate) channel: Value,
    /// Over the usual `config` of the channel.
    pub(crate) config: Value,
}

impl Default for Plan {
    fn default() -> Self {
        let mut simulator = SimulatorConfig::default();
        simulator.knobs.qps = 0;
        let nothing = || json!({});
        Self { home: Home::default(), simulator, agent: nothing(), channel: nothing(), config: nothing() }
    }
}

/// Answers each question with itself.
pub(crate) fn echo(asked: &Asked) -> Behaviour {
    Behaviour::words(answer_to(asked.question()))
}

/// What [`echo`] answers.
pub(crate) fn answer_to(question: &str) -> String {
    format!("You said: {question}")
}

/// The usual fields with a test's own over them.
pub(crate) fn over(mut usual: Value, own: &Value) -> Value {
    for (name, value) in own.as_object().expect("an object") {
        usual[name.as_str()] = value.clone();
    }
    usual
}

/// The fields of a channel on the simulated platform, without an agent.
pub(crate) fn channel_on(simulator: &Simulator, config: &Value) -> Value {
    channel_at(simulator.base_url(), config)
}

/// The same by the platform's address.
pub(crate) fn channel_at(base: &str, config: &Value) -> Value {
    let usual = json!({
        "client_id": APP, "client_secret": APP_SECRET, "calls_per_second": 0,
        "ai_card": { "update_interval_ms": 50 }, "api_base_url": base, "oapi_base_url": base,
    });
    json!({ "name": "Bot", "type": "dingtalk", "config": over(usual, config), "access": { "messages_per_minute": 0 } })
}

impl Stage {
    /// The usual stage.
    pub(crate) async fn start() -> Self {
        Plan::default().start().await
    }

    /// Somebody writes to the bot in private.
    pub(crate) fn say(&self, who: &str, text: &str) -> PushHandle {
        self.simulator.push_text(APP, Origin::private(&chat(who), who), text).expect("the platform takes it")
    }

    /// What the bot has said to somebody in private, as it stands now.
    pub(crate) fn texts(&self, who: &str) -> Vec<String> {
        self.simulator.observe(|seen| seen.robot_texts(&chat(who)))
    }

    /// Waits until what the bot has said to somebody in private is this, and no card of it is open.
    pub(crate) async fn wait_texts(&self, who: &str, wanted: &[&str]) {
        let outcome = self.simulator.wait_for(CAP, |seen| is_said(seen, &chat(who), wanted)).await;
        if let Err(error) = outcome {
            panic!("{who} reads {:#?} instead of {wanted:#?}: {error}", self.texts(who));
        }
    }

    /// Waits until the bot has said so many things to somebody in private, and no card of it is open.
    pub(crate) async fn wait_count(&self, who: &str, count: usize) {
        let is_said = |seen: &Observed| {
            let is_closed = seen.cards_in(&chat(who)).iter().all(|card| card.state.is_final());
            is_closed && seen.robot_texts(&chat(who)).len() >= count
        };
        self.simulator.wait_for(CAP, is_said).await.unwrap_or_else(|error| panic!("{who}: {error}"));
    }

    /// Waits until the agent was asked this.
    pub(crate) async fn wait_asked(&self, question: &str) {
        let is_asked = |all: &[Asked]| all.iter().any(|asked| asked.question() == question);
        self.agent.wait_for(is_asked, CAP).await.expect("the agent is asked");
    }

    /// Waits until somebody sees this in the bot's newest card while it is written.
    pub(crate) async fn wait_streaming(&self, who: &str, beginning: &str) {
        let shows = |seen: &Observed| {
            let cards = seen.cards_in(&chat(who));
            cards.last().is_some_and(|card| !card.state.is_final() && card.text.starts_with(beginning))
        };
        self.simulator.wait_for(CAP, shows).await.expect("the card streams");
    }

    /// Starts a server on the same store; the one before has to be gone.
    pub(crate) async fn serve_again(&mut self) {
        self.server = self.home.serve().await;
        self.api = Api::of(&self.server);
    }

    /// The server dies without a word, and another one is started on its store.
    pub(crate) async fn kill_and_serve(self) -> Self {
        let Self { server, channel, agent, simulator, home, .. } = self;
        server.kill().await;
        let server = home.serve().await;
        Self { api: Api::of(&server), server, channel, agent, simulator, home }
    }

    /// Nothing happened that cannot happen, in any of the servers so far.
    pub(crate) fn assert_no_alarm(&self) {
        no_alarm(&self.home);
    }
}

/// Nothing happened that cannot happen, in any of the servers of a home so far.
pub(crate) fn no_alarm(home: &Home) {
    let logs = home.logs();
    for sign in ALARMS {
        let line = logs.lines().find(|line| line.contains(sign));
        assert_eq!(line, None);
    }
}

/// A server with a connected channel for each app of a load, whose built-in agent answers, and the load, ready to run.
pub(crate) async fn under_load(home: &Home, plan: LoadPlan, config: &Value) -> (Server, Load) {
    let server = home.serve().await;
    let load = load_on(&server, plan, config).await;
    (server, load)
}

/// The same on a server that is there already.
pub(crate) async fn load_on(server: &Server, plan: LoadPlan, config: &Value) -> Load {
    let pid = u32::try_from(server.process_id()).expect("a process id");
    let apps = plan.apps.clone();
    let load = Load::start(LoadPlan { pids: vec![pid], ..plan }).await.expect("the load starts");
    let api = Api::of(server);
    let url = load.agent_url().expect("the load has an agent");
    let agent = json!({ "name": "load", "kind": "openai-chat", "base_url": url, "model": "load" });
    let agent = api.create("/agents", &agent).await;
    for app in apps {
        let own = json!({ "client_id": app.client_id, "client_secret": app.client_secret });
        let channel = json!({ "name": app.client_id, "default_agent_id": agent });
        api.create("/channels", &over(channel_at(load.base_url(), &over(own, config)), &channel)).await;
    }
    load.connected().await.expect("every app has its bot");
    load
}

/// The private conversation of somebody with the bot.
pub(crate) fn chat(who: &str) -> String {
    format!("cid-{who}==")
}

fn is_said(seen: &Observed, conversation: &str, wanted: &[&str]) -> bool {
    seen.cards_in(conversation).iter().all(|card| card.state.is_final())
        && seen.robot_texts(conversation) == wanted
}

impl Plan {
    /// Starts everything, up to the connected channel.
    pub(crate) async fn start(self) -> Stage {
        let simulator = Simulator::start(self.simulator).await.expect("the platform starts");
        let agent = ScriptedAgent::start(echo).await.expect("the agent starts");
        let server = self.home.serve().await;
        let api = Api::of(&server);
        let agent_id = api.create("/agents", &over(agent.settings(), &self.agent)).await;
        let mut usual = channel_on(&simulator, &self.config);
        usual["default_agent_id"] = json!(agent_id);
        let channel = api.create("/channels", &over(usual, &self.channel)).await;
        api.wait_connected(&channel).await;
        Stage { server, api, channel, agent, simulator, home: self.home }
    }
}
