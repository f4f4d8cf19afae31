//! A driver that remembers what it was asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, ConversationId, ReplicaId, Seq, Version};
use switchboard_domain::inbox::Control;
use switchboard_domain::message::Sender;
use switchboard_domain::notice::Finding;
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::durability::{Durability, Loss};
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::Retried;
use switchboard_ports::messages::{Given, MessageRecord, NewMessage};
use switchboard_ports::provider::{Check, CheckResult};
use switchboard_ports::replicas::ReplicaInfo;
use tokio::sync::broadcast;

use super::START_MS;
use crate::runtime::operations::{
    ChannelStatus, MappingTrial, NotReady, OpenMessage, Operations, RuntimeEvent,
};

/// The driver's stand-in.
pub(crate) struct FakeOperations {
    /// What it was asked, in order.
    pub(crate) calls: Mutex<Vec<String>>,
    /// What it observes.
    pub(crate) statuses: Mutex<BTreeMap<ChannelId, ChannelStatus>>,
    /// What it has of its own.
    pub(crate) here: Mutex<Vec<(Channel, ChannelStatus)>>,
    /// What it was to take in before it was asked for a status.
    pub(crate) taken_in: Mutex<Vec<(ChannelId, Version)>>,
    /// Whether it has not seen the others for too long.
    pub(crate) knows_nobody: AtomicBool,
    /// What it answers to `ready`.
    pub(crate) ready: Mutex<Result<(), NotReady>>,
    /// Whether it withdraws nothing.
    pub(crate) withdraws_nothing: AtomicBool,
    /// Conversations it knows.
    pub(crate) conversations: Mutex<Vec<ConversationId>>,
    /// What is open in conversations.
    pub(crate) open: Mutex<BTreeMap<ConversationId, Vec<OpenMessage>>>,
    /// What becomes of retries.
    pub(crate) retries: Mutex<BTreeMap<String, Retried>>,
    /// Messages it was given.
    pub(crate) sent: Mutex<Vec<NewMessage>>,
    /// What it answers to them, instead of taking them.
    pub(crate) given: Mutex<Taking>,
    /// Whose mapping was tried.
    pub(crate) asked: Mutex<Vec<String>>,
    /// What comes of it.
    pub(crate) trial: Mutex<Option<MappingTrial>>,
    events: broadcast::Sender<RuntimeEvent>,
}

/// What becomes of a message that is given to it.
#[derive(Default)]
pub(crate) enum Taking {
    /// It is taken.
    #[default]
    New,
    /// Nobody would take it up.
    Nobody,
    /// This is answered.
    Answered(Given),
}

impl Default for FakeOperations {
    fn default() -> Self {
        Self {
            calls: Mutex::default(),
            statuses: Mutex::default(),
            here: Mutex::default(),
            taken_in: Mutex::default(),
            knows_nobody: AtomicBool::new(false),
            ready: Mutex::new(Ok(())),
            withdraws_nothing: AtomicBool::new(false),
            conversations: Mutex::default(),
            open: Mutex::default(),
            retries: Mutex::default(),
            sent: Mutex::default(),
            given: Mutex::default(),
            asked: Mutex::default(),
            trial: Mutex::default(),
            events: broadcast::channel(4).0,
        }
    }
}

impl FakeOperations {
    pub(crate) fn calls(&self) -> MutexGuard<'_, Vec<String>> {
        self.calls.lock().unwrap()
    }

    pub(crate) fn publish(&self, event: RuntimeEvent) {
        let _ = self.events.send(event);
    }

    pub(crate) fn listeners(&self) -> usize {
        self.events.receiver_count()
    }

    pub(crate) fn observe(&self, status: ChannelStatus) {
        self.statuses.lock().unwrap().insert(status.channel.clone(), status);
    }
}

/// A connected channel.
pub(crate) fn connected(channel: &ChannelId) -> ChannelStatus {
    let since = Timestamp::from_millis(START_MS);
    ChannelStatus {
        channel: channel.clone(),
        status: "connected".into(),
        state: "connected".into(),
        since,
        connected_at: Some(since),
        uptime_ms: Some(12_500),
        last_error: None,
        attempt: 0,
        next_attempt_at: None,
        connections: 1,
        replica: String::from("r1"),
        last_frame_at: Some(since),
        last_message_at: None,
        last_reply_at: None,
        usage: None,
        one_connection_until: None,
        replicas: Vec::new(),
    }
}

#[async_trait]
impl Operations for FakeOperations {
    async fn statuses(&self, channels: &[ChannelId]) -> Vec<ChannelStatus> {
        let statuses = self.statuses.lock().unwrap();
        channels.iter().filter_map(|channel| statuses.get(channel).cloned()).collect()
    }

    fn statuses_here(&self) -> Vec<(Channel, ChannelStatus)> {
        self.here.lock().unwrap().clone()
    }

    async fn take_in(&self, stored: &[Channel]) -> Result<(), StoreError> {
        let mut taken_in = self.taken_in.lock().unwrap();
        taken_in.extend(stored.iter().map(|channel| (channel.id.clone(), channel.version)));
        Ok(())
    }

    fn durability(&self) -> Option<Durability> {
        Some(Durability::Lossy(vec![Loss::SyncedEachSecond, Loss::Evicting("allkeys-lru".to_owned())]))
    }

    fn replica(&self) -> ReplicaId {
        ReplicaId::new("r1")
    }

    fn replicas(&self) -> Option<Vec<ReplicaInfo>> {
        (!self.knows_nobody.load(Ordering::Relaxed)).then(|| {
            vec![ReplicaInfo {
                id: ReplicaId::new("r1"),
                version: "0.1.0".to_owned(),
                host: Some("here".to_owned()),
                started_at: Timestamp::from_millis(START_MS),
                partitions: 256,
                connections: 1,
            }]
        })
    }

    async fn channel_changed(&self, channel: &ChannelId) -> Result<(), StoreError> {
        self.calls().push(format!("channel_changed {channel}"));
        Ok(())
    }

    async fn agent_changed(&self) {
        self.calls().push(String::from("agent_changed"));
    }

    async fn restart(&self, channel: &ChannelId) -> Result<bool, StoreError> {
        self.calls().push(format!("restart {channel}"));
        Ok(true)
    }

    async fn withdraw(&self, channel: &ChannelId) -> Result<(), StoreError> {
        self.calls().push(format!("withdraw {channel}"));
        if self.withdraws_nothing.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("away".to_owned()));
        }
        Ok(())
    }

    async fn control(&self, conversation: &ConversationId, control: Control) -> Result<bool, StoreError> {
        let known = self.conversations.lock().unwrap().contains(conversation);
        if known {
            self.calls().push(format!("control {control:?}"));
        }
        Ok(known)
    }

    async fn open_messages(&self, conversation: &ConversationId) -> Option<Vec<OpenMessage>> {
        self.open.lock().unwrap().get(conversation).cloned()
    }

    async fn retry(&self, failure: &str) -> Result<Option<Retried>, StoreError> {
        self.calls().push(format!("retry {failure}"));
        Ok(self.retries.lock().unwrap().get(failure).cloned())
    }

    async fn send(&self, message: NewMessage) -> Result<Option<Given>, StoreError> {
        self.calls().push(format!("send {}", message.key.chat));
        let given = match &*self.given.lock().unwrap() {
            Taking::Answered(given) => Some(given.clone()),
            Taking::Nobody => None,
            Taking::New => Some(Given::Now {
                record: MessageRecord::new(&message, Timestamp::from_millis(START_MS)),
                seq: Seq(1),
                partition: message.key.partition(),
            }),
        };
        self.sent.lock().unwrap().push(message);
        Ok(given)
    }

    async fn preflight(&self, channel: &ChannelId) -> Result<Option<Vec<Check>>, StoreError> {
        self.calls().push(format!("preflight {channel}"));
        let check =
            |name, result, finding, detail: &str| Check { name, result, finding, detail: detail.to_owned() };
        Ok(Some(vec![
            check("token", CheckResult::Failed, Finding::Error(ErrorCode::InvalidCredentials), "40089"),
            check("card", CheckResult::CannotBeTold, Finding::SeeOtherChecks, ""),
        ]))
    }

    async fn preflight_of(&self, channel: Channel) -> Result<Vec<Check>, StoreError> {
        self.calls().push(format!("preflight of {}", channel.name));
        Ok(Vec::new())
    }

    async fn try_mapping(
        &self,
        channel: &ChannelId,
        sender: Sender,
    ) -> Result<Option<MappingTrial>, StoreError> {
        self.asked.lock().unwrap().push(format!("{channel} {:?}", sender.im_user_id));
        Ok(self.trial.lock().unwrap().clone())
    }

    fn events(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.events.subscribe()
    }

    async fn ready(&self) -> Result<(), NotReady> {
        self.ready.lock().unwrap().clone()
    }
}
