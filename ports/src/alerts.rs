//! Telling somebody outside that a channel is not connected, or is so again.

use async_trait::async_trait;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, ReplicaId};
use switchboard_domain::time::Timestamp;
use thiserror::Error;

/// Who is told.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Tells it, within a time of its own. Repeating it tells it twice. After an error, or where the future was dropped, it may
    /// have been told all the same.
    async fn tell(&self, alert: &Alert) -> Result<(), AlertError>;
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What happened.
    pub event: AlertEvent,
    /// The channel.
    pub channel: ChannelId,
    /// Its name.
    pub name: String,
    /// Its platform.
    pub platform: String,
    /// Since when the channel was not connected.
    pub since: Timestamp,
    /// What is wrong, or was; where that is known.
    pub last_error: Option<AlertCause>,
    /// The replica that tells it.
    pub replica: ReplicaId,
    /// When it is told.
    pub at: Timestamp,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertCause {
    /// The code.
    pub code: ErrorCode,
    /// What that means, in the channel's language.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertEvent {
    /// A channel that is switched on has not been connected on any replica for a while.
    NotConnected,
    /// A channel of which that was told is connected again.
    Connected,
}

impl AlertEvent {
    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "channel.not_connected",
            Self::Connected => "channel.connected",
        }
    }
}

/// Why it was not told. Neither holds an address or a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AlertError {
    /// Nobody answers: try again later, with whatever else there is to tell.
    #[error("tell the alert: {0}")]
    Unavailable(String),
    /// This one is not taken; others may be.
    #[error("tell the alert: it was refused: {0}")]
    Refused(String),
}
