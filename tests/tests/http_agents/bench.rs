//! Agents, questions, and what came of them in short.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Map;
use switchboard_adapters::agents::kinds;
use switchboard_adapters::net::{Authorities, Network, Proxies};
use switchboard_domain::ids::{AgentId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::TurnLimits;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::{Agent, AgentEvent, AgentKind, AgentUser, RunHandle, RunRequest};
use switchboard_ports::agents::{AgentConfig, AgentMode};
use switchboard_ports::clock::Clock;
use tokio::time::timeout;

/// Nothing here takes nearly as long; whatever does has failed.
pub(crate) const CAP: Duration = Duration::from_mins(1);

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
}

/// Settings of an agent of this kind at this address.
pub(crate) fn config(kind: &str, base_url: &str) -> AgentConfig {
    AgentConfig {
        id: AgentId::new("agt_1"),
        name: "agent".to_owned(),
        kind: kind.to_owned(),
        base_url: base_url.to_owned(),
        api_key: Secret::new("sk-test"),
        model: Some("m".to_owned()),
        system_prompt: None,
        headers: BTreeMap::new(),
        extra_body: Map::new(),
        stream: true,
        mode: AgentMode::Auto,
        connect_timeout: Duration::from_secs(5),
        limits: TurnLimits::default(),
        history_messages_max: 40,
        history_chars_max: 60_000,
        managed_by_file: false,
        version: Version(1),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
    }
}

pub(crate) fn kind(name: &str) -> Arc<dyn AgentKind> {
    let network = Network::new(&Authorities::default(), Proxies::default()).unwrap();
    Arc::clone(&kinds(Arc::new(Midnight), &network)[name])
}

pub(crate) fn build(config: &AgentConfig) -> Arc<dyn Agent> {
    kind(&config.kind).build(config).unwrap()
}

/// A question of somebody.
pub(crate) fn question(who: &str, text: &str) -> RunRequest {
    RunRequest {
        turn: format!("cnv_1-{text}"),
        text: text.to_owned(),
        history: Vec::new(),
        continuation: None,
        model: None,
        user: AgentUser {
            id: format!("usr_{who}"),
            username: who.to_owned(),
            display_name: who.to_owned(),
            platform: "dingtalk".to_owned(),
        },
        attachments: Vec::new(),
        resume: None,
    }
}

/// A whole run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) events: Vec<AgentEvent>,
}

/// Runs to the end.
pub(crate) async fn run(agent: &Arc<dyn Agent>, request: RunRequest) -> Ran {
    let events = timeout(CAP, agent.run(request).collect()).await.expect("a run that ends");
    Ran { events }
}

impl Ran {
    /// All text.
    pub(crate) fn text(&self) -> String {
        let mut said = String::new();
        for event in &self.events {
            if let AgentEvent::Delta(text) = event {
                said.push_str(text);
            }
        }
        said
    }

    /// The text of a run that ended well, and where the next turn goes on from.
    pub(crate) fn answered(&self) -> (String, Option<String>) {
        match self.events.last() {
            Some(AgentEvent::Completed { continuation, .. }) => (self.text(), continuation.clone()),
            other => panic!("not answered: {other:?}"),
        }
    }

    /// The failure's name and detail.
    pub(crate) fn failed(&self) -> (&'static str, String) {
        match self.events.last() {
            Some(AgentEvent::Failed { failure, detail }) => (failure.kind.as_str(), detail.clone()),
            other => panic!("not failed: {other:?}"),
        }
    }

    /// The names that the run had, in order.
    pub(crate) fn handles(&self) -> Vec<RunHandle> {
        let run = |event: &AgentEvent| {
            if let AgentEvent::Started { run } = event { run.clone() } else { None }
        };
        self.events.iter().filter_map(run).collect()
    }
}

/// The first name under which a run can be asked for, with the run dropped there.
pub(crate) async fn begun(agent: &Arc<dyn Agent>, request: RunRequest) -> String {
    let mut events = agent.run(request);
    let find = async {
        while let Some(event) = events.next().await {
            if let AgentEvent::Started { run: Some(RunHandle { id, pollable: true, .. }) } = event {
                return id;
            }
        }
        panic!("the run ended without a name")
    };
    timeout(CAP, find).await.expect("a run that begins")
}
