//! What judges can look at: pushes, connections, calls and protocol violations, one record type each.

use serde::Serialize;

use crate::contents::SharedFile;
use crate::push::ChatKind;

/// A robot message that the platform pushed (or tried to push) over Stream mode.
#[derive(Clone, Debug, Serialize)]
pub struct PushedMessage {
    /// Platform message id; the same in every delivery.
    pub msg_id: String,
    /// Client id of the app whose robot was addressed.
    pub app: String,
    /// `conversationId`.
    pub conversation: String,
    /// Private or group.
    pub kind: ChatKind,
    /// Staff id of the sender, if the sender belongs to the organisation.
    pub sender: Option<String>,
    /// Shown name of the sender.
    pub nick: String,
    /// Text as the sender wrote it (empty for kinds without text).
    pub text: String,
    /// When the platform accepted the message (ms since the epoch).
    pub at_ms: u64,
    /// Every attempt to deliver it.
    pub deliveries: Vec<Delivery>,
    /// The acknowledgement that counted.
    pub acked: Option<Ack>,
    /// Timed repeats so far.
    pub repeats: u32,
    /// The platform will not repeat it any more although nobody acknowledged it.
    pub given_up: bool,
    /// Files it carries, quoted ones included.
    pub files: Vec<SharedFile>,
    /// The callback's `data`, as text.
    #[serde(skip)]
    pub(crate) payload: String,
}

/// One delivery attempt of a pushed message.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// `headers.messageId` of this delivery (empty when no connection was there).
    pub header_id: String,
    /// Connection it went to; `None` = nobody was connected.
    pub connection: Option<String>,
    /// When (ms since the epoch).
    pub at_ms: u64,
    /// Why it was sent.
    pub cause: DeliveryCause,
    /// An acknowledgement for it arrived (ms since the epoch), counted or not.
    pub acked_at_ms: Option<u64>,
    /// That acknowledgement was lost on purpose.
    pub swallowed: bool,
}

/// Why a delivery was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryCause {
    /// The first one.
    First,
    /// Repeated because no acknowledgement counted in time.
    Redelivery,
    /// Duplicated on purpose.
    Duplicate,
}

/// An acknowledgement that counted.
#[derive(Clone, Debug, Serialize)]
pub struct Ack {
    /// When (ms since the epoch).
    pub at_ms: u64,
    /// Connection it came in on.
    pub connection: String,
    /// Which delivery it answered.
    pub header_id: String,
}

/// One WebSocket connection.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionRecord {
    /// `headers.connectionId`.
    pub id: String,
    /// Client id.
    pub app: String,
    /// Subscriptions as `TYPE topic`.
    pub subscriptions: Vec<String>,
    /// `ua` of the open request.
    pub ua: String,
    /// When it was established (ms since the epoch).
    pub opened_at_ms: u64,
    /// Where it stands.
    pub phase: ConnectionPhase,
    /// When it left the platform's routing set for good (ms since the epoch).
    pub closed_at_ms: Option<u64>,
    /// Why it ended.
    pub reason: Option<String>,
    /// SYSTEM pings sent.
    pub pings_sent: u32,
    /// SYSTEM pings answered correctly.
    pub pings_answered: u32,
    /// Slowest correct ping answer so far.
    pub ping_answer_ms_max: u64,
    /// WebSocket-level pings the client sent.
    pub client_pings: u32,
    /// Robot pushes routed to it.
    pub pushes: u32,
}

/// Where a connection stands on the platform's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionPhase {
    /// Takes pushes.
    Live,
    /// Got `disconnect`: nothing more is sent on it.
    Draining,
    /// Dead without the platform knowing: still gets its share of pushes.
    Stale,
    /// Gone.
    Closed,
}

/// One `connections/open` request.
#[derive(Clone, Debug, Serialize)]
pub struct OpenRecord {
    /// When (ms since the epoch).
    pub at_ms: u64,
    /// Client id as sent.
    pub client_id: String,
    /// HTTP status answered.
    pub status: u16,
    /// Error code answered.
    pub code: Option<String>,
}

/// One HTTP call to the platform.
#[derive(Clone, Debug, Serialize)]
pub struct CallRecord {
    /// When it arrived (ms since the epoch).
    pub at_ms: u64,
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Client id, when the call could be attributed.
    pub app: Option<String>,
    /// Status answered; 0 = the connection was cut, 499 = the client left before the answer.
    pub status: u16,
    /// Error code answered (`code`, or `errcode` other than 0).
    pub code: Option<String>,
    /// `outTrackId` of the body.
    pub out_track_id: Option<String>,
    /// `guid` of the body.
    pub guid: Option<String>,
    /// Fault that was applied to it.
    pub fault: Option<String>,
    /// The call changed something or was answered as if it did.
    pub applied: bool,
    /// From arrival to answer.
    pub took_ms: u64,
}

/// How often a path was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallCount {
    /// All calls.
    pub total: u64,
    /// Calls answered with success.
    pub ok: u64,
    /// Calls answered with an error, cut, or left by the client.
    pub failed: u64,
    /// Calls refused by the rate limit.
    pub throttled: u64,
}

impl CallCount {
    /// Counts one call.
    pub(crate) fn add(&mut self, record: &CallRecord) {
        self.total = self.total.saturating_add(1);
        let succeeded = record.status == 101 || (200..300).contains(&record.status);
        if succeeded && record.code.is_none() {
            self.ok = self.ok.saturating_add(1);
        } else {
            self.failed = self.failed.saturating_add(1);
        }
        if record.code.as_deref().is_some_and(|code| code.contains("QpsLimit")) {
            self.throttled = self.throttled.saturating_add(1);
        }
    }
}

/// Something a correct client does not do.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    /// When (ms since the epoch).
    pub at_ms: u64,
    /// What kind.
    pub kind: ViolationKind,
    /// Details for a person.
    pub detail: String,
}

/// Kinds of protocol violations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// A frame that is no acknowledgement object.
    MalformedFrame,
    /// An acknowledgement for a delivery that was never sent.
    UnknownMessageId,
    /// An acknowledgement on another connection than the delivery (dingtalk §2.5).
    WrongConnection,
    /// A ping answer whose data is not the received data.
    WrongOpaque,
    /// A second streaming call on a card before the first was answered (dingtalk §6.8).
    ConcurrentStreaming,
    /// A streaming call after the card was finished or failed.
    StreamingAfterFinal,
    /// An acknowledgement later than the knob `ack_ms_max` (dingtalk §2.6).
    LateAck,
    /// A card action answered later than the knob `click_answer_ms_max` (dingtalk §6.9).
    LateClickAnswer,
    /// `PUT instances` on a card whose action was not answered yet (dingtalk §6.9).
    UpdateInsideCallback,
    /// `isFull: false` for a Markdown variable (dingtalk §6.6).
    PartialMarkdown,
    /// A text beyond the limits of dingtalk §4.5 or the knob `card_content_bytes_max`.
    TooLong,
    /// A session webhook called after the end that the callback had announced.
    WebhookAfterExpiry,
    /// More answers in a conversation than the knob `answers_per_message_max` allows.
    TooManyAnswers,
    /// A media id that was never given out.
    UnknownMedia,
}
