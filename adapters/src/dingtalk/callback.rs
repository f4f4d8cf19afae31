//! Robot messages as the platform pushes them, decoded into the domain's message model (dingtalk §3).
//!
//! Pure and tolerant: numbers may be texts, `content` may be JSON in a text, every field but the message's id, the
//! conversation's and some id of the sender may be missing.

use std::time::Duration;

use serde_json::{Map, Value};
use switchboard_domain::ids::MessageId;
use switchboard_domain::message::{Body, Chat, ChatKind, Inbound, Sender, SessionAddress, TEXT_BYTES_MAX};
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use thiserror::Error;

use super::frame::millis;
use super::text::{cut, cut_chars};

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
    let body = if withheld { Body::Withheld } else { body(message, chat.kind) };
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

fn body(message: &Map<String, Value>, kind: ChatKind) -> Body {
    let content = content(message.get("content"));
    let content_text =
        |name: &str| content.as_ref().and_then(|content| content.get(name)).and_then(Value::as_str);
    match message.get("msgtype").and_then(Value::as_str).unwrap_or_default() {
        "text" => Body::Text(plain(message)),
        "richText" => {
            let strip = kind == ChatKind::Group && only_the_bot_is_mentioned(message);
            let bot = message.get("chatbotUserId").and_then(Value::as_str);
            rich(content.as_ref().and_then(|content| content.get("richText")), bot, strip)
        }
        "picture" => Body::Picture,
        "audio" => {
            Body::Audio { recognition: content_text("recognition").map(tidy).filter(|text| !text.is_empty()) }
        }
        "video" => Body::Video,
        "file" => {
            Body::File { name: cut_chars(content_text("fileName").unwrap_or_default(), NAME_CHARS_MAX) }
        }
        "markdown" => match content_text("text").or_else(|| content_text("content")) {
            Some(text) => Body::Text(tidy(text)),
            None => Body::Text(plain(message)),
        },
        _ => Body::Unknown,
    }
}

/// `text.content`, or `text` itself where it is a text. The platform took the bot's own mention out and left a blank
/// (dingtalk §3.2); a bare mention is an empty text.
fn plain(message: &Map<String, Value>) -> String {
    let text = content(message.get("text"));
    let inner = text.as_ref().and_then(|text| text.get("content")).and_then(Value::as_str);
    tidy(inner.or_else(|| message.get("text").and_then(Value::as_str)).unwrap_or_default())
}

/// The text elements joined as they stand, pictures counted. The bot's own mention stays in these texts
/// (dingtalk §3.2), and its name is not in the message. It is taken out only where it is certain: as an element that
/// names the bot, or as a leading `@word` when `strip` says that nobody but the bot is mentioned. A name with blanks
/// leaves its rest behind, which is better than eating somebody else's mention.
fn rich(elements: Option<&Value>, bot: Option<&str>, strip: bool) -> Body {
    let mut text = String::new();
    let mut pictures = 0_u32;
    for element in elements.and_then(Value::as_array).into_iter().flatten() {
        let field = |name: &str| element.get(name).and_then(Value::as_str);
        match field("type") {
            Some("picture") => pictures = pictures.saturating_add(1),
            Some("at") if bot.is_some() && field("atUserId") == bot => {}
            Some("at") => {
                text.push('@');
                text.push_str(field("atName").unwrap_or_default());
            }
            Some(_) | None => text.push_str(field("text").unwrap_or_default()),
        }
        if text.len() > TEXT_BYTES_MAX {
            break;
        }
    }
    let text = if strip { without_leading_mention(&text) } else { &text };
    Body::RichText { text: tidy(text), pictures }
}

/// Whether the message says that the bot is mentioned and nobody else is.
fn only_the_bot_is_mentioned(message: &Map<String, Value>) -> bool {
    let bot = message.get("chatbotUserId").and_then(Value::as_str);
    let mentioned = message.get("atUsers").and_then(Value::as_array);
    match mentioned.map(Vec::as_slice) {
        Some([one]) => bot.is_some() && one.get("dingtalkId").and_then(Value::as_str) == bot,
        Some(_) | None => false,
    }
}

fn without_leading_mention(text: &str) -> &str {
    match text.trim_start().strip_prefix('@') {
        Some(rest) if !rest.starts_with(char::is_whitespace) => {
            rest.split_once(char::is_whitespace).map_or("", |(_name, rest)| rest)
        }
        Some(_) | None => text,
    }
}

/// An object, or an object as JSON in a text (dingtalk §3.5).
fn content(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        value @ Value::Object(_) => Some(value.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn tidy(text: &str) -> String {
    cut(text.trim(), TEXT_BYTES_MAX).to_owned()
}

fn id<'a>(message: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let id = message.get(name)?.as_str()?;
    (!id.is_empty() && id.len() <= ID_BYTES_MAX).then_some(id)
}

fn name(message: &Map<String, Value>, name: &str) -> Option<String> {
    let name = message.get(name)?.as_str()?.trim();
    (!name.is_empty()).then(|| cut_chars(name, NAME_CHARS_MAX))
}
