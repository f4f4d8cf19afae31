//! Replicas of one store: which ones live, what each of them observes, and what they tell each other.
//!
//! Who lives is the ground on which the domain's placement stands. Nothing here is needed for correctness of what is stored
//! (that is the partitions' leases); it decides where work is done, and lets every replica show the whole.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use switchboard_domain::eviction::Life;
use switchboard_domain::ids::{ChannelId, ConversationId, Partition, ReplicaId};
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;

/// Longest news in one note, in bytes.
pub const NEWS_BYTES_MAX: usize = 16 * 1024;

/// Notes kept for a listener that is slow; of more, the oldest are [`Note::Missed`].
pub const NOTES_KEPT_MAX: usize = 1_024;

/// The place of whoever changes settings, for [`ReplicaStore::hold`]; no channel has this id.
#[must_use]
pub fn settings_place() -> ChannelId {
    ChannelId::new("settings")
}

/// The place of whoever tells alerts, for [`ReplicaStore::hold`]; no channel has this id.
#[must_use]
pub fn alerts_place() -> ChannelId {
    ChannelId::new("alerts")
}

/// Who lives, and what they observe.
#[async_trait]
pub trait ReplicaStore: Send + Sync {
    /// Says that a replica lives, for `ttl` from now, and what it observes: rows of channels stay until they are replaced or
    /// [`Report::gone`]. Repeatable. After a time-out: unknown, repeat it.
    async fn report(&self, report: &Report, ttl: Duration) -> Result<(), StoreError>;

    /// Takes a replica off the list with everything it said, and the places that it has. Repeatable.
    async fn leave(&self, replica: &ReplicaId) -> Result<(), StoreError>;

    /// The replicas whose last report still counts, in id order, and the revision of settings.
    async fn roll(&self) -> Result<Roll, StoreError>;

    /// What live replicas observe of these channels, by replica.
    async fn observed(&self, channels: &[ChannelId]) -> Result<Vec<(ReplicaId, Observed)>, StoreError>;

    /// Takes or keeps the only place at a channel's platform for `ttl` from now, or gives it up with a `ttl` of zero; whether
    /// the replica has it afterwards. Somebody else's place is never taken before it has run out. Repeatable.
    async fn hold(&self, channel: &ChannelId, replica: &ReplicaId, ttl: Duration)
    -> Result<bool, StoreError>;

    /// Notes that a channel's platform closes the older of two connections, for `ttl` from now, or takes that back with a `ttl`
    /// of zero. Repeatable. It shows in the [`Roll`].
    async fn note_eviction(&self, channel: &ChannelId, ttl: Duration) -> Result<(), StoreError>;
}

/// What replicas tell each other.
#[async_trait]
pub trait Bulletin: Send + Sync {
    /// Tells all replicas something, this one included. A hint that may be lost, except that the count of a
    /// [`Note::Restart`] is kept: see [`Bulletin::restarts`]. Repeating it tells it twice.
    async fn post(&self, from: &ReplicaId, note: &Note) -> Result<(), StoreError>;

    /// What is told from now on, with who told it.
    fn notes(&self) -> BoxStream<'static, (ReplicaId, Note)>;

    /// How often a restart was asked for, by channel; each also changes the revision of settings.
    async fn restarts(&self) -> Result<Vec<(ChannelId, u64)>, StoreError>;
}

/// What a replica says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Itself.
    pub info: ReplicaInfo,
    /// What it observes of channels, where that has changed since its last report.
    pub channels: Vec<Observed>,
    /// Channels that it does not have any more.
    pub gone: Vec<ChannelId>,
    /// Whether rows not named here are to be forgotten: the first report, and the first after trouble.
    pub whole: bool,
}

/// One running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaInfo {
    /// Its id; a process that is started again is another replica.
    pub id: ReplicaId,
    /// The program's version.
    pub version: String,
    /// The machine's name, where it is known.
    pub host: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// Partitions whose lease it has.
    pub partitions: u32,
    /// Open and proven connections to platforms.
    pub connections: u32,
}

/// Who lives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roll {
    /// In id order.
    pub live: Vec<ReplicaInfo>,
    /// Another number after each change to a channel or an agent, and after each restart asked for.
    pub revision: u64,
    /// Channels whose platform closes the older of two connections, and until when that is believed.
    pub evicting: BTreeMap<ChannelId, Timestamp>,
}

/// What a replica observes of a channel: the contract's status, as plain values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The channel.
    pub channel: ChannelId,
    /// `connected`, `disconnected` or `disabled`.
    pub status: String,
    /// The state machine's own name of its phase.
    pub state: String,
    /// Since when it is in this phase.
    pub since: Timestamp,
    /// The last time it became connected.
    pub connected_at: Option<Timestamp>,
    /// The last thing that went wrong: code, the platform's own words, when.
    pub last_error: Option<(String, String, Timestamp)>,
    /// Attempts to connect since it was last connected.
    pub attempt: u32,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Timestamp>,
    /// Open and proven connections.
    pub connections: u32,
    /// The last frame of any kind.
    pub last_frame_at: Option<Timestamp>,
    /// The last message taken in.
    pub last_message_at: Option<Timestamp>,
    /// The last reply finished.
    pub last_reply_at: Option<Timestamp>,
    /// What became of its last connections, the oldest first.
    pub lives: Vec<Life>,
}

/// What one replica tells the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A channel's stored settings changed, or it is gone.
    ChannelChanged(ChannelId),
    /// Stored settings of agents changed.
    AgentsChanged,
    /// A channel is to open a new connection.
    Restart(ChannelId),
    /// A channel is about to be deleted: nothing of it is taken in any more.
    Withdrawn(ChannelId),
    /// Something new is in a conversation's inbox (R5).
    Wake {
        /// Its partition.
        partition: Partition,
        /// The conversation.
        conversation: ConversationId,
    },
    /// A button was pressed on a card that the teller does not know.
    Pressed {
        /// The channel.
        channel: ChannelId,
        /// The card.
        card: String,
        /// The platform's id of the person.
        person: String,
    },
    /// Partitions or places have become free.
    Freed,
    /// Something that people who watch a replica want to hear of, in the words of the application.
    News(String),
    /// Notes were lost: whatever they could have said has to be looked up.
    Missed,
}
