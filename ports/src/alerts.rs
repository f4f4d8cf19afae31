//! Telling somebody outside that a channel is not connected, or is so again, and that a quota runs out.

use async_trait::async_trait;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, ReplicaId};
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::Month;
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
    /// Since when the channel was not connected; of a quota, when it was noticed.
    pub since: Timestamp,
    /// What is wrong, or was; where that is known.
    pub last_error: Option<AlertCause>,
    /// How it stands with the quota, where that is what is told.
    pub quota: Option<AlertQuota>,
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

/// What was used of the monthly quota of a channel's app, by our own count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuota {
    /// The month.
    pub month: Month,
    /// Calls of the platform's API in it.
    pub api_calls: u64,
    /// Calls that the company may make in it, where the channel's settings say so.
    pub calls_per_month: Option<u64>,
    /// Calls of the month when it is over, if it goes on like this; where that can be told.
    pub forecast: Option<u64>,
    /// What is short, in the channel's language.
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
    /// Most of the monthly quota of calls is used.
    QuotaNearlyUsedUp,
    /// The platform has said that the monthly quota of calls is used up.
    QuotaUsedUp,
    /// The platform withholds what people write, because the monthly quota of pushes is used up.
    QuotaPushesUsedUp,
}

impl AlertEvent {
    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "channel.not_connected",
            Self::Connected => "channel.connected",
            Self::QuotaNearlyUsedUp => "quota.nearly_used_up",
            Self::QuotaUsedUp => "quota.used_up",
            Self::QuotaPushesUsedUp => "quota.pushes_used_up",
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
