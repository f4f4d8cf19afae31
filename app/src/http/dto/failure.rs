//! Failure records on the wire.

use serde::Serialize;
use switchboard_domain::ids::RetryNumber;
use switchboard_domain::reply::{Trial, Tried};
use switchboard_ports::failures::FailureInfo;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::runtime::timeline::message_id;

/// A message given up on, or an answer not shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FailureView {
    /// Its id, `flr_…`.
    pub id: String,
    /// The channel.
    pub channel_id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The message's place in the conversation's inbox.
    pub seq: u64,
    /// The message: names its timeline.
    pub message_id: String,
    /// The platform's id of the message.
    pub platform_message_id: String,
    /// Why: `crash_loop`, `delivery_unknown`, `agent_unreachable`, …
    pub cause: &'static str,
    /// How often the process had died while it was being answered.
    pub attempts: u32,
    /// The ways of answering that were tried.
    pub ways: Vec<WayView>,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// When it was retried; null where it was not.
    #[schema(format = DateTime)]
    pub retried_at: Option<String>,
    /// The failure whose retry this is; null where it is none.
    pub retry_of: Option<String>,
}

/// A way of answering that was tried, and what came last of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WayView {
    /// `card`, `webhook` (the short-lived address that came with the message) or `api`.
    pub way: &'static str,
    /// `done`, `missing` (the platform does not know the card), `throttled`, `not_sent` (no connection), `unknown` (it may have
    /// worked) or `refused`.
    pub result: &'static str,
    /// Why it was refused: a code like those of a channel's `last_error`.
    pub code: Option<&'static str>,
}

impl From<FailureInfo> for FailureView {
    fn from(info: FailureInfo) -> Self {
        let retry = info.failure.retry;
        Self {
            id: info.id,
            channel_id: info.channel.to_string(),
            message_id: message_id(&info.conversation, info.failure.seq),
            conversation_id: info.conversation.to_string(),
            seq: info.failure.seq.0,
            platform_message_id: info.failure.message.to_string(),
            cause: info.failure.cause.as_str(),
            attempts: info.failure.attempts,
            ways: ways(info.failure.tried),
            at: rfc3339(info.failure.at),
            retried_at: info.retried_at.map(rfc3339),
            retry_of: (retry != RetryNumber(0)).then(|| format!("flr_{retry}")),
        }
    }
}

/// The ways that were tried, in the order in which they are taken.
#[must_use]
pub fn ways(tried: Tried) -> Vec<WayView> {
    let Tried { card, session_address, api } = tried;
    let ways = [("card", card), ("webhook", session_address), ("api", api)];
    ways.into_iter().filter_map(|(way, trial)| trial.map(|trial| view(way, trial))).collect()
}

const fn view(way: &'static str, trial: Trial) -> WayView {
    let (result, code) = match trial {
        Trial::Done => ("done", None),
        Trial::Missing => ("missing", None),
        Trial::Throttled => ("throttled", None),
        Trial::NotSent => ("not_sent", None),
        Trial::UnderWay | Trial::Unknown => ("unknown", None),
        Trial::Refused(code) => ("refused", Some(code.as_str())),
    };
    WayView { way, result, code }
}
