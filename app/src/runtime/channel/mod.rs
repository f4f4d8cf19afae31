//! One configured bot: its settings, its link to the platform, its status, and the task that keeps it connected.

mod gone;
mod status;
mod task;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use switchboard_domain::admission::Admission;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::conversation::Policy;
use switchboard_domain::eviction::Lives;
use switchboard_domain::ids::{ChannelId, ConnectionId};
use switchboard_domain::session::Rules;
use switchboard_domain::settings::{Remember, TurnLimits};
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::Pace;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::{Description, Signal, Unmetered};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::directories::Chain;
use super::meter::AppMeter;
use super::operations::{ChannelStatus, QuotaUsage};
use super::shared::{Shared, lock};
use crate::ports::{SharedAgent, SharedLink};

pub(crate) use gone::stand_in;
pub(crate) use task::start;

/// Messages waiting for a channel's task. Signs of life are dropped beyond; nothing else comes that often.
const MESSAGES_MAX: usize = 256;
/// How often the status is told at most that calls wait.
const WAIT_TOLD_EVERY: Duration = Duration::from_secs(10);

/// A channel's settings with what was made of them: replaced as a whole when something changes.
pub(crate) struct Bot {
    pub(crate) channel: Channel,
    pub(crate) description: Description,
    pub(crate) link: SharedLink,
    pub(crate) agent: Option<(AgentConfig, SharedAgent)>,
    policy: Policy,
    /// The directories that are asked who authors are, if any.
    pub(crate) directories: Option<Arc<Chain>>,
    meter: Option<Arc<AppMeter>>,
}

/// What a channel's task is told.
pub(crate) enum Message {
    /// The stored settings changed; whether a connection setting did.
    Changed { connection: bool },
    /// Somebody asked for a new connection.
    Restart,
    /// Whether this replica is to be connected.
    Placed(bool),
    /// Something happened on a connection.
    Signal(ConnectionId, Signal),
    /// A connection ended.
    Closed(ConnectionId, CloseCause),
    /// Something is wrong that the status should show.
    Noted(ErrorCode, String),
    /// Something could not be written: not green, but the sockets stay.
    StoreDoubted,
    /// Everything could be written.
    StoreTrusted,
    /// Messages cannot be stored.
    StoreLost,
    /// Messages can be stored again.
    StoreBack,
    /// Somebody waits until what was told before is done.
    Settle(oneshot::Sender<()>),
    /// The server stops, or the channel is deleted.
    Drain,
}

/// One channel, as the rest of the driver sees it.
pub(crate) struct ChannelHandle {
    pub(crate) id: ChannelId,
    pub(crate) admission: Mutex<Admission>,
    bot: Mutex<Arc<Bot>>,
    status: Mutex<ChannelStatus>,
    messages: mpsc::Sender<Message>,
    withdrawn: AtomicBool,
    /// When the status was last told that calls wait: in a rush each of them would tell it.
    wait_told_at: Mutex<Option<Instant>>,
    /// Whether this replica is to be connected, as placement has it.
    placed: AtomicBool,
    /// What became of its connections here.
    pub(crate) lives: Mutex<Lives>,
    /// Sockets that are open, opening or closing.
    sockets: AtomicUsize,
    message_at: AtomicU64,
    reply_at: AtomicU64,
    /// Places for fetching files: one bad file server holds up its own channel only.
    pub(crate) fetches: Semaphore,
}

impl ChannelHandle {
    /// The settings as they are now.
    pub(crate) fn bot(&self) -> Arc<Bot> {
        Arc::clone(&lock(&self.bot))
    }

    /// What is observed of the channel.
    pub(crate) fn status(&self, now: Timestamp) -> ChannelStatus {
        let mut status = lock(&self.status).clone();
        status.uptime_ms = status
            .connected_at
            .filter(|_| status.status == "connected")
            .map(|at| u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX));
        status.last_message_at = known(&self.message_at);
        status.last_reply_at = known(&self.reply_at);
        status.usage = self.bot().usage();
        status
    }

    /// Tells the channel's task something; `false` when it has too much to do or has ended.
    pub(crate) fn tell(&self, message: Message) -> bool {
        self.messages.try_send(message).is_ok()
    }

    /// Tells the channel's task something that must not be missed.
    pub(crate) async fn tell_surely(&self, message: Message) {
        // A task that has ended needs to know nothing.
        let _ = self.messages.send(message).await;
    }

    /// Waits until the status shows what the task was told before.
    pub(crate) async fn settle(&self) {
        let (settled, settling) = oneshot::channel();
        self.tell_surely(Message::Settle(settled)).await;
        // A task that has ended shows nothing new.
        let _ = settling.await;
    }

    /// Has the task end; where the caller gives up waiting, nothing has happened.
    pub(crate) async fn end(&self, gone: impl FnOnce()) {
        let place = self.messages.reserve().await.ok();
        gone();
        self.withdraw();
        if let Some(place) = place {
            place.send(Message::Drain);
        }
    }

    /// Shows in the status that calls wait, now and then.
    pub(crate) fn note_wait(&self, detail: &str) {
        let now = Instant::now();
        let mut told_at = lock(&self.wait_told_at);
        if told_at.is_none_or(|at| now >= at + WAIT_TOLD_EVERY) {
            *told_at = Some(now);
            self.note(ErrorCode::RateLimited, detail.to_owned());
        }
    }

    /// Shows a problem in the status.
    pub(crate) fn note(&self, code: ErrorCode, detail: String) {
        self.tell(Message::Noted(code, detail));
    }

    /// Whether the channel's task has ended: nothing told to it is heard any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.messages.is_closed()
    }

    /// From now on no message is taken in.
    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Relaxed);
    }

    /// Whether the channel is being deleted.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Relaxed)
    }

    /// Whether this replica is to be connected.
    pub(crate) fn is_placed(&self) -> bool {
        self.placed.load(Ordering::Relaxed)
    }

    /// Says whether this replica is to be connected; what it was before. The caller tells the task.
    pub(crate) fn set_placed(&self, placed: bool) -> bool {
        self.placed.swap(placed, Ordering::Relaxed)
    }

    /// Whether a socket is open, or has not closed yet.
    pub(crate) fn has_sockets(&self) -> bool {
        self.sockets.load(Ordering::Relaxed) > 0
    }

    /// A message was taken in.
    pub(crate) fn received(&self, at: Timestamp) {
        self.message_at.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// A reply was finished.
    pub(crate) fn replied(&self, at: Timestamp) {
        self.reply_at.fetch_max(at.as_millis(), Ordering::Relaxed);
    }
}

fn known(at: &AtomicU64) -> Option<Timestamp> {
    Some(at.load(Ordering::Relaxed)).filter(|millis| *millis > 0).map(Timestamp::from_millis)
}

/// Why a channel's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BotError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No provider of this name is built in.
    #[error("the platform {0} is not available in this build")]
    UnknownPlatform(String),
    /// The provider refuses the settings.
    #[error("setting {pointer}: {message}")]
    Settings { pointer: String, message: String },
}

impl Bot {
    /// Makes a bot of stored settings.
    pub(crate) async fn build(shared: &Shared, channel: Channel) -> Result<Self, BotError> {
        let provider = shared
            .ports
            .providers
            .get(channel.platform.as_str())
            .ok_or_else(|| BotError::UnknownPlatform(channel.platform.clone()))?;
        let description = provider.description();
        let meter = shared.meters.of(&description, &channel, &shared.ports.clock);
        let counting = meter.clone().map_or_else(|| Arc::new(Unmetered) as _, |meter| meter as _);
        let link = provider.link(&channel, counting).map_err(|errors| {
            let first = errors.into_iter().next();
            let (pointer, message) =
                first.map_or_else(Default::default, |error| (error.pointer, error.message));
            BotError::Settings { pointer, message }
        })?;
        let agent = match &channel.default_agent {
            Some(id) => shared.ports.agents.find(id).await?.and_then(|config| build_agent(shared, config)),
            None => None,
        };
        let limits = agent.as_ref().map_or_else(TurnLimits::default, |(config, _)| config.limits);
        let policy = Policy {
            rules: Rules { conversation: channel.conversation, limits },
            reply: link.limits(),
            locale: channel.locale,
            shares_choices: channel.switching.remember == Remember::Conversation,
        };
        let ports = &shared.ports;
        let directories = shared.directories.of(&channel, &ports.directory_kinds, &ports.clock);
        Ok(Self { channel, description, link, agent, policy, directories, meter })
    }

    /// What the channel's app used of its monthly quota, where that is known.
    pub(crate) fn usage(&self) -> Option<QuotaUsage> {
        self.meter.as_ref()?.usage(self.link.quota_rules())
    }

    /// What the channel says about conversations, at the pace that its quota leaves now.
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = self.policy;
        policy.reply.pace = self.pace();
        policy
    }

    /// How often cards are updated, as the quota leaves it now.
    pub(crate) fn pace(&self) -> Pace {
        self.link.limits().pace
    }

    /// Whether going over to `new` needs a new connection.
    pub(crate) fn needs_reconnect(&self, new: &Self) -> bool {
        let fields = new.description.connection_fields;
        fields.iter().any(|field| {
            self.channel.config.pointer(field) != new.channel.config.pointer(field)
                || self.channel.secrets.get(*field) != new.channel.secrets.get(*field)
        })
    }
}

/// An agent with these settings, if one can be made of them.
pub(crate) fn build_agent(shared: &Shared, config: AgentConfig) -> Option<(AgentConfig, SharedAgent)> {
    let kind = shared.ports.agent_kinds.get(config.kind.as_str())?;
    match kind.build(&config) {
        Ok(agent) => Some((config, agent)),
        Err((pointer, message)) => {
            tracing::warn!(agent = %config.id, pointer, message, "failed to set the agent up");
            None
        }
    }
}
