//! Robot messages as the platform pushes them, decoded into the domain's message model (dingtalk §3).
//!
//! Pure and tolerant: numbers may be texts, `content` may be JSON in a text, every field but the message's id, the
//! conversation's and some id of the sender may be missing.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | who wrote where and when |
//! | `body.rs` | what was written, by kind |
//! | `rich.rs` | texts with pictures and mentions in between |
//! | `quote.rs` | what the message answers |
//! | `fields.rs` | reading fields of any type |

mod body;
mod fields;
mod quote;
mod rich;

use std::time::Duration;

use serde_json::{Map, Value};
use switchboard_domain::ids::MessageId;
use switchboard_domain::message::{Body, Chat, ChatKind, Inbound, Sender, SessionAddress};
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use thiserror::Error;

use self::fields::{id, name};
use super::frame::millis;

/// Longest id taken from the platform, in bytes; its own are below 100.
pub const ID_BYTES_MAX: usize = 512;

/// Longest name or title kept, in characters.
pub const NAME_CHARS_MAX: usize = 200;

/// Longest webhook address taken, in bytes.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// How long a session webhook works when the message does not say (dingtalk §3.1).
const ADDRESS_LIFETIME: Duration = Duration::from_mins(90);

/// "The monthly quota of pushes is used up": the message comes without content (dingtalk §3.1, §9.2).
const QUOTA_EXHAUSTED: u64 = 20_001;

/// What the envelope knows about a message.
#[derive(Debug, Clone, Copy)]
pub struct Pushed<'a> {
    /// The push's id. Not an identity of the message: a redelivery has another (dingtalk §2.1).
    pub message_id: Option<&'a str>,
    /// When it was pushed, or came in.
    pub at: Timestamp,
}

/// A message that cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CallbackError {
    /// Not a JSON object.
    #[error("decode a robot message: not a JSON object")]
    NotAnObject,
    /// A field is missing, empty or too long.
    #[error("decode a robot message: no usable {0}")]
    Missing(&'static str),
}

/// Decodes a robot message. Never panics.
pub fn decode(data: &str, pushed: Pushed<'_>) -> Result<Inbound, CallbackError> {
    let message: Value = serde_json::from_str(data).map_err(|_| CallbackError::NotAnObject)?;
    let message = message.as_object().ok_or(CallbackError::NotAnObject)?;
    let withheld = ["errCode", "errorCode"]
        .iter()
        .any(|name| message.get(*name).and_then(millis) == Some(QUOTA_EXHAUSTED));
    let id = match (id(message, "msgId"), pushed.message_id) {
        (Some(id), _) => id,
        // Such a push is counted, not answered: the push's own id will do.
        (None, Some(id)) if withheld => id,
        (None, _) => return Err(CallbackError::Missing("msgId")),
    };
    let sent_at = message.get("createAt").and_then(millis).map_or(pushed.at, Timestamp::from_millis);
    let chat = chat(message)?;
    let body = if withheld { Body::Withheld } else { body::body(message, chat.kind) };
    Ok(Inbound {
        id: MessageId::new(id),
        sender: sender(message)?,
        mentioned: message.get("isInAtList").and_then(Value::as_bool),
        session_address: session_address(message, sent_at),
        chat,
        body,
        sent_at,
    })
}

fn chat(message: &Map<String, Value>) -> Result<Chat, CallbackError> {
    let kind = match message.get("conversationType").and_then(millis) {
        Some(1) => ChatKind::Private,
        Some(2) => ChatKind::Group,
        // Only groups have a title or a list of mentions.
        _ if message.contains_key("conversationTitle") || message.contains_key("isInAtList") => {
            ChatKind::Group
        }
        _ => ChatKind::Private,
    };
    Ok(Chat {
        id: id(message, "conversationId").ok_or(CallbackError::Missing("conversationId"))?.to_owned(),
        kind,
        title: name(message, "conversationTitle"),
    })
}

fn sender(message: &Map<String, Value>) -> Result<Sender, CallbackError> {
    // Missing or empty for people outside the company and for unpublished apps (dingtalk §3.4).
    let staff_id = id(message, "senderStaffId");
    let opaque_id = id(message, "senderId")
        .or_else(|| id(message, "senderUnionId"))
        .or(staff_id)
        .ok_or(CallbackError::Missing("senderId"))?;
    Ok(Sender {
        im_user_id: staff_id.map(str::to_owned),
        opaque_id: opaque_id.to_owned(),
        name: name(message, "senderNick").unwrap_or_default(),
    })
}

fn session_address(message: &Map<String, Value>, sent_at: Timestamp) -> Option<SessionAddress> {
    let url = message.get("sessionWebhook")?.as_str()?;
    let usable = !url.is_empty() && url.len() <= ADDRESS_BYTES_MAX;
    let until = message.get("sessionWebhookExpiredTime").and_then(millis);
    usable.then(|| SessionAddress {
        url: Secret::new(url),
        until: until.map_or_else(|| sent_at.after(ADDRESS_LIFETIME), Timestamp::from_millis),
    })
}
