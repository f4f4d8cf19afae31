//! Agents, questions, and what came of them in short.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use switchboard_adapters::agents::kinds;
use switchboard_adapters::net::{Authorities, Network, Proxies};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::{Agent, AgentEvent, AgentKind, AgentUser, RunHandle, RunRequest};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::clock::Clock;
use switchboard_ports::conformance::samples;
pub(crate) use switchboard_ports::conformance::samples::agent as config;
use tokio::time::timeout;

/// Nothing here takes nearly as long; whatever does has failed.
pub(crate) const CAP: Duration = Duration::from_mins(1);

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
}

pub(crate) fn kind(name: &str) -> Arc<dyn AgentKind> {
    let network = Network::new(&Authorities::default(), Proxies::default()).unwrap();
    Arc::clone(&kinds(Arc::new(Midnight), &network)[name])
}

pub(crate) fn build(config: &AgentConfig) -> Arc<dyn Agent> {
    kind(&config.kind).build(config).unwrap()
}

/// A question of somebody; questions with other words are other turns.
pub(crate) fn question(who: &str, text: &str) -> RunRequest {
    let asked = samples::question(who, text);
    let user = AgentUser { id: format!("usr_{who}"), display_name: who.to_owned(), ..asked.user };
    RunRequest { turn: format!("cnv_1-{text}"), user, ..asked }
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
