//! Texts with pictures and mentions in between (`richText`, dingtalk §3.2, §3.3).

use serde_json::{Map, Value};
use switchboard_domain::content::{ATTACHMENTS_MAX, Attachment, AttachmentKind, Piece};
use switchboard_domain::message::TEXT_BYTES_MAX;
use switchboard_domain::secret::Secret;

use super::fields::{code, list};
use crate::dingtalk::text::cut;

/// Pictures kept at most: more than are taken, so that the rest can be counted.
const PICTURES_MAX: usize = 10 * ATTACHMENTS_MAX;

/// The elements in order, texts next to each other joined as they stand. The bot's own mention stays in these texts
/// (dingtalk §3.2), and its name is not in the message. It is taken out only where it is certain: as an element that
/// names the bot, or as a leading `@word` when `strip` says that nobody but the bot is mentioned. A name with blanks
/// leaves its rest behind, which is better than eating somebody else's mention.
pub(super) fn rich(content: &Map<String, Value>, bot: Option<&str>, strip: bool) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut bytes_left, mut pictures_left) = (TEXT_BYTES_MAX, PICTURES_MAX);
    let mut say = |pieces: &mut Vec<Piece>, words: &str| {
        let words = cut(words, bytes_left);
        bytes_left = bytes_left.saturating_sub(words.len());
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push_str(words),
            Some(Piece::Attachment(_)) | None if words.is_empty() => {}
            Some(Piece::Attachment(_)) | None => pieces.push(Piece::Text(words.to_owned())),
        }
    };
    for element in list(content.get("richText")).unwrap_or_default() {
        let Some(element) = element.as_object() else { continue };
        let field = |name: &str| element.get(name).and_then(Value::as_str);
        match field("type") {
            Some("picture") if pictures_left > 0 => {
                pictures_left = pictures_left.saturating_sub(1);
                pieces.push(Piece::Attachment(picture(element)));
            }
            Some("picture") => {}
            Some("at") if bot.is_some() && field("atUserId") == bot => {}
            Some("at") => say(&mut pieces, &format!("@{}", field("atName").unwrap_or_default())),
            None if field("text").is_none() && !code(element).is_empty() && pictures_left > 0 => {
                pictures_left = pictures_left.saturating_sub(1);
                pieces.push(Piece::Attachment(picture(element)));
            }
            Some(_) | None => say(&mut pieces, field("text").unwrap_or_default()),
        }
    }
    if strip {
        let texts = pieces.iter_mut().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Attachment(_) => None,
        });
        if let Some(text) = texts.into_iter().next() {
            *text = without_leading_mention(text).to_owned();
        }
    }
    trimmed(pieces)
}

fn picture(element: &Map<String, Value>) -> Attachment {
    Attachment {
        kind: AttachmentKind::Picture,
        name: String::new(),
        duration: None,
        source: Secret::new(code(element)),
    }
}

/// Without blanks around the whole; blanks between words and pictures mean nothing to anybody and stay.
fn trimmed(mut pieces: Vec<Piece>) -> Vec<Piece> {
    if let Some(Piece::Text(text)) = pieces.first_mut() {
        *text = text.trim_start().to_owned();
    }
    if let Some(Piece::Text(text)) = pieces.last_mut() {
        text.truncate(text.trim_end().len());
    }
    pieces.retain(|piece| match piece {
        Piece::Text(text) => !text.is_empty(),
        Piece::Attachment(_) => true,
    });
    pieces
}

/// Whether the message says that the bot is mentioned and nobody else is.
pub(super) fn only_the_bot_is_mentioned(message: &Map<String, Value>) -> bool {
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
