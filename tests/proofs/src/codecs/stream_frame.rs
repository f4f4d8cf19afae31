//! Stream frames: what is no frame is told apart as documented, what is one means the same in every spelling.

use serde_json::{Map, Value, json};
use switchboard_adapters::dingtalk::frame::{
    Answer, CARD_TOPIC, FrameError, Push, ROBOT_TOPIC, decode, encode,
};

use crate::bytes::Bytes;

/// The target.
pub fn stream_frame(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let text = if bytes.flag() { bytes.rest_text() } else { two_spellings(&mut bytes) };
    is_refused_as_documented(&text);
    if let Ok(push) = decode(&text) {
        let plain = plain(&push);
        assert_eq!(decode(&plain), Ok(push.clone()), "{plain} does not mean what it was written from");
        is_answered_in_kind(&push);
    }
}

fn is_refused_as_documented(text: &str) {
    let expected = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(frame)) if frame.get("type").is_some_and(Value::is_string) => None,
        Ok(Value::Object(_)) => Some(FrameError::NoType),
        Ok(_) | Err(_) => Some(FrameError::NotAnObject),
    };
    assert_eq!(decode(text).err(), expected);
}

/// A frame that says no more than this push.
fn plain(push: &Push) -> String {
    let frame = |kind: &str, topic: &str, id: &Option<String>, data: &str| {
        let mut headers = json!({"topic": topic});
        if let Some(id) = id {
            headers["messageId"] = json!(id);
        }
        json!({"type": kind, "headers": headers, "data": data})
    };
    let frame = match push {
        Push::Ping { message_id, data } => frame("SYSTEM", "ping", message_id, data),
        Push::Disconnect => frame("SYSTEM", "disconnect", &None, ""),
        Push::System => frame("SYSTEM", "other", &None, ""),
        Push::Robot { message_id, pushed_at, data } => {
            let mut frame = frame("CALLBACK", ROBOT_TOPIC, message_id, data);
            if let Some(at) = pushed_at {
                frame["headers"]["time"] = json!(at.as_millis().to_string());
            }
            frame
        }
        Push::Card { message_id, data } => frame("CALLBACK", CARD_TOPIC, message_id, data),
        Push::Callback { message_id } => frame("CALLBACK", "other", message_id, ""),
        Push::Event { message_id } => frame("EVENT", "*", message_id, ""),
        Push::Other => frame("OTHER", "", &None, ""),
    };
    frame.to_string()
}

fn is_answered_in_kind(push: &Push) {
    let (id, answer, data) = match push {
        Push::Ping { message_id, data } => (message_id, Answer::Pong(data), Some(data)),
        Push::Robot { message_id, .. } => (message_id, Answer::Taken, None),
        Push::Card { message_id, data } => (message_id, Answer::Pressed(data), Some(data)),
        Push::Event { message_id } => (message_id, Answer::Consumed, None),
        Push::Callback { message_id } => (message_id, Answer::NotHandled, None),
        Push::Disconnect | Push::System | Push::Other => return,
    };
    assert_ne!(id.as_deref(), Some(""), "an id of nothing");
    let sent: Value = serde_json::from_str(&encode(id.as_deref(), answer)).expect("JSON");
    assert_eq!(sent["headers"].get("messageId").and_then(Value::as_str), id.as_deref());
    assert!(sent["code"].is_u64() && sent["data"].is_string());
    if let Some(data) = data {
        assert_eq!(sent["data"].as_str(), Some(data.as_str()), "an answer brings what it was given");
    }
}

/// The same frame as the platform spells it and as it might: both must mean the same. Gives one of them.
fn two_spellings(bytes: &mut Bytes<'_>) -> String {
    let kind = bytes.one_of(&["SYSTEM", "CALLBACK", "EVENT", "OTHER"]);
    let topic = bytes.one_of(&["ping", "disconnect", "KEEPALIVE", ROBOT_TOPIC, CARD_TOPIC, "*", ""]);
    let time = bytes.flag().then(|| u64::from(bytes.number()) * 1_000_003);
    let id = bytes.flag().then(|| bytes.text(12));
    let extra = bytes.text(8);
    let data = json!({"text": bytes.rest_text()});

    let mut headers = Map::from_iter([("topic".to_owned(), json!(topic))]);
    if let Some(id) = id {
        headers.insert("messageId".to_owned(), json!(id));
    }
    let mut usual = json!({"specVersion": "1.0", "type": kind, "headers": headers, "data": data.to_string()});
    let mut other = json!({"type": kind.to_lowercase(), "header": headers, "data": data});
    if let Some(time) = time {
        usual["headers"]["time"] = json!(time.to_string());
        other["time"] = json!(time);
    }
    other[format!("x{extra}")] = json!([extra]);
    assert_eq!(decode(&usual.to_string()), decode(&other.to_string()), "{usual} and {other}");
    usual.to_string()
}
