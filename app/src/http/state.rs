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
use crate::config::Config;
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
    /// What the server runs with.
    pub about: About,
}

/// What a server runs with, for people to read: no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// When it started.
    pub started_at: Timestamp,
    /// Settings by the names that the configuration has for them.
    pub settings: Vec<(&'static str, String)>,
}

impl About {
    /// What a configuration says, as it counts now. Nothing that may hold a secret is in it.
    #[must_use]
    pub fn of(config: &Config, started_at: Timestamp) -> Self {
        let Config { server, store, security, telemetry, network, declared } = config;
        let joined = |list: &[String]| list.join(", ");
        let proxies: Vec<String> = server.trusted_proxies.iter().map(ToString::to_string).collect();
        let tls = server.tls.is_some();
        let settings = vec![
            ("server.listen", server.listen.clone()),
            ("server.public_url", server.public_url.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("server.tls_cert", tls.to_string()),
            ("server.trusted_proxies", joined(&proxies)),
            ("server.shutdown_grace", format!("{:?}", server.shutdown_grace)),
            ("server.connections_per_channel", server.connections_per_channel.to_string()),
            ("store.url", store.url.to_string()),
            ("store.prefix", store.prefix.clone()),
            ("security.admin_token", security.admin_token.is_some().to_string()),
            ("telemetry.log", telemetry.log.clone()),
            ("telemetry.log_format", telemetry.log_format.word().to_owned()),
            ("telemetry.metrics_public", telemetry.metrics_public.to_string()),
            ("network.ca_file", network.ca_file.is_some().to_string()),
            ("[[agents]]", declared.agents.len().to_string()),
            ("[[channels]]", declared.channels.len().to_string()),
        ];
        Self { started_at, settings }
    }
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
