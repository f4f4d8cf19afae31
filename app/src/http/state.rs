//! What handlers share.

use std::ops::Deref;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use switchboard_domain::ids::{AgentId, ChannelId, UserId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Entropy;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::auth::Authenticator;
use super::origin::Trust;
use crate::ports::Ports;
use crate::runtime::operations::Operations;
use crate::settings_lock::SettingsLock;
use crate::telemetry::lines::Lines;

/// Event streams open at once, at most.
pub const EVENT_STREAMS_MAX: usize = 200;

/// What the API is put together from.
pub struct Parts {
    /// Stores, platforms, agents, time.
    pub ports: Ports,
    /// The running driver.
    pub operations: Arc<dyn Operations>,
    /// Who may do what.
    pub authenticator: Authenticator,
    /// Whose word about clients counts.
    pub trust: Trust,
    /// Renders `/metrics`.
    pub metrics: PrometheusHandle,
    /// Whether `/metrics` needs no token.
    pub metrics_public: bool,
    /// The configuration in force, without secrets.
    pub configuration: serde_json::Value,
    /// Log lines of channels.
    pub lines: Arc<Lines>,
    /// Cancelled when the server stops: event streams end then.
    pub shutdown: CancellationToken,
    /// When the server started.
    pub started_at: Timestamp,
}

/// The shared state behind all handlers; cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

/// What handlers see.
pub struct Shared {
    parts: Parts,
    /// Held while settings are read, checked and written, so that two requests, to whichever replica, cannot make a
    /// limit, a reference or a twin between check and write. Never held while waiting for the driver.
    pub settings: SettingsLock,
    /// Places for event streams.
    pub streams: Arc<Semaphore>,
}

impl Api {
    /// Puts the state together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let streams = Arc::new(Semaphore::new(EVENT_STREAMS_MAX));
        let settings = SettingsLock::new(Arc::clone(&parts.ports.replicas), &*parts.ports.entropy);
        Self(Arc::new(Shared { parts, settings, streams }))
    }
}

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Deref for Shared {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// A new agent's id.
#[must_use]
pub fn new_agent_id(entropy: &dyn Entropy) -> AgentId {
    AgentId::new(new_id("agt", entropy))
}

/// A new channel's id.
#[must_use]
pub fn new_channel_id(entropy: &dyn Entropy) -> ChannelId {
    ChannelId::new(new_id("chn", entropy))
}

/// A new user's id.
#[must_use]
pub fn new_user_id(entropy: &dyn Entropy) -> UserId {
    UserId::new(new_id("usr", entropy))
}

/// A new id: a prefix and 128 random bits.
#[must_use]
pub fn new_id(prefix: &str, entropy: &dyn Entropy) -> String {
    format!("{prefix}_{:016x}{:016x}", entropy.next_u64(), entropy.next_u64())
}
