//! Stream frames as pure functions: what the platform pushes, what we acknowledge (dingtalk §2).
//!
//! Tolerant in what it takes: `time` may be a number or a string, `headers` may be spelt `header`, `specVersion`
//! and `messageId` may be missing, `data` may be an object instead of a string with JSON in it, unknown fields are
//! ignored (dingtalk §2.1). Frames are UTF-8 JSON objects of at most 1 MiB; the socket enforces that.

use serde_json::{Value, json};
use switchboard_domain::time::Timestamp;
use thiserror::Error;

/// The topic of robot messages (dingtalk §1.1).
pub const ROBOT_TOPIC: &str = "/v1.0/im/bot/messages/get";

/// The topic of presses on cards (dingtalk §6.9).
pub const CARD_TOPIC: &str = "/v1.0/card/instances/callback";

/// What the platform pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// Asks whether we live: answered at once with the same data (dingtalk §2.2).
    Ping {
        /// To be echoed, where given.
        message_id: Option<String>,
        /// To be sent back unchanged.
        data: String,
    },
    /// Announces that this connection will be closed in about ten seconds (dingtalk §2.7).
    Disconnect,
    /// Another system frame; needs no answer (dingtalk §2.2).
    System,
    /// A message to the robot.
    Robot {
        /// The push's id, for the ack. Without one there is nothing to acknowledge.
        message_id: Option<String>,
        /// When it was pushed, where given.
        pushed_at: Option<Timestamp>,
        /// The message, JSON as text.
        data: String,
    },
    /// Something on a card was pressed; to be answered within two seconds (dingtalk §2.6).
    Card {
        /// The push's id, for the answer. Without one there is nothing to answer.
        message_id: Option<String>,
        /// What was pressed, JSON as text.
        data: String,
    },
    /// A callback of a topic that we do not handle.
    Callback {
        /// The push's id, for the ack.
        message_id: Option<String>,
    },
    /// An event; we subscribe to none, but consume what comes.
    Event {
        /// The push's id, for the ack.
        message_id: Option<String>,
    },
    /// A frame of an unknown type.
    Other,
}

impl Push {
    /// Whether the platform counts it against the company's monthly quota of pushes: everything but what keeps the connection
    /// going (dingtalk §9.2). Whether it counts repeats, nobody has established; we do.
    #[must_use]
    pub const fn is_metered(&self) -> bool {
        match self {
            Self::Robot { .. } | Self::Card { .. } | Self::Callback { .. } | Self::Event { .. } => true,
            Self::Ping { .. } | Self::Disconnect | Self::System | Self::Other => false,
        }
    }
}

/// A frame that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Not a JSON object.
    #[error("decode a stream frame: not a JSON object")]
    NotAnObject,
    /// There is no `type`.
    #[error("decode a stream frame: no type")]
    NoType,
}

/// How we answer a push (dingtalk §2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// To a ping: the received data.
    Pong(&'a str),
    /// The message is ours now. The data of the answer is ignored by the platform (dingtalk §2.3).
    Taken,
    /// To a press on a card: what the card shows to whoever pressed, as [`super::card_callback`] words it.
    Pressed(&'a str),
    /// A press could not be taken (dingtalk §2.5).
    Failed,
    /// The event is consumed (dingtalk §2.4).
    Consumed,
    /// Nobody here handles the topic.
    NotHandled,
}

/// Decodes one text frame. Never panics.
pub fn decode(text: &str) -> Result<Push, FrameError> {
    let frame: Value = serde_json::from_str(text).map_err(|_| FrameError::NotAnObject)?;
    let frame = frame.as_object().ok_or(FrameError::NotAnObject)?;
    let kind = frame.get("type").and_then(Value::as_str).ok_or(FrameError::NoType)?;
    let headers = frame.get("headers").or_else(|| frame.get("header"));
    let header = |name: &str| headers.and_then(|headers| headers.get(name));
    let topic = header("topic").and_then(Value::as_str).unwrap_or_default();
    let message_id =
        header("messageId").and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
    let pushed_at = header("time").or_else(|| frame.get("time")).and_then(millis).map(Timestamp::from_millis);

    if kind.eq_ignore_ascii_case("SYSTEM") {
        Ok(match topic {
            "ping" => Push::Ping { message_id, data: data(frame.get("data")) },
            "disconnect" => Push::Disconnect,
            _ => Push::System,
        })
    } else if kind.eq_ignore_ascii_case("CALLBACK") {
        Ok(match topic {
            ROBOT_TOPIC => Push::Robot { message_id, pushed_at, data: data(frame.get("data")) },
            CARD_TOPIC => Push::Card { message_id, data: data(frame.get("data")) },
            _ => Push::Callback { message_id },
        })
    } else if kind.eq_ignore_ascii_case("EVENT") {
        Ok(Push::Event { message_id })
    } else {
        Ok(Push::Other)
    }
}

/// Encodes the answer to a push. `message_id` is the push's own; a ping may come without.
#[must_use]
pub fn encode(message_id: Option<&str>, answer: Answer<'_>) -> String {
    let mut headers = json!({"contentType": "application/json"});
    if let (Some(id), Some(fields)) = (message_id, headers.as_object_mut()) {
        fields.insert("messageId".to_owned(), Value::from(id));
    }
    let (code, message, data) = match answer {
        Answer::Pong(data) | Answer::Pressed(data) => (200, "OK", data),
        Answer::Taken => (200, "OK", r#"{"response":null}"#),
        Answer::Failed => (500, "not taken, press again", "{}"),
        Answer::Consumed => (200, "OK", r#"{"status":"SUCCESS","message":"success"}"#),
        Answer::NotHandled => (404, "topic not handled", "{}"),
    };
    json!({"code": code, "headers": headers, "message": message, "data": data}).to_string()
}

/// A number of milliseconds that may be a number or a text.
pub(super) fn millis(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn data(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            value.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;
    use switchboard_domain::time::Timestamp;

    use super::{Answer, FrameError, Push, ROBOT_TOPIC, decode, encode};

    #[test]
    fn a_callback_is_decoded_with_its_id_and_time() {
        let frame = json!({
            "specVersion": "1.0", "type": "CALLBACK",
            "headers": {
                "appId": "11111111-2222-4333-8444-555555555555", "connectionId": "2f9c0001",
                "contentType": "application/json", "messageId": "212b9d7c_165f_19bfa1a500a_1461def",
                "time": "1769851697756", "topic": "/v1.0/im/bot/messages/get",
            },
            "data": "{\"msgId\":\"msgXXXX==\"}",
        });
        let push = Push::Robot {
            message_id: Some("212b9d7c_165f_19bfa1a500a_1461def".into()),
            pushed_at: Some(Timestamp::from_millis(1_769_851_697_756)),
            data: "{\"msgId\":\"msgXXXX==\"}".into(),
        };
        assert_eq!(decode(&frame.to_string()), Ok(push));
    }

    #[rstest]
    #[case::number_time(
        json!({"type": "CALLBACK", "headers": {"topic": ROBOT_TOPIC, "messageId": "a", "time": 7},
            "data": "{}"}))]
    #[case::header_without_s(
        json!({"type": "CALLBACK", "header": {"topic": ROBOT_TOPIC, "messageId": "a", "time": "7"},
            "data": "{}"}))]
    #[case::top_level_time(
        json!({"type": "callback", "time": 7, "headers": {"topic": ROBOT_TOPIC, "messageId": "a"},
            "data": "{}"}))]
    #[case::data_as_object(
        json!({"type": "CALLBACK", "headers": {"topic": ROBOT_TOPIC, "messageId": "a", "time": "7"},
            "data": {}, "new": [1]}))]
    fn variants_of_an_envelope_mean_the_same(#[case] frame: serde_json::Value) {
        let push = Push::Robot {
            message_id: Some("a".into()),
            pushed_at: Some(Timestamp::from_millis(7)),
            data: "{}".into(),
        };
        assert_eq!(decode(&frame.to_string()), Ok(push));
    }

    #[rstest]
    #[case::ping(
        json!({"type": "SYSTEM", "headers": {"topic": "ping", "messageId": "c0a8_1"},
            "data": "{\"opaque\":\"123-xyz\"}"}),
        Push::Ping { message_id: Some("c0a8_1".into()), data: "{\"opaque\":\"123-xyz\"}".into() })]
    #[case::bare_ping(
        json!({"type": "SYSTEM", "headers": {"topic": "ping"}}),
        Push::Ping { message_id: None, data: String::new() })]
    #[case::disconnect(
        json!({"type": "SYSTEM", "headers": {"topic": "disconnect"},
            "data": "{\"reason\":\"connection is expired\"}"}),
        Push::Disconnect)]
    #[case::keepalive(json!({"type": "SYSTEM", "headers": {"topic": "KEEPALIVE"}}), Push::System)]
    #[case::registered(json!({"type": "SYSTEM", "headers": {"topic": "REGISTERED"}}), Push::System)]
    #[case::event(
        json!({"type": "EVENT", "headers": {"topic": "*", "messageId": "213d", "eventType": "robot_msg_recall"},
            "data": "{}"}),
        Push::Event { message_id: Some("213d".into()) })]
    #[case::card_click(
        json!({"type": "CALLBACK", "headers": {"topic": "/v1.0/card/instances/callback", "messageId": "x"},
            "data": "{}"}),
        Push::Card { message_id: Some("x".into()), data: "{}".into() })]
    #[case::unknown_topic(
        json!({"type": "CALLBACK", "headers": {"topic": "/v1.0/graph/api/invoke", "messageId": "x"},
            "data": "{}"}),
        Push::Callback { message_id: Some("x".into()) })]
    #[case::empty_id(
        json!({"type": "EVENT", "headers": {"messageId": ""}}), Push::Event { message_id: None })]
    #[case::no_headers(json!({"type": "CALLBACK"}), Push::Callback { message_id: None })]
    #[case::unknown_type(json!({"type": "NEWS"}), Push::Other)]
    fn each_kind_of_frame_is_told_apart(#[case] frame: serde_json::Value, #[case] push: Push) {
        assert_eq!(decode(&frame.to_string()), Ok(push));
    }

    #[rstest]
    #[case("", FrameError::NotAnObject)]
    #[case("[1]", FrameError::NotAnObject)]
    #[case("{\"type\":1}", FrameError::NoType)]
    #[case("{}", FrameError::NoType)]
    fn what_is_no_frame_is_refused(#[case] text: &str, #[case] error: FrameError) {
        assert_eq!(decode(text), Err(error));
    }

    #[rstest]
    #[case(Answer::Pong("{\"opaque\":\"1\"}"),
        json!({"code": 200, "headers": {"contentType": "application/json", "messageId": "m"},
            "message": "OK",
            "data": "{\"opaque\":\"1\"}"}))]
    #[case(Answer::Taken,
        json!({"code": 200, "headers": {"contentType": "application/json", "messageId": "m"},
            "message": "OK",
            "data": "{\"response\":null}"}))]
    #[case(Answer::Consumed,
        json!({"code": 200, "headers": {"contentType": "application/json", "messageId": "m"},
            "message": "OK",
            "data": "{\"status\":\"SUCCESS\",\"message\":\"success\"}"}))]
    #[case(Answer::Pressed("{\"response\":{}}"),
        json!({"code": 200, "headers": {"contentType": "application/json", "messageId": "m"},
            "message": "OK",
            "data": "{\"response\":{}}"}))]
    #[case(Answer::Failed,
        json!({"code": 500, "headers": {"contentType": "application/json", "messageId": "m"},
            "message": "not taken, press again",
            "data": "{}"}))]
    #[case(Answer::NotHandled,
        json!({"code": 404, "headers": {"contentType": "application/json", "messageId": "m"},
            "message": "topic not handled",
            "data": "{}"}))]
    fn answers_are_shaped_as_documented(#[case] answer: Answer<'_>, #[case] frame: serde_json::Value) {
        assert_eq!(serde_json::from_str::<serde_json::Value>(&encode(Some("m"), answer)).unwrap(), frame);
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in ".*") {
            let _ = decode(&text);
        }

        #[test]
        fn a_pong_carries_any_data_unchanged(data in ".*", id in "[a-z0-9_]{1,40}") {
            let answer: serde_json::Value = serde_json::from_str(&encode(Some(&id), Answer::Pong(&data))).unwrap();
            prop_assert_eq!(answer["data"].as_str(), Some(data.as_str()));
            prop_assert_eq!(answer["headers"]["messageId"].as_str(), Some(id.as_str()));
        }
    }
}
