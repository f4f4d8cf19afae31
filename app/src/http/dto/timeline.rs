//! Timelines of messages on the wire.

use serde::Serialize;
use serde_json::{Map, Value};
use switchboard_domain::time::Timestamp;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::runtime::timeline::read::{Item, Timeline};

/// What happened to a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TimelineView {
    /// The message's id: its conversation and its place there, or `msg_…` where nobody asked for it.
    pub message_id: String,
    /// The conversation; null where it is not known any more.
    pub conversation_id: Option<String>,
    /// The channel; null where it is not known any more.
    pub channel_id: Option<String>,
    /// The message's trace: 32 hexadecimal digits, the same in log lines, in traces and in the header `traceparent` of
    /// requests to agents.
    pub trace_id: String,
    /// What happened, the oldest first.
    pub items: Vec<TimelineItemView>,
}

/// One thing that happened to a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TimelineItemView {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// What: `received`, `stored`, `acknowledged`, `given`, `retry_of`, `retried`, `queued`, `taken_up`, `left`, `mapped`,
    /// `asked`, `first_output`, `agent_finished`, `agent_failed`, `waiting_shown`, `card_created`, `card_trouble`,
    /// `card_updates`, `card_closed`, `parts`, `delivered`, `told`, `failure_recorded`, `ended` or `sending`. Later versions
    /// may have more.
    pub event: String,
    /// Which try at asking the agent it belongs to, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The process that did it, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// What else is known, by event: `queued` has `behind`, `asked` has `agent`, `agent_id` and `model`, `ended` has `outcome`
    /// and `reason` or `by`, and so on. Never what people wrote.
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
}

impl From<Timeline> for TimelineView {
    fn from(timeline: Timeline) -> Self {
        Self {
            message_id: timeline.message,
            conversation_id: timeline.conversation.map(|id| id.to_string()),
            channel_id: timeline.channel.map(|id| id.to_string()),
            trace_id: timeline.trace,
            items: timeline.items.into_iter().map(TimelineItemView::from).collect(),
        }
    }
}

impl From<Item> for TimelineItemView {
    fn from(item: Item) -> Self {
        let mut detail = item.detail;
        for name in ["first_at", "last_at"] {
            if let Some(at) = detail.get_mut(name)
                && let Some(millis) = at.as_u64()
            {
                *at = Value::String(rfc3339(Timestamp::from_millis(millis)));
            }
        }
        Self { at: rfc3339(item.at), event: item.event, attempt: item.attempt, replica: item.replica, detail }
    }
}
