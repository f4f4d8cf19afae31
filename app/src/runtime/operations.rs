//! What the HTTP API and the command line may ask of the running driver.

use std::borrow::Cow;

use async_trait::async_trait;
use switchboard_domain::access;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, ConversationId, ReplicaId, Seq};
use switchboard_domain::inbox::Control;
use switchboard_domain::mapping::Verdict;
use switchboard_domain::message::Sender;
use switchboard_domain::person::Person;
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::{Month, Pace, Usage, Why};
use switchboard_ports::channels::Channel;
use switchboard_ports::durability::Durability;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::Retried;
use switchboard_ports::messages::{Given, NewMessage};
use switchboard_ports::provider::Check;
use switchboard_ports::replicas::ReplicaInfo;
use switchboard_ports::users::{Identity, User};
use tokio::sync::broadcast;

/// The running driver, as its callers see it.
#[async_trait]
pub trait Operations: Send + Sync {
    /// What all replicas observe of these channels, in no order; without those that none of them knows (yet).
    async fn statuses(&self, channels: &[ChannelId]) -> Vec<ChannelStatus>;

    /// What this replica alone observes of all channels, with their settings as it has them, in id order. Asks nobody.
    fn statuses_here(&self) -> Vec<(Channel, ChannelStatus)>;

    /// Takes in what these stored channels have that this replica has not yet heard of: call it before it is asked what it
    /// observes of them. Whatever acts upon a channel does so by itself.
    async fn take_in(&self, stored: &[Channel]) -> Result<(), StoreError>;

    /// What the store may lose of what was acknowledged; none until it was asked.
    fn durability(&self) -> Option<Durability>;

    /// Which replica this is.
    fn replica(&self) -> ReplicaId;

    /// The replicas that live, as they said last, in id order; `None` while the store has not been read for so long that all
    /// of them may be gone.
    fn replicas(&self) -> Option<Vec<ReplicaInfo>>;

    /// Takes a channel's stored settings in: call it after each insert, update or delete in the channel store. Acts within
    /// a second; only this channel is touched, and its connection only where a connection setting changed.
    async fn channel_changed(&self, channel: &ChannelId) -> Result<(), StoreError>;

    /// Takes an agent's stored settings in: the next run uses them.
    async fn agent_changed(&self);

    /// Closes the channel's connection and opens a new one; `false` when the channel is not enabled.
    async fn restart(&self, channel: &ChannelId) -> Result<bool, StoreError>;

    /// Ends a channel for good: closes its sockets, cancels running replies and closes their cards with one sentence, waits up
    /// to 10 s for that, and forgets the channel. The caller deletes the record afterwards.
    async fn withdraw(&self, channel: &ChannelId) -> Result<(), StoreError>;

    /// Puts a control act into a conversation's inbox; `false` when there is no such conversation. Acts at once, however
    /// busy the conversation is.
    async fn control(&self, conversation: &ConversationId, control: Control) -> Result<bool, StoreError>;

    /// The questions of a conversation that have not ended, in order, with what their answers have so far. `None` where this
    /// replica does not have it in memory, or it does not answer at once.
    async fn open_messages(&self, conversation: &ConversationId) -> Option<Vec<OpenMessage>>;

    /// Retries what a failure record tells of: the question is asked again, or the answer delivered again. `None` for an unknown
    /// record. Repeatable: a record is retried once.
    async fn retry(&self, failure: &str) -> Result<Option<Retried>, StoreError>;

    /// Gives a message in that nobody asked for, and has it sent. `None` where the channel is not there, or is being deleted.
    /// Repeatable by the message's id.
    async fn send(&self, message: NewMessage) -> Result<Option<Given>, StoreError>;

    /// Asks a channel's platform with the stored credentials, without connecting. `None` for an unknown channel.
    // The channel's directories are asked, too.
    async fn preflight(&self, channel: &ChannelId) -> Result<Option<Vec<Check>>, StoreError>;

    /// The same with settings that are not stored; they were checked before. Nothing of it stays.
    async fn preflight_of(&self, channel: Channel) -> Result<Vec<Check>, StoreError>;

    /// What would happen to the author of a message, without anything happening. `None` for an unknown channel.
    async fn try_mapping(
        &self,
        channel: &ChannelId,
        sender: Sender,
    ) -> Result<Option<MappingTrial>, StoreError>;

    /// What happens, as it happens. A slow receiver misses the oldest events.
    fn events(&self) -> broadcast::Receiver<RuntimeEvent>;

    /// Whether messages are taken in, or why not.
    async fn ready(&self) -> Result<(), NotReady>;
}

/// A question that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMessage {
    /// Its place in the inbox.
    pub seq: Seq,
    /// When it was accepted.
    pub at: Timestamp,
    /// The question.
    pub text: String,
    /// Whether it is being answered, and does not wait.
    pub runs: bool,
    /// What its answer has so far.
    pub written: String,
}

/// What would happen to an author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingTrial {
    /// The decision and its reason.
    pub verdict: Verdict,
    /// Under which the author is linked.
    pub identity: Identity,
    /// The user concerned, where there is one.
    pub user: Option<User>,
    /// What the channel's directories say.
    pub directory: DirectorySaid,
    /// Whether the author may use the channel, in a private chat.
    pub access: access::Decision,
}

/// What the directories of a channel say of an author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectorySaid {
    /// Nothing: they are not asked.
    NotAsked,
    /// This person.
    Found(Person),
    /// They know nobody.
    Absent,
    /// Several people fit.
    Ambiguous,
    /// One could not be asked; the text says which and why.
    Unavailable(String),
}

/// Why the server takes no messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReady {
    /// The store cannot be reached.
    Store(String),
    /// The server is stopping.
    Stopping,
}

/// What is observed of a channel. The contract's three statuses are a projection of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelStatus {
    /// The channel.
    pub channel: ChannelId,
    /// `connected`, `disconnected` or `disabled`.
    pub status: Cow<'static, str>,
    /// The state machine's own name of its phase.
    pub state: Cow<'static, str>,
    /// Since when it is in this phase.
    pub since: Timestamp,
    /// The last time it became connected.
    pub connected_at: Option<Timestamp>,
    /// How long it has been connected; `None` unless it is.
    pub uptime_ms: Option<u64>,
    /// The last thing that went wrong; stays after a recovery.
    pub last_error: Option<LastError>,
    /// Attempts to connect since it was last connected.
    pub attempt: u32,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Timestamp>,
    /// Open and proven connections.
    pub connections: u32,
    /// The process that this is mostly about.
    pub replica: String,
    /// The last frame of any kind.
    pub last_frame_at: Option<Timestamp>,
    /// The last message taken in.
    pub last_message_at: Option<Timestamp>,
    /// The last reply finished.
    pub last_reply_at: Option<Timestamp>,
    /// What the channel's app used of its monthly quota, as far as this server has counted it.
    pub usage: Option<QuotaUsage>,
    /// Set while one replica alone is connected because the platform closes the older of two connections: when several are
    /// tried again.
    pub one_connection_until: Option<Timestamp>,
    /// What each replica observes, in the order of their ids; empty for what one replica says of itself.
    pub replicas: Vec<ReplicaStatus>,
}

/// What one replica observes of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// The replica.
    pub replica: String,
    /// `connected`, `disconnected` or `disabled`.
    pub status: Cow<'static, str>,
    /// The state machine's own name of its phase.
    pub state: Cow<'static, str>,
    /// Since when it is in this phase.
    pub since: Timestamp,
    /// Open and proven connections.
    pub connections: u32,
    /// The last thing that went wrong there.
    pub last_error: Option<LastError>,
}

impl ReplicaStatus {
    /// One replica's row.
    #[must_use]
    pub fn of(status: &ChannelStatus) -> Self {
        Self {
            replica: status.replica.clone(),
            status: status.status.clone(),
            state: status.state.clone(),
            since: status.since,
            connections: status.connections,
            last_error: status.last_error.clone(),
        }
    }
}

/// What an app used of its monthly quota, by our own count: other programs may use the same app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUsage {
    /// The present month.
    pub month: Month,
    /// The clock by which months turn, in minutes ahead of UTC.
    pub utc_offset_minutes: i16,
    /// What was used in it so far.
    pub usage: Usage,
    /// Calls that the company may make in a month, where the settings say so.
    pub calls_per_month: Option<u64>,
    /// Calls of this month when it is over, if it goes on like this; `None` in its first three days, unless
    /// a quarter is used already.
    pub forecast: Option<u64>,
    /// How often cards are updated.
    pub pace: Pace,
    /// Why so.
    pub why: Why,
    /// What the quota by itself asks for, also where the settings say how often cards are updated.
    pub strain: Why,
    /// Earlier months in which something was used, the newest first; twelve at most.
    pub earlier: Vec<(Month, Usage)>,
}

/// The last thing that went wrong with a channel. Message and remedy texts go with the code, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// What.
    pub code: ErrorCode,
    /// The platform's own words; may be empty.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// A channel's status changed.
    ChannelStatus(Box<ChannelStatus>),
    /// An agent was asked.
    TurnStarted {
        /// The channel.
        channel: ChannelId,
        /// The conversation.
        conversation: ConversationId,
        /// The inbox entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// A turn ended.
    TurnFinished {
        /// The channel.
        channel: ChannelId,
        /// The conversation.
        conversation: ConversationId,
        /// The inbox entry.
        seq: u64,
        /// `answered`, `cancelled`, `refused` or `failed`.
        outcome: Cow<'static, str>,
        /// When.
        at: Timestamp,
    },
    /// A failure record was written.
    Failure {
        /// The channel.
        channel: ChannelId,
        /// The conversation.
        conversation: ConversationId,
        /// The inbox entry.
        seq: u64,
        /// The cause's stable name.
        cause: Cow<'static, str>,
        /// When.
        at: Timestamp,
    },
}
