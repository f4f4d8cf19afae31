//! What can be wrong with a channel, as the contract names it.

use alloc::string::String;
use core::time::Duration;

/// Codes of a channel's `last_error`. Each has a remedy text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// The platform refuses our credentials.
    InvalidCredentials,
    /// No connection to the platform.
    NetworkUnreachable,
    /// The platform failed by itself.
    PlatformError,
    /// The platform limits our calls per second or minute; calls are only delayed.
    RateLimited,
    /// The company's monthly quota is used up.
    QuotaExceeded,
    /// An open connection broke.
    ConnectionLost,
    /// The app lacks a permission, or our address is not on its list.
    PermissionDenied,
    /// A setting does not fit: template, robot, address.
    Misconfigured,
    /// Our own store cannot take messages.
    StoreUnavailable,
    /// The channel has no agent.
    NoAgent,
    /// The channel's agent cannot be reached.
    AgentUnreachable,
    /// The channel's agent refuses our key or model.
    AgentMisconfigured,
}

impl ErrorCode {
    /// All codes, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::InvalidCredentials,
        Self::NetworkUnreachable,
        Self::PlatformError,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::ConnectionLost,
        Self::PermissionDenied,
        Self::Misconfigured,
        Self::StoreUnavailable,
        Self::NoAgent,
        Self::AgentUnreachable,
        Self::AgentMisconfigured,
    ];

    /// The code as the API shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::NetworkUnreachable => "network_unreachable",
            Self::PlatformError => "platform_error",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::ConnectionLost => "connection_lost",
            Self::PermissionDenied => "permission_denied",
            Self::Misconfigured => "misconfigured",
            Self::StoreUnavailable => "store_unavailable",
            Self::NoAgent => "no_agent",
            Self::AgentUnreachable => "agent_unreachable",
            Self::AgentMisconfigured => "agent_misconfigured",
        }
    }

    /// Whether trying again soon is pointless until somebody changes something: the channel is then `Refused`.
    #[must_use]
    pub const fn needs_somebody(self) -> bool {
        match self {
            Self::InvalidCredentials | Self::PermissionDenied | Self::Misconfigured | Self::QuotaExceeded => {
                true
            }
            Self::NetworkUnreachable
            | Self::PlatformError
            | Self::RateLimited
            | Self::ConnectionLost
            | Self::StoreUnavailable
            | Self::NoAgent
            | Self::AgentUnreachable
            | Self::AgentMisconfigured => false,
        }
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseCause {
    /// We asked for it, or the platform had announced it.
    Clean,
    /// It could not be opened, or broke.
    Failed {
        /// What is wrong.
        code: ErrorCode,
        /// The platform's own code and words, for the status; no secret, at most 300 characters.
        detail: String,
        /// The pause the platform asked for.
        retry_after: Option<Duration>,
    },
}
