//! Channel status on the wire, with the texts that go with error codes.

use serde::Serialize;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::settings::Locale;
use switchboard_ports::channels::Channel;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::runtime::operations::{ChannelStatus, LastError};

/// What is observed of a channel.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StatusView {
    /// The channel.
    pub channel_id: String,
    /// `connected`, `disconnected` or `disabled`.
    pub status: &'static str,
    /// The state machine's own name.
    pub state: &'static str,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// The last time it became connected.
    #[schema(format = DateTime)]
    pub connected_at: Option<String>,
    /// How long it has been connected; null unless it is.
    pub uptime_seconds: Option<f64>,
    /// The last thing that went wrong; stays after a recovery.
    pub last_error: Option<LastErrorView>,
    /// Attempts to connect since it was last connected.
    pub attempt: u32,
    /// When the next attempt is due.
    #[schema(format = DateTime)]
    pub next_attempt_at: Option<String>,
    /// Open and proven connections.
    pub connections: u32,
    /// The process that says so.
    pub replica: String,
    /// The last frame of any kind.
    #[schema(format = DateTime)]
    pub last_frame_at: Option<String>,
    /// The last message taken in.
    #[schema(format = DateTime)]
    pub last_message_at: Option<String>,
    /// The last reply finished.
    #[schema(format = DateTime)]
    pub last_reply_at: Option<String>,
}

/// The last thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LastErrorView {
    /// `invalid_credentials`, `network_unreachable`, …
    pub code: &'static str,
    /// What is wrong, in the reader's language, with the platform's own words.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
}

impl StatusView {
    /// A status in the reader's language.
    #[must_use]
    pub fn of(status: &ChannelStatus, locale: Locale) -> Self {
        Self {
            channel_id: status.channel.to_string(),
            status: status.status,
            state: status.state,
            since: rfc3339(status.since),
            connected_at: status.connected_at.map(rfc3339),
            uptime_seconds: status.uptime_ms.map(seconds),
            last_error: status.last_error.as_ref().map(|error| LastErrorView::of(error, locale)),
            attempt: status.attempt,
            next_attempt_at: status.next_attempt_at.map(rfc3339),
            connections: status.connections,
            replica: status.replica.clone(),
            last_frame_at: status.last_frame_at.map(rfc3339),
            last_message_at: status.last_message_at.map(rfc3339),
            last_reply_at: status.last_reply_at.map(rfc3339),
        }
    }

    /// What is true of a stored channel that the driver has not taken in yet: nothing is connected.
    #[must_use]
    pub fn unobserved(channel: &Channel) -> Self {
        Self {
            channel_id: channel.id.to_string(),
            status: if channel.enabled { "disconnected" } else { "disabled" },
            state: if channel.enabled { "connecting" } else { "disabled" },
            since: rfc3339(channel.updated_at),
            connected_at: None,
            uptime_seconds: None,
            last_error: None,
            attempt: 0,
            next_attempt_at: None,
            connections: 0,
            replica: String::new(),
            last_frame_at: None,
            last_message_at: None,
            last_reply_at: None,
        }
    }

    /// The observed status, else what is true of a channel nobody observes yet.
    #[must_use]
    pub fn observed_or(observed: Option<ChannelStatus>, channel: &Channel, locale: Locale) -> Self {
        observed.map_or_else(|| Self::unobserved(channel), |status| Self::of(&status, locale))
    }
}

fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

impl LastErrorView {
    fn of(error: &LastError, locale: Locale) -> Self {
        let Notice { message, remedy } = notice(error.code, locale);
        let message = match error.detail.as_str() {
            "" => message.to_owned(),
            detail => format!("{message} ({detail})"),
        };
        Self { code: error.code.as_str(), message, remedy: remedy.to_owned(), at: rfc3339(error.at) }
    }
}

/// The texts that go with an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// What is wrong.
    pub message: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The texts that go with an error code: the single place that the API takes them from. English for both languages until
/// the domain's notices carry them.
#[must_use]
pub fn notice(code: ErrorCode, _locale: Locale) -> Notice {
    let (message, remedy) = match code {
        ErrorCode::InvalidCredentials => (
            "The platform refuses the credentials.",
            "Copy client id and secret from the platform's developer console again and save the channel.",
        ),
        ErrorCode::NetworkUnreachable => (
            "The platform cannot be reached.",
            "Check the server's network, proxy and firewall, and the channel's addresses.",
        ),
        ErrorCode::PlatformError => (
            "The platform failed by itself.",
            "Nothing to do: it is tried again. If it lasts, look at the platform's status page.",
        ),
        ErrorCode::RateLimited => (
            "The platform limits how often it may be called; calls are delayed.",
            "Nothing to do while it is short. If it lasts, lower the traffic or ask the platform for more.",
        ),
        ErrorCode::QuotaExceeded => (
            "The company's quota with the platform is used up.",
            "Buy more quota in the platform's console, or wait for the next month.",
        ),
        ErrorCode::ConnectionLost => (
            "The connection broke.",
            "Nothing to do: it is opened again. If it happens often, check the network.",
        ),
        ErrorCode::PermissionDenied => (
            "The app lacks a permission, or the server's address is not on its list.",
            "Grant the permission named in the message in the platform's developer console, then restart the channel.",
        ),
        ErrorCode::Misconfigured => {
            ("A setting does not fit.", "Check the channel's settings: card template, robot, addresses.")
        }
        ErrorCode::StoreUnavailable => (
            "The server's store cannot take messages.",
            "Check the store's disk or server; messages come again once it works.",
        ),
        ErrorCode::NoAgent => ("The channel has no agent.", "Choose a default agent for the channel."),
        ErrorCode::AgentUnreachable => (
            "The channel's agent cannot be reached.",
            "Check the agent's address and that it runs, then test it.",
        ),
        ErrorCode::AgentMisconfigured => (
            "The channel's agent refuses the key or the model.",
            "Correct the agent's key and model, then test it.",
        ),
    };
    Notice { message, remedy }
}

#[cfg(test)]
mod tests {
    use switchboard_domain::time::Timestamp;

    use super::{ErrorCode, LastError, LastErrorView, Locale, notice};

    #[test]
    fn every_code_has_a_message_and_a_remedy() {
        for code in ErrorCode::ALL {
            for locale in [Locale::En, Locale::ZhCn] {
                let notice = notice(code, locale);
                assert!(!notice.message.is_empty() && !notice.remedy.is_empty(), "{code:?}");
            }
        }
    }

    #[test]
    fn the_platforms_words_follow_the_message() {
        let code = ErrorCode::NoAgent;
        let error = LastError { code, detail: String::from("40014"), at: Timestamp::from_millis(0) };
        assert_eq!(LastErrorView::of(&error, Locale::En).message, "The channel has no agent. (40014)");
    }
}
