//! What a message answers (dingtalk §3.5).

use serde_json::{Map, Value};
use switchboard_domain::content::{Piece, Quoted};

use super::body::{Kind, card, file, record};
use super::fields::{id, is_set, object, text_of, tidy};
use super::rich::rich;

/// The quoted message, where there is one. The fields stand in `text`, in a rich text in `content`.
pub(super) fn quoted(message: &Map<String, Value>, content: &Map<String, Value>) -> Option<Quoted> {
    let text = object(message.get("text")).unwrap_or_default();
    let places = [&text, content, message];
    // Only robots' messages have one: the `carrierId` of a card, the `processQueryKey` of a message.
    let key = id(message, "originalProcessQueryKey").map(str::to_owned);
    let replied = places.iter().find_map(|place| object(place.get("repliedMsg")));
    if let Some(replied) = replied {
        return Some(match (of(&replied), key) {
            (Quoted::Card { .. } | Quoted::Unreadable, Some(key)) => Quoted::Card { key: Some(key) },
            (quoted, _) => quoted,
        });
    }
    // Only the ids of what is answered are there: the platform says that it was a card, or nothing.
    let has = |name: &str| text_of(message, &[name]).is_some();
    if has("originalProcessQueryKey") {
        return Some(Quoted::Card { key });
    }
    let answers = places.iter().any(|place| is_set(place, "isReplyMsg")) || has("originalMsgId");
    answers.then_some(Quoted::Unreadable)
}

fn of(replied: &Map<String, Value>) -> Quoted {
    let content = match object(replied.get("content")) {
        Some(content) => content,
        // A text that is no JSON is the words themselves.
        None => match replied.get("content").and_then(Value::as_str) {
            Some(words) => Map::from_iter([("text".to_owned(), Value::from(words))]),
            None => Map::new(),
        },
    };
    let kind = text_of(replied, &["msgType", "msgtype"]).unwrap_or_default();
    let pieces = match Kind::of(kind, false, &content) {
        Kind::Text | Kind::Markdown | Kind::Reply => words(&content, &["text", "content"]),
        Kind::Rich => rich(&content, None, false),
        Kind::Record => vec![Piece::Text(record(&content))],
        kind @ (Kind::Picture | Kind::Audio | Kind::Video | Kind::File) => file(kind, &content),
        Kind::Card => match vec![Piece::Text(card(&content))] {
            pieces if is_blank(&pieces) => return Quoted::Card { key: None },
            pieces => pieces,
        },
        Kind::Unknown => Vec::new(),
    };
    if is_blank(&pieces) { Quoted::Unreadable } else { Quoted::Content(pieces) }
}

fn words(content: &Map<String, Value>, names: &[&str]) -> Vec<Piece> {
    text_of(content, names).map(|text| Piece::Text(tidy(text))).into_iter().collect()
}

fn is_blank(pieces: &[Piece]) -> bool {
    pieces.iter().all(|piece| match piece {
        Piece::Text(text) => text.trim().is_empty(),
        Piece::Attachment(_) => false,
    })
}
