//! Knobs: every period, limit and rate of the simulated platform, changeable while it runs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Periods in milliseconds, limits and rates. A period of 0 switches its behaviour off where the field says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "knobs are switches that have nothing to do with each other"
)]
pub struct Knobs {
    /// Life of a connection ticket (dingtalk §1.2: 90 s).
    pub ticket_ttl_ms: u64,
    /// Answer `connections/open` with XML when `Accept` does not ask for JSON (dingtalk §1.1).
    pub require_accept_json: bool,
    /// Time between SYSTEM pings; 0 = none. Default 30 s.
    pub ping_interval_ms: u64,
    /// Unanswered pings after which the platform closes the connection. Default 2.
    pub pings_unanswered_max: u32,
    /// Age at which a connection gets a SYSTEM `disconnect`; 0 = never (default).
    pub rotation_ms: u64,
    /// Time between `disconnect` and the platform closing the TCP connection. Default 10 s.
    pub disconnect_grace_ms: u64,
    /// Time after which a robot push without acknowledgement is repeated. Default 60 s.
    pub redelivery_after_ms: u64,
    /// Repeats of one push; 4294967295 = until acknowledged. Default 1.
    pub redelivery_max: u32,
    /// How long a half-open connection keeps its share of the pushes. Default 30 s.
    pub stale_ms: u64,
    /// How long a connection that ended without a close frame keeps its share. Default 0.
    pub vanished_ms: u64,
    /// A newer connection of the same app evicts the older ones (dingtalk §13). Default false.
    pub single_connection: bool,
    /// Share of pushes delivered twice at once, 0 to 1. Default 0.
    pub duplicate_rate: f64,
    /// Share of acknowledgements that get lost, 0 to 1. Default 0.
    pub swallow_rate: f64,
    /// Life of an access token (dingtalk §5.1: 7200 s).
    pub token_ttl_ms: u64,
    /// Life of a session webhook (dingtalk §3.1: 90 min).
    pub webhook_ttl_ms: u64,
    /// Calls per second of one app on one path; 0 = unlimited. Default 20 (dingtalk §9.2).
    pub qps: u32,
    /// Largest streamed card text in bytes; 0 = unlimited (default). Beyond: `param.stream.content`.
    pub card_content_bytes_max: u64,
    /// What creating a card under a used `outTrackId` does (dingtalk §6.3 and §12 disagree).
    pub reused_out_track_id: ReusedOutTrackId,
    /// Life of a download code. Not documented by the platform (dingtalk §7.1); default 2 h.
    pub download_code_ttl_ms: u64,
    /// Life of a signed download address. Not documented; default 10 min.
    pub download_url_ttl_ms: u64,
    /// Uploads of the type `file` are held to the documented extensions (dingtalk §7.2). Default true.
    pub upload_extensions_checked: bool,
    /// Calls per minute of one app on one path; 0 = unlimited (default).
    pub qpm: u32,
    /// API calls of all apps in this simulator's life, as the organisation's month; 0 = unlimited (default).
    pub api_calls_per_month_max: u64,
    /// Robot pushes in this simulator's life; later ones carry 20001 and no content; 0 = unlimited (default).
    pub pushes_per_month_max: u64,
    /// Calls over all APIs in 20 s before the address is banned; 0 = never (default; the platform: 10 000).
    pub ip_calls_max: u32,
    /// Length of such a ban. Default 5 min.
    pub ip_ban_ms: u64,
    /// A ban answers an HTML page instead of the JSON with status 1111 (dingtalk §9.2).
    pub ip_ban_html: bool,
    /// A streaming call that overlaps another one on its card is answered 403 (dingtalk §6.8). Default false.
    pub concurrent_streaming_denied: bool,
    /// Shape of card action callbacks (dingtalk §6.9).
    pub click_shape: ClickShape,
    /// Time within which a card action must be answered. Default 2 s (dingtalk §6.9).
    pub click_answer_ms_max: u64,
    /// An acknowledgement later than this is a violation; 0 = not judged. Default 3 s (dingtalk §2.6).
    pub ack_ms_max: u64,
    /// More answers (plain replies and cards) than this for each message is a violation; 0 = not judged (default).
    pub answers_per_message_max: u32,
    /// Send a SYSTEM `REGISTERED` frame after the handshake (dingtalk §2.2). Default false.
    pub registered_frame: bool,
    /// Time between SYSTEM `KEEPALIVE` frames; 0 = none (default).
    pub keepalive_interval_ms: u64,
    /// A `ua` containing this is refused with "ua invalid" (dingtalk §1.3); empty = none (default).
    pub rejected_ua: String,
    /// Time an event waits for its answer. Default 3 s (dingtalk §2.6).
    pub event_answer_ms_max: u64,
    /// Pause before an event's first repeat. Default 10 s.
    pub event_first_retry_ms: u64,
    /// Pause before an event's second and last repeat. Default 30 s.
    pub event_second_retry_ms: u64,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            ticket_ttl_ms: 90_000,
            require_accept_json: true,
            ping_interval_ms: 30_000,
            pings_unanswered_max: 2,
            rotation_ms: 0,
            disconnect_grace_ms: 10_000,
            redelivery_after_ms: 60_000,
            redelivery_max: 1,
            stale_ms: 30_000,
            vanished_ms: 0,
            single_connection: false,
            duplicate_rate: 0.0,
            swallow_rate: 0.0,
            token_ttl_ms: 7_200_000,
            webhook_ttl_ms: 5_400_000,
            qps: 20,
            card_content_bytes_max: 0,
            reused_out_track_id: ReusedOutTrackId::KeepOld,
            download_code_ttl_ms: 7_200_000,
            download_url_ttl_ms: 600_000,
            upload_extensions_checked: true,
            qpm: 0,
            api_calls_per_month_max: 0,
            pushes_per_month_max: 0,
            ip_calls_max: 0,
            ip_ban_ms: 300_000,
            ip_ban_html: false,
            concurrent_streaming_denied: false,
            click_shape: ClickShape::Content,
            click_answer_ms_max: 2_000,
            ack_ms_max: 3_000,
            answers_per_message_max: 0,
            registered_frame: false,
            keepalive_interval_ms: 0,
            rejected_ua: String::new(),
            event_answer_ms_max: 3_000,
            event_first_retry_ms: 10_000,
            event_second_retry_ms: 30_000,
        }
    }
}

impl Knobs {
    /// These knobs with the given fields replaced; the text names the wrong field otherwise.
    pub(crate) fn patched(&self, patch: Map<String, Value>) -> Result<Self, String> {
        let mut merged = match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => Map::new(),
        };
        merged.extend(patch);
        let knobs: Self = serde_json::from_value(Value::Object(merged)).map_err(|error| error.to_string())?;
        for (name, rate) in [("duplicate_rate", knobs.duplicate_rate), ("swallow_rate", knobs.swallow_rate)] {
            if !(0.0..=1.0).contains(&rate) {
                return Err(format!("{name} must be between 0 and 1"));
            }
        }
        Ok(knobs)
    }
}

/// What creating a card under an existing `outTrackId` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReusedOutTrackId {
    /// Answer success and keep the old card unchanged.
    KeepOld,
    /// Answer 400 `param.cardAlreadyExist`.
    AlreadyExists,
}

/// Where a card action's body carries what was clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClickShape {
    /// `content`, as SDKs read it.
    Content,
    /// `value`, as an older page of the documentation has it.
    Value,
    /// Both, and `actionId`.
    Both,
}
