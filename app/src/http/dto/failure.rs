//! Failure records on the wire.

use serde::Serialize;
use switchboard_ports::transcripts::FailureInfo;
use utoipa::ToSchema;

use super::time::rfc3339;

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
    /// The platform's id of the message.
    pub platform_message_id: String,
    /// Why: `crash_loop`, `delivery_unknown`, `agent_unreachable`, …
    pub cause: &'static str,
    /// Crash attempts by then.
    pub attempts: u32,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
}

impl From<FailureInfo> for FailureView {
    fn from(info: FailureInfo) -> Self {
        Self {
            id: info.id,
            channel_id: info.channel.to_string(),
            conversation_id: info.conversation.to_string(),
            seq: info.failure.seq.0,
            platform_message_id: info.failure.message.to_string(),
            cause: info.failure.cause.as_str(),
            attempts: info.failure.attempts,
            at: rfc3339(info.failure.at),
        }
    }
}
