//! What a message consists of, by its kind (dingtalk §3.3).

use serde_json::{Map, Value};
use switchboard_domain::content::{Attachment, AttachmentKind, Content, Piece};
use switchboard_domain::message::{Body, ChatKind};
use switchboard_domain::secret::Secret;

use super::fields::{code, duration_ms, duration_ms_or_s, object, text_of, tidy};
use super::quote::quoted;
use super::rich::{only_the_bot_is_mentioned, rich};
use crate::dingtalk::text::cut_chars;

/// Longest file name taken, in characters.
const FILE_NAME_CHARS_MAX: usize = 255;

/// Longest ending of a video's name, in bytes.
const ENDING_BYTES_MAX: usize = 8;

/// The kinds that we know, those of quoted messages included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Rich,
    Picture,
    Audio,
    Video,
    File,
    Markdown,
    /// A card of a bot's.
    Card,
    /// Messages that somebody passed on together.
    Record,
    /// A text that answers another message.
    Reply,
    Unknown,
}

impl Kind {
    /// By name; where there is none, by the fields that only one kind has.
    pub(super) fn of(name: &str, has_text: bool, content: &Map<String, Value>) -> Self {
        match name {
            "text" => Self::Text,
            "richText" => Self::Rich,
            "picture" | "image" => Self::Picture,
            "audio" | "voice" => Self::Audio,
            "video" => Self::Video,
            "file" => Self::File,
            "markdown" => Self::Markdown,
            "interactiveCard" | "actionCard" => Self::Card,
            "chatRecord" => Self::Record,
            "reply" => Self::Reply,
            "" => Self::by_fields(has_text, content),
            _ => Self::Unknown,
        }
    }

    fn by_fields(has_text: bool, content: &Map<String, Value>) -> Self {
        let has = |name: &str| content.contains_key(name);
        match () {
            () if has("richText") => Self::Rich,
            () if has("videoType") => Self::Video,
            () if has("fileName") => Self::File,
            () if has("downloadCode") && (has("duration") || has("recognition")) => Self::Audio,
            () if has("downloadCode") => Self::Picture,
            () if has_text || has("text") => Self::Text,
            () => Self::Unknown,
        }
    }
}

pub(super) fn body(message: &Map<String, Value>, chat: ChatKind) -> Body {
    let content = object(message.get("content")).unwrap_or_default();
    let name = message.get("msgtype").and_then(Value::as_str).unwrap_or_default();
    let kind = Kind::of(name, message.contains_key("text"), &content);
    let quoted = quoted(message, &content);
    let pieces = match kind {
        Kind::Text => vec![Piece::Text(plain(message))],
        Kind::Rich => {
            let strip = chat == ChatKind::Group && only_the_bot_is_mentioned(message);
            rich(&content, message.get("chatbotUserId").and_then(Value::as_str), strip)
        }
        Kind::Picture | Kind::Audio | Kind::Video | Kind::File => file(kind, &content),
        // An empty text calls the bot; without a word of their own these say nothing that we could name.
        Kind::Markdown | Kind::Reply => vec![Piece::Text(words(message, &content, &["text", "content"]))],
        Kind::Card => {
            let card = card(&content);
            vec![Piece::Text(if card.is_empty() { plain(message) } else { card })]
        }
        Kind::Record => vec![Piece::Text(record(&content))],
        Kind::Unknown => return Body::Unknown,
    };
    let may_be_empty = match kind {
        Kind::Text | Kind::Rich | Kind::Markdown | Kind::Picture | Kind::Audio | Kind::Video | Kind::File => {
            true
        }
        Kind::Reply | Kind::Card | Kind::Record | Kind::Unknown => quoted.is_some(),
    };
    if !may_be_empty && pieces == [Piece::Text(String::new())] {
        return Body::Unknown;
    }
    Body::Content(Content { pieces, quoted })
}

/// `text.content`, or `text` itself where it is a text. The platform took the bot's own mention out and left a blank
/// (dingtalk §3.2); a bare mention is an empty text.
fn plain(message: &Map<String, Value>) -> String {
    let text = object(message.get("text"));
    let inner = text.as_ref().and_then(|text| said(text.get("content")?));
    tidy(&inner.or_else(|| said(message.get("text")?)).unwrap_or_default())
}

/// What somebody wrote; who wrote nothing but a number may have it come as one.
fn said(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Words that stand in one of these fields of the content, else where those of a text stand.
fn words(message: &Map<String, Value>, content: &Map<String, Value>, names: &[&str]) -> String {
    text_of(content, names).map_or_else(|| plain(message), tidy)
}

/// What a card says: its title, unless its text begins with that, and its text.
pub(super) fn card(content: &Map<String, Value>) -> String {
    let text = text_of(content, &["markdown", "text"]).unwrap_or_default();
    let title = text_of(content, &["title"]).unwrap_or_default();
    let beginning = text.trim_start_matches(|c: char| c.is_whitespace() || "#*>".contains(c));
    if beginning.starts_with(title) { tidy(text) } else { tidy(&format!("{title}\n{text}")) }
}

/// What messages passed on together say of themselves: their title and summary. What is in `chatRecord` differs from
/// client to client and is not documented.
pub(super) fn record(content: &Map<String, Value>) -> String {
    let parts = ["title", "summary"].iter().filter_map(|name| text_of(content, &[name]));
    tidy(&parts.collect::<Vec<_>>().join("\n"))
}

/// A picture, voice message, video or file. A voice message that the platform understood is its words.
pub(super) fn file(kind: Kind, content: &Map<String, Value>) -> Vec<Piece> {
    let recognized = text_of(content, &["recognition"]).filter(|_| kind == Kind::Audio);
    if let Some(words) = recognized {
        return vec![Piece::Text(tidy(words))];
    }
    let (kind, name, duration) = match kind {
        Kind::Audio => (AttachmentKind::Audio, String::new(), duration_ms(content)),
        Kind::Video => (AttachmentKind::Video, video_name(content), duration_ms_or_s(content)),
        Kind::File => {
            let name = text_of(content, &["fileName"]).unwrap_or_default();
            (AttachmentKind::File, tail(name), None)
        }
        Kind::Picture
        | Kind::Text
        | Kind::Rich
        | Kind::Markdown
        | Kind::Card
        | Kind::Record
        | Kind::Reply
        | Kind::Unknown => (AttachmentKind::Picture, String::new(), None),
    };
    vec![Piece::Attachment(Attachment { kind, name, duration, source: Secret::new(code(content)) })]
}

fn video_name(content: &Map<String, Value>) -> String {
    let ending = text_of(content, &["videoType"]).unwrap_or_default();
    let is_plain =
        ending.len() <= ENDING_BYTES_MAX && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plain && !ending.is_empty() {
        format!("video.{}", ending.to_ascii_lowercase())
    } else {
        String::new()
    }
}

/// The end of a name that is too long: what is telling about a file is at its end.
fn tail(name: &str) -> String {
    let excess = name.chars().count().saturating_sub(FILE_NAME_CHARS_MAX);
    if excess == 0 {
        name.to_owned()
    } else {
        cut_chars(&name.chars().skip(excess).collect::<String>(), FILE_NAME_CHARS_MAX)
    }
}
