//! A running process, and what scenarios do with it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use switchboard::runtime::Driver;
use switchboard::runtime::operations::{ChannelStatus, Operations};
use switchboard_domain::ids::{AgentId, ChannelId, ConversationId, ConversationKey, MessageId};
use switchboard_domain::message::Inbound;
use switchboard_domain::outcome::FailureCause;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::page::PageRequest;
use switchboard_ports::provider::Ack;
use switchboard_ports::transcripts::ConversationInfo;

use super::{World, agent_config, channel_config};

/// A running process.
pub struct Process<'w> {
    /// What it runs in.
    pub world: &'w World,
    /// The driver.
    pub driver: Arc<Driver>,
}

impl Process<'_> {
    /// Waits until the channel is connected.
    pub async fn connected(&self) {
        self.until("the channel is connected", || self.world.platform.connections().0 > 0).await;
    }

    /// A message from somebody, delivered again and again until it is acked.
    pub async fn says(&self, person: &str, text: &str) -> MessageId {
        let message = self.world.message(person, text);
        self.deliver(message).await
    }

    /// Delivers a message again and again until it is acked.
    pub async fn deliver(&self, message: Inbound) -> MessageId {
        loop {
            self.connected().await;
            if let Some(ack) = self.world.platform.push(message.clone())
                && ack.await == Ack::Stored
            {
                return message.id;
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    }

    /// Waits for something in virtual time; two hours of it are a failure.
    pub async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        for _ in 0..72_000 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never happened: {what}; users saw {:#?}", self.world.platform.seen());
    }

    /// Lets time pass.
    pub async fn wait(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// Makes the agent and the channel that scenarios use, and waits until it is connected.
    pub async fn set_up(&self) {
        self.set_up_with(|_, _| {}).await;
    }

    /// The same, changed by the scenario.
    pub async fn set_up_with(&self, change: impl FnOnce(&mut Channel, &mut AgentConfig)) {
        self.world.set_up_with(change).await;
        self.driver.channel_changed(&channel()).await.expect("the channel starts");
        self.connected().await;
    }

    /// Adds one more channel like the first.
    pub async fn add_channel(&self, id: &str, change: impl FnOnce(&mut Channel)) -> ChannelId {
        let id = ChannelId::new(id);
        let mut channel = channel_config(self.world.clock.now());
        channel.id = id.clone();
        id.as_str().clone_into(&mut channel.name);
        change(&mut channel);
        self.world.stores().channels.insert(&channel).await.expect("a channel");
        self.driver.channel_changed(&id).await.expect("the channel starts");
        id
    }

    /// Changes a channel's stored settings and has them taken in.
    pub async fn patch(&self, id: &ChannelId, change: impl FnOnce(&mut Channel)) {
        let channels = &self.world.stores().channels;
        let mut channel = channels.find(id).await.expect("channels").expect("the channel");
        let version = channel.version;
        change(&mut channel);
        channels.update(&channel, version).await.expect("a change");
        self.driver.channel_changed(id).await.expect("the change is taken in");
    }

    /// Changes an agent's stored settings and has them taken in.
    pub async fn edit_agent(&self, id: &str, change: impl FnOnce(&mut AgentConfig)) {
        let agents = &self.world.stores().agents;
        let mut agent = agents.find(&AgentId::new(id)).await.expect("agents").expect("the agent");
        let version = agent.version;
        change(&mut agent);
        agents.update(&agent, version).await.expect("a change");
        self.driver.agent_changed().await;
    }

    /// Adds one more agent like the first.
    pub async fn add_agent(&self, id: &str) {
        let mut agent = agent_config(self.world.clock.now());
        agent.id = AgentId::new(id);
        id.clone_into(&mut agent.name);
        self.world.stores().agents.insert(&agent).await.expect("an agent");
    }

    /// The status of the channel that scenarios use.
    pub fn status(&self) -> ChannelStatus {
        self.status_of(&channel()).expect("a known channel")
    }

    /// The status of any channel; none of one that the driver does not know.
    pub fn status_of(&self, channel: &ChannelId) -> Option<ChannelStatus> {
        let asked = std::slice::from_ref(channel);
        self.driver.statuses(asked).now_or_never().expect("memory answers at once").pop()
    }

    /// Pushes a message without waiting for its ack; says when it comes.
    pub fn push(&self, message: Inbound) -> tokio::task::JoinHandle<Ack> {
        tokio::spawn(self.world.platform.push(message).expect("a connection"))
    }

    /// Waits until so many answers and sentences were seen whole.
    pub async fn finals(&self, count: usize) {
        self.until("so many ends", || self.world.platform.finals().len() >= count).await;
    }

    /// Waits until somebody saw this.
    pub async fn sees(&self, text: &str) {
        let seen = || self.world.platform.seen().iter().any(|seen| seen.text.contains(text));
        self.until(text, seen).await;
    }

    /// Causes of all failure records, oldest first.
    pub async fn failures(&self) -> Vec<FailureCause> {
        let page = PageRequest { limit: 200, after: None };
        let listed = self.world.stores().failures.list(&page).await.expect("failures");
        listed.items.into_iter().rev().map(|info| info.failure.cause).collect()
    }

    /// The record of somebody's private conversation.
    pub async fn conversation(&self, person: &str) -> ConversationInfo {
        let info = self.world.stores().transcripts.conversation(&conversation_of(person)).await;
        info.expect("conversations").expect("the conversation")
    }
}

/// The channel that scenarios use.
fn channel() -> ChannelId {
    ChannelId::new("chn_1")
}

/// The id of somebody's private conversation with the channel that scenarios use.
fn conversation_of(person: &str) -> ConversationId {
    ConversationKey { channel: channel(), chat: format!("chat-{person}"), member: None }.id()
}
