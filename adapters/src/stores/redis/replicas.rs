//! Who lives and what they observe, in Redis; what they tell each other goes over its publish and subscribe.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use switchboard_domain::eviction::{self, Life};
use switchboard_domain::ids::{ChannelId, ConversationId, Partition, ReplicaId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::{
    Bulletin, NEWS_BYTES_MAX, NOTES_KEPT_MAX, Note, Observed, ReplicaInfo, ReplicaStore, Report, Roll,
};
use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Core;
use crate::stores::replicas::told;

/// The pause before a lost subscription is made again.
const SUBSCRIBE_PAUSE: Duration = Duration::from_millis(500);

/// A subscription that has been silent for so long is made anew: a connection that was cut without a word is silent, too.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A replica's word counts for so long at most where it does not say for how long: versions before this one did not.
const UNSAID_TTL: Duration = Duration::from_mins(1);

/// Replicas of one store.
pub(super) struct Replicas {
    core: Arc<Core>,
    notes: broadcast::Sender<(ReplicaId, Note)>,
    _listening: DropGuard,
}

impl Replicas {
    /// Begins to listen.
    pub(super) fn new(core: Arc<Core>) -> Self {
        let notes = broadcast::channel(NOTES_KEPT_MAX).0;
        let end = CancellationToken::new();
        let listening = listen(Arc::clone(&core), notes.clone());
        tokio::spawn(end.clone().run_until_cancelled_owned(listening));
        Self { core, notes, _listening: end.drop_guard() }
    }

    /// Those whose last report still counts, in id order, and the channels whose platform evicts.
    async fn live(&self) -> Result<(Vec<ReplicaInfo>, BTreeMap<ChannelId, Timestamp>), StoreError> {
        let core = &self.core;
        let (rows, evicting) = called(core).await?;
        let live = rows.into_iter().map(|(id, text)| {
            let record: InfoRecord = read(core, &id, &text)?;
            Ok(record.open(ReplicaId::new(id)))
        });
        let evicting =
            evicting.into_iter().map(|(id, until)| (ChannelId::new(id), Timestamp::from_millis(until)));
        Ok((live.collect::<Result<_, StoreError>>()?, evicting.collect()))
    }

    fn evicting(&self) -> String {
        evicting(&self.core)
    }

    fn rows(&self, replica: &str) -> String {
        rows(&self.core, replica)
    }
}

fn evicting(core: &Core) -> String {
    core.keys.shared("replicas", "evicting")
}

fn rows(core: &Core, replica: &str) -> String {
    core.keys.shared("replicas", format_args!("rows:{replica}"))
}

/// What those who live wrote of themselves, by id, and until when which channel's platform is believed to evict.
pub(super) type Called = (BTreeMap<String, String>, Vec<(String, u64)>);

/// Calls the roll; who does not live any more is forgotten.
pub(super) async fn called(core: &Core) -> Result<Called, StoreError> {
    let mut call = core.scripts.roll.prepare_invoke();
    call.key(core.keys.shared("replicas", "all")).key(evicting(core));
    call.arg(core.lease_time()).arg(rows(core, ""));
    call.arg(millis(UNSAID_TTL)).arg(millis(eviction::FOUND_FOR));
    core.connection.run(&call).await
}

/// Listens for as long as the store is open. Whatever was told while nobody listened is missed.
async fn listen(core: Arc<Core>, notes: broadcast::Sender<(ReplicaId, Note)>) {
    let nobody = || ReplicaId::new(String::new());
    loop {
        if let Ok(mut subscription) = core.connection.subscribe(core.keys.notes()).await {
            // Nobody hearing it is the ordinary case.
            let _ = notes.send((nobody(), Note::Missed));
            while let Ok(Some(message)) = tokio::time::timeout(SILENCE_MAX, subscription.next()).await {
                let text = message.get_payload::<String>().unwrap_or_default();
                // A later version may say what this one does not understand.
                if let Ok(told) = serde_json::from_str::<Told>(&text) {
                    let _ = notes.send((ReplicaId::new(told.from), told.note.into()));
                }
            }
            // From here on nothing is heard, and most likely nobody answers.
            let _ = notes.send((nobody(), Note::Missed));
        }
        tokio::time::sleep(SUBSCRIBE_PAUSE).await;
    }
}

#[async_trait]
impl ReplicaStore for Replicas {
    async fn report(&self, report: &Report, ttl: Duration) -> Result<(), StoreError> {
        let core = &self.core;
        if core.connection.passable().is_err() {
            // Reports come once a second: this is where it is seen that the store is back.
            core.look().await?;
        }
        let id = report.info.id.as_str();
        let mut call = core.scripts.report.prepare_invoke();
        call.key(core.keys.shared("replicas", "all")).key(self.rows(id));
        call.arg(id).arg(millis(ttl)).arg(core.lease_time()).arg(written(&InfoRecord::of(&report.info))?);
        call.arg(u8::from(report.whole)).arg(report.gone.len());
        for gone in &report.gone {
            call.arg(gone.as_str());
        }
        for row in &report.channels {
            call.arg(row.channel.as_str()).arg(written(&ObservedRecord::of(row))?);
        }
        core.connection.run(&call).await
    }

    async fn leave(&self, replica: &ReplicaId) -> Result<(), StoreError> {
        let core = &self.core;
        let mut call = core.scripts.leave.prepare_invoke();
        call.key(core.keys.shared("replicas", "all")).key(self.rows(replica.as_str()));
        call.key(core.keys.shared("replicas", "places")).arg(replica.as_str());
        core.connection.run(&call).await
    }

    async fn roll(&self) -> Result<Roll, StoreError> {
        let revision = self.core.look().await?;
        let (live, evicting) = self.live().await?;
        Ok(Roll { live, revision, evicting })
    }

    async fn observed(&self, channels: &[ChannelId]) -> Result<Vec<(ReplicaId, Observed)>, StoreError> {
        let mut observed = Vec::new();
        if channels.is_empty() {
            return Ok(observed);
        }
        for replica in self.live().await?.0 {
            let mut command = redis::cmd("HMGET");
            command.arg(self.rows(replica.id.as_str()));
            for channel in channels {
                command.arg(channel.as_str());
            }
            let rows: Vec<Option<String>> = self.core.connection.ask(&command).await?;
            for (channel, text) in channels.iter().zip(rows) {
                if let Some(text) = text {
                    let record: ObservedRecord = read(&self.core, channel.as_str(), &text)?;
                    observed.push((replica.id.clone(), record.open(channel.clone())));
                }
            }
        }
        Ok(observed)
    }

    async fn hold(
        &self,
        channel: &ChannelId,
        replica: &ReplicaId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let core = &self.core;
        let mut call = core.scripts.hold.prepare_invoke();
        call.key(core.keys.shared("replicas", "places"));
        call.arg(channel.as_str()).arg(replica.as_str()).arg(millis(ttl)).arg(core.lease_time());
        Ok(core.connection.run::<u8>(&call).await? > 0)
    }

    async fn note_eviction(&self, channel: &ChannelId, ttl: Duration) -> Result<(), StoreError> {
        let core = &self.core;
        let mut call = core.scripts.evicting.prepare_invoke();
        call.key(self.evicting()).arg(channel.as_str()).arg(millis(ttl)).arg(core.lease_time());
        core.connection.run(&call).await
    }
}

#[async_trait]
impl Bulletin for Replicas {
    async fn post(&self, from: &ReplicaId, note: &Note) -> Result<(), StoreError> {
        let core = &self.core;
        if let Note::Restart(channel) = note {
            let mut count = redis::cmd("HINCRBY");
            count.arg(core.keys.shared("config", "restarts")).arg(channel.as_str()).arg(1);
            core.connection.ask::<()>(&count).await?;
            let mut revision = redis::cmd("INCR");
            core.connection.ask::<()>(revision.arg(core.keys.shared("config", "revision"))).await?;
        }
        let Some(note) = NoteRecord::of(note) else { return Ok(()) };
        let text = written(&Told { from: from.to_string(), note })?;
        core.connection.ask(redis::cmd("PUBLISH").arg(core.keys.notes()).arg(text)).await
    }

    fn notes(&self) -> BoxStream<'static, (ReplicaId, Note)> {
        told(self.notes.subscribe())
    }

    async fn restarts(&self) -> Result<Vec<(ChannelId, u64)>, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.core.keys.shared("config", "restarts"));
        let counts: Vec<(String, u64)> = self.core.connection.ask(&command).await?;
        Ok(counts.into_iter().map(|(channel, count)| (ChannelId::new(channel), count)).collect())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn written(record: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn read<'a, T: Deserialize<'a>>(core: &Core, id: &str, text: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| core.corrupt("replicas", id))
}

fn at(millis: Option<u64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}

fn since(at: Option<Timestamp>) -> Option<u64> {
    at.map(Timestamp::as_millis)
}

/// [`ReplicaInfo`] as it is written. Replicas of two versions may run side by side: what is added later needs a default.
#[derive(Serialize, Deserialize)]
struct InfoRecord {
    version: String,
    host: Option<String>,
    started_at: u64,
    partitions: u32,
    connections: u32,
}

impl InfoRecord {
    fn of(info: &ReplicaInfo) -> Self {
        Self {
            version: info.version.clone(),
            host: info.host.clone(),
            started_at: info.started_at.as_millis(),
            partitions: info.partitions,
            connections: info.connections,
        }
    }

    fn open(self, id: ReplicaId) -> ReplicaInfo {
        let Self { version, host, started_at, partitions, connections } = self;
        let started_at = Timestamp::from_millis(started_at);
        ReplicaInfo { id, version, host, started_at, partitions, connections }
    }
}

/// [`Observed`] as it is written.
#[derive(Serialize, Deserialize)]
struct ObservedRecord {
    status: String,
    state: String,
    since: u64,
    connected_at: Option<u64>,
    last_error: Option<(String, String, u64)>,
    attempt: u32,
    next_attempt_at: Option<u64>,
    connections: u32,
    last_frame_at: Option<u64>,
    last_message_at: Option<u64>,
    last_reply_at: Option<u64>,
    /// When a connection opened, when it ended, whether it was taken.
    #[serde(default)]
    lives: Vec<(u64, Option<u64>, bool)>,
}

impl ObservedRecord {
    fn of(row: &Observed) -> Self {
        let error = row.last_error.clone();
        Self {
            status: row.status.clone(),
            state: row.state.clone(),
            since: row.since.as_millis(),
            connected_at: since(row.connected_at),
            last_error: error.map(|(code, detail, at)| (code, detail, at.as_millis())),
            attempt: row.attempt,
            next_attempt_at: since(row.next_attempt_at),
            connections: row.connections,
            last_frame_at: since(row.last_frame_at),
            last_message_at: since(row.last_message_at),
            last_reply_at: since(row.last_reply_at),
            lives: row.lives.iter().map(written_life).collect(),
        }
    }

    fn open(self, channel: ChannelId) -> Observed {
        let error = self.last_error;
        Observed {
            channel,
            status: self.status,
            state: self.state,
            since: Timestamp::from_millis(self.since),
            connected_at: at(self.connected_at),
            last_error: error.map(|(code, detail, at)| (code, detail, Timestamp::from_millis(at))),
            attempt: self.attempt,
            next_attempt_at: at(self.next_attempt_at),
            connections: self.connections,
            last_frame_at: at(self.last_frame_at),
            last_message_at: at(self.last_message_at),
            last_reply_at: at(self.last_reply_at),
            lives: self.lives.into_iter().map(read_life).collect(),
        }
    }
}

fn written_life(life: &Life) -> (u64, Option<u64>, bool) {
    (life.opened_at.as_millis(), since(life.ended_at), life.was_taken)
}

fn read_life((opened, ended, was_taken): (u64, Option<u64>, bool)) -> Life {
    Life { opened_at: Timestamp::from_millis(opened), ended_at: at(ended), was_taken }
}

/// What goes over the wire.
#[derive(Serialize, Deserialize)]
struct Told {
    from: String,
    note: NoteRecord,
}

/// [`Note`] as it is told.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NoteRecord {
    Changed(String),
    Agents,
    Restart(String),
    Withdrawn(String),
    Wake(u8, String),
    Pressed(String, String, String),
    Freed,
    News(String),
}

impl NoteRecord {
    /// `None` for what is not told: it is said by whoever hears, or too long.
    fn of(note: &Note) -> Option<Self> {
        Some(match note {
            Note::ChannelChanged(channel) => Self::Changed(channel.to_string()),
            Note::AgentsChanged => Self::Agents,
            Note::Restart(channel) => Self::Restart(channel.to_string()),
            Note::Withdrawn(channel) => Self::Withdrawn(channel.to_string()),
            Note::Wake { partition, conversation } => Self::Wake(partition.0, conversation.to_string()),
            Note::Pressed { channel, card, person } => {
                Self::Pressed(channel.to_string(), card.clone(), person.clone())
            }
            Note::Freed => Self::Freed,
            Note::News(news) if news.len() <= NEWS_BYTES_MAX => Self::News(news.clone()),
            Note::News(_) | Note::Missed => return None,
        })
    }
}

impl From<NoteRecord> for Note {
    fn from(record: NoteRecord) -> Self {
        match record {
            NoteRecord::Changed(channel) => Self::ChannelChanged(ChannelId::new(channel)),
            NoteRecord::Agents => Self::AgentsChanged,
            NoteRecord::Restart(channel) => Self::Restart(ChannelId::new(channel)),
            NoteRecord::Withdrawn(channel) => Self::Withdrawn(ChannelId::new(channel)),
            NoteRecord::Wake(partition, conversation) => {
                let conversation = ConversationId::new(conversation);
                Self::Wake { partition: Partition(partition), conversation }
            }
            NoteRecord::Pressed(channel, card, person) => {
                Self::Pressed { channel: ChannelId::new(channel), card, person }
            }
            NoteRecord::Freed => Self::Freed,
            NoteRecord::News(news) => Self::News(news),
        }
    }
}
