//! Robot messages: bounds of everything taken, and one meaning however numbers and contents are spelt.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use switchboard_adapters::dingtalk::callback::{CallbackError, ID_BYTES_MAX, NAME_CHARS_MAX, Pushed, decode};
use switchboard_domain::content::{self, ATTACHMENTS_MAX, Content, Piece};
use switchboard_domain::message::{Body, ChatKind, Inbound, TEXT_BYTES_MAX};
use switchboard_domain::time::Timestamp;

use crate::bytes::Bytes;

const PUSHED: Pushed<'static> = Pushed { message_id: Some("push"), at: Timestamp::from_millis(7) };

/// The target.
pub fn robot_callback(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let text = if bytes.flag() { bytes.rest_text() } else { two_spellings(&mut bytes) };
    let is_object = serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object());
    match decode(&text, PUSHED) {
        Ok(message) => {
            assert!(is_object);
            keeps_the_bounds(&message);
        }
        Err(error) => assert_eq!(is_object, error != CallbackError::NotAnObject, "{error}"),
    }
}

fn keeps_the_bounds(message: &Inbound) {
    let is_id = |id: &str| !id.is_empty() && id.len() <= ID_BYTES_MAX;
    assert!(is_id(message.id.as_str()) && is_id(&message.chat.id) && is_id(&message.sender.opaque_id));
    assert!(message.sender.im_user_id.as_deref().is_none_or(is_id));
    assert!(is_id(message.sender.key()));
    let is_name = |name: &str| name.chars().count() <= NAME_CHARS_MAX;
    assert!(is_name(&message.sender.name) && message.chat.title.as_deref().is_none_or(is_name));
    match &message.body {
        Body::Content(content) => makes_a_question(content),
        Body::Unknown | Body::Withheld => {}
    }
    assert!(message.session_address.as_ref().is_none_or(|address| !address.url.is_empty()));
}

/// Words within their bound, and every file under a name of its own that the question says.
fn makes_a_question(content: &Content) {
    let words = content.words();
    let is_file = |piece: &Piece| matches!(piece, Piece::Attachment(_));
    assert_eq!(words.is_none(), content.pieces.iter().any(is_file), "words alone are words");
    for piece in &content.pieces {
        match piece {
            Piece::Text(text) => assert!(text.len() <= TEXT_BYTES_MAX),
            Piece::Attachment(file) => {
                assert_eq!(file.source.expose().trim(), file.source.expose());
            }
        }
    }
    let question = content.clone().into_question();
    assert!(question.text.len() <= TEXT_BYTES_MAX && question.attachments.len() <= ATTACHMENTS_MAX);
    let mut names = BTreeSet::new();
    for file in &question.attachments {
        assert!(!file.name.is_empty() && file.name.chars().count() <= content::NAME_CHARS_MAX + 3);
        assert!(!file.name.contains(['[', ']', '/', '\\']) && !file.name.chars().any(char::is_control));
        assert!(names.insert(&file.name), "two files of one name");
        let mark = format!("[{}: {}", file.kind.as_str(), file.name);
        let is_cut = question.text.len() > TEXT_BYTES_MAX - 256;
        let is_quoted = content.quoted.is_some();
        assert!(is_cut || is_quoted || question.text.contains(&mark), "{mark} is not named in the question");
    }
    if let (Some(words), None) = (words, &content.quoted) {
        assert_eq!(question.text, words, "a question of nothing but words is these words");
    }
}

/// The same text message as the platform spells it and as it might. Gives one of them.
fn two_spellings(bytes: &mut Bytes<'_>) -> String {
    let kind = 1 + bytes.below(2);
    let (id, chat, sender) = (bytes.text(12), bytes.text(12), bytes.text(12));
    let created_at = u64::from(bytes.number()) * 1_000_003;
    let (nick, webhook, extra) = (bytes.text(20), bytes.text(20), bytes.text(8));
    let message_type = bytes.one_of(&["text", "richText", "file", "audio"]);
    let said = bytes.rest_text();
    let mut usual = json!({
        "msgId": id, "conversationId": chat, "conversationType": kind.to_string(), "senderId": sender,
        "senderNick": nick, "createAt": created_at, "sessionWebhook": webhook, "msgtype": "text",
        "sessionWebhookExpiredTime": created_at, "text": {"content": said},
    });
    let mut other = usual.clone();
    other["conversationType"] = json!(kind);
    other["createAt"] = json!(created_at.to_string());
    other["sessionWebhookExpiredTime"] = json!(format!(" {created_at} "));
    other["text"] = json!(json!({"content": said}).to_string());
    other[format!("x{extra}")] = json!({"x": extra});
    let (one, same) = (decode(&usual.to_string(), PUSHED), decode(&other.to_string(), PUSHED));
    assert_eq!(one, same, "{usual} and {other}");
    if let Ok(message) = one {
        says_what_was_said(&message, &said, kind, created_at);
    } else {
        assert!([&id, &chat, &sender].iter().any(|id| id.is_empty()), "{usual} was refused");
    }
    usual["msgtype"] = json!(message_type);
    usual.to_string()
}

fn says_what_was_said(message: &Inbound, said: &str, kind: usize, created_at: u64) {
    let Body::Content(content) = &message.body else { panic!("a text became {:?}", message.body) };
    let text = content.words().expect("words without files");
    assert_eq!(content.pieces, [Piece::Text(text.clone())], "a text is one piece, without blanks around it");
    assert!(said.trim().starts_with(text.as_str()));
    assert!(text.len() == said.trim().len() || text.len() > TEXT_BYTES_MAX - 4, "cut for no reason");
    assert_eq!(message.chat.kind, if kind == 1 { ChatKind::Private } else { ChatKind::Group });
    assert_eq!(message.sent_at, Timestamp::from_millis(created_at));
}
