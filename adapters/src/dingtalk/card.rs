//! Cards as pure functions: ids, and the bodies of the calls (dingtalk §6).

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use switchboard_domain::content::KEY_BYTES_MAX;
use switchboard_domain::ids::{ChannelId, MessageId, RetryNumber};
use switchboard_domain::message::{ChatKind, Target};
use switchboard_domain::time::Timestamp;

use super::config::{CardSettings, STATUS_TEMPLATES, STREAMED_TEMPLATE};
use crate::hex::digits;

/// The public template's variable that holds the streamed text (dingtalk §6.7).
const PUBLIC_KEY: &str = "msgContent";

/// What stands for an empty final text, which the platform would refuse (dingtalk §6.8, contentEmpty).
const EMPTY_FINAL: &str = "…";

/// How a template is driven (dingtalk §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Flow A, the platform's own templates: its states are set by the variable `flowStatus`.
    Status,
    /// Flow B, self-made templates: streaming alone moves the states.
    Streaming,
}

/// States of flow A, as the variable's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlowStatus {
    /// "Thinking...".
    Processing,
    /// Text is being written.
    Inputing,
    /// Done.
    Finished,
    /// Failed.
    Failed,
}

impl FlowStatus {
    const fn value(self) -> &'static str {
        match self {
            Self::Processing => "1",
            Self::Inputing => "2",
            Self::Finished => "3",
            Self::Failed => "5",
        }
    }
}

/// A streaming call's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stroke {
    /// More is to come.
    Update,
    /// The last one.
    Finish,
    /// The last one; it tells of a failure.
    Fail,
}

impl Stroke {
    const fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Finish => "finish",
            Self::Fail => "fail",
        }
    }
}

impl CardSettings {
    /// How the template is driven.
    pub(super) fn flow(&self) -> Flow {
        if STATUS_TEMPLATES.contains(&self.template.as_str()) { Flow::Status } else { Flow::Streaming }
    }

    /// The variable that is streamed.
    pub(super) fn key(&self) -> &str {
        match self.flow() {
            Flow::Status => PUBLIC_KEY,
            Flow::Streaming if self.template == STREAMED_TEMPLATE.0 => STREAMED_TEMPLATE.1,
            Flow::Streaming => &self.content_key,
        }
    }
}

/// A card's id: 64 hexadecimal digits, as long as allowed (dingtalk §6.3), the same for every attempt at one message or at
/// one retry of it (R8).
pub(super) fn track_id(channel: &ChannelId, message: &MessageId, retry: RetryNumber) -> String {
    if retry == RetryNumber(0) {
        // As before there were retries: cards may be open while the program is upgraded.
        return digest(&["card", channel.as_str(), message.as_str()]);
    }
    digest(&["card", channel.as_str(), message.as_str(), &retry.to_string()])
}

/// A streaming call's key: the same for the same content of the same attempt (R8). The kind of call is part of it, or a
/// final text equal to the last update would be taken for its repetition and the card never closed.
pub(super) fn guid(track_id: &str, attempt: u32, stroke: Stroke, content: &str) -> String {
    digest(&["guid", track_id, &attempt.to_string(), stroke.name(), content])
}

/// SHA-256 over length-prefixed parts, in hexadecimal.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    digits(&hash.finalize())
}

/// The body that makes a card and shows it with its first text; `None` where the platform's calls cannot name the
/// person: outsiders and unpublished apps get no card (dingtalk §3.4).
pub(super) fn create(
    robot_code: &str,
    settings: &CardSettings,
    track_id: &str,
    target: &Target,
    text: &str,
) -> Option<Value> {
    // The operator's key always carries the first text, as the contract says; a template ignores variables it
    // does not have.
    let mut params = parameters(settings, FlowStatus::Processing, text);
    params.insert(settings.content_key.clone(), Value::from(text));
    if let Some(key) = settings.stop.as_ref().and_then(|stop| stop.key.as_deref()) {
        params.insert(key.to_owned(), Value::from("true"));
    }
    let mut body = json!({
        "cardTemplateId": settings.template,
        "outTrackId": track_id,
        "callbackType": "STREAM",
        "userIdType": 1,
        "cardData": {"cardParamMap": params},
    });
    let fields = body.as_object_mut()?;
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    match target.chat.kind {
        ChatKind::Group => {
            set("openSpaceId", Value::from(format!("dtv1.card//IM_GROUP.{}", target.chat.id)));
            set("imGroupOpenSpaceModel", json!({"supportForward": true}));
            set("imGroupOpenDeliverModel", json!({"robotCode": robot_code}));
        }
        ChatKind::Private => {
            let person = target.im_user_id.as_deref()?;
            set("openSpaceId", Value::from(format!("dtv1.card//IM_ROBOT.{person}")));
            set("imRobotOpenSpaceModel", json!({"supportForward": true}));
            set("imRobotOpenDeliverModel", json!({"spaceType": "IM_ROBOT", "robotCode": robot_code}));
        }
    }
    Some(body)
}

/// The id of a card that is shown nowhere, another one each time.
pub(super) fn draft_id(client_id: &str, now: Timestamp) -> String {
    digest(&["draft", client_id, &now.as_millis().to_string()])
}

/// The body that makes a card and shows it nowhere (dingtalk §6.1): without a space it cannot be delivered at all.
pub(super) fn draft(settings: &CardSettings, track_id: &str, text: &str) -> Value {
    json!({
        "cardTemplateId": settings.template,
        "outTrackId": track_id,
        "callbackType": "STREAM",
        "userIdType": 1,
        "cardData": {"cardParamMap": parameters(settings, FlowStatus::Processing, text)},
    })
}

/// The body that sets a card's state and text in flow A. By key: otherwise all other variables would be lost
/// (dingtalk §6.5).
pub(super) fn set_status(settings: &CardSettings, track_id: &str, status: FlowStatus, text: &str) -> Value {
    json!({
        "outTrackId": track_id,
        "userIdType": 1,
        "cardData": {"cardParamMap": parameters(settings, status, text)},
        "cardUpdateOptions": {"updateCardDataByKey": true},
    })
}

/// The body that takes the stop button off a card that is finished; `None` where no variable shows it. By key.
pub(super) fn hide_stop(settings: &CardSettings, track_id: &str) -> Option<Value> {
    let key = settings.stop.as_ref()?.key.as_deref()?;
    Some(json!({
        "outTrackId": track_id,
        "userIdType": 1,
        "cardData": {"cardParamMap": {key: "false"}},
        "cardUpdateOptions": {"updateCardDataByKey": true},
    }))
}

/// The body that streams a card's whole text.
pub(super) fn stream(
    settings: &CardSettings,
    track_id: &str,
    attempt: u32,
    stroke: Stroke,
    text: &str,
) -> Value {
    json!({
        "outTrackId": track_id,
        "guid": guid(track_id, attempt, stroke, text),
        "key": settings.key(),
        "content": text,
        "isFull": true,
        "isFinalize": stroke != Stroke::Update,
        "isError": stroke == Stroke::Fail,
    })
}

/// A text that may be streamed: a final one is never empty.
pub(super) fn final_text(text: String) -> String {
    if text.is_empty() { EMPTY_FINAL.to_owned() } else { text }
}

/// Whether the card was delivered everywhere: HTTP 200 may hold a failure (dingtalk §6.2). The first failure's words.
pub(super) fn delivery_failure(answer: &Value) -> Option<String> {
    let results = answer.pointer("/result/deliverResults").and_then(Value::as_array);
    let failed = |result: &&Value| result.get("success") == Some(&Value::Bool(false));
    let failure = results?.iter().find(failed)?;
    Some(failure.get("errorMsg").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// What the platform calls the card where it was shown: a quote of it says no more than this (dingtalk §3.5, §6.2).
pub(super) fn carrier(answer: &Value) -> Option<String> {
    let results = answer.pointer("/result/deliverResults").and_then(Value::as_array)?;
    results.iter().find_map(|result| message_key(result.get("carrierId")))
}

/// A name of a message that can be kept.
pub(super) fn message_key(value: Option<&Value>) -> Option<String> {
    let key = value.and_then(Value::as_str)?;
    (1..=KEY_BYTES_MAX).contains(&key.len()).then(|| key.to_owned())
}

/// Variables: every value is a text (dingtalk §6.4).
fn parameters(settings: &CardSettings, status: FlowStatus, text: &str) -> Map<String, Value> {
    let mut params = Map::new();
    let mut set = |name: &str, value: &str| params.insert(name.to_owned(), Value::from(value));
    set("config", r#"{"autoLayout":true}"#);
    set(settings.key(), text);
    match settings.flow() {
        Flow::Status => {
            set("flowStatus", status.value());
            set("staticMsgContent", "");
            set("sys_full_json_obj", r#"{"order":["msgContent"]}"#);
        }
        Flow::Streaming => {}
    }
    params
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use switchboard_domain::ids::{ChannelId, MessageId, RetryNumber};

    use super::{Stroke, carrier, delivery_failure, guid, track_id};

    fn ids(channel: &str, message: &str) -> String {
        track_id(&ChannelId::new(channel), &MessageId::new(message), RetryNumber(0))
    }

    #[test]
    fn every_retry_has_a_card_of_its_own() {
        let id = |retry| track_id(&ChannelId::new("chn_1"), &MessageId::new("msgA=="), RetryNumber(retry));
        assert_eq!(id(0), ids("chn_1", "msgA=="));
        assert_eq!(id(7), id(7));
        assert!(id(1) != id(0) && id(1) != id(2) && id(1).len() == 64);
    }

    #[test]
    fn a_cards_id_is_stable_and_fits_the_platform() {
        // Changing this value orphans the cards that are open while the program is upgraded.
        assert_eq!(
            ids("chn_1", "msgA=="),
            "37d362f83be6335dee4ba5828e33a03b1430172865696f95d9d079ce82683956"
        );
        assert_eq!(ids("chn_1", "msgA==").len(), 64);
        assert_ne!(ids("chn_1", "msgA=="), ids("chn_2", "msgA=="));
        assert_ne!(ids("ab", "c"), ids("a", "bc"));
    }

    #[test]
    fn a_calls_key_follows_attempt_kind_and_content() {
        let key = guid("t", 0, Stroke::Update, "text");
        assert_eq!(key, guid("t", 0, Stroke::Update, "text"));
        for other in [
            guid("u", 0, Stroke::Update, "text"),
            guid("t", 1, Stroke::Update, "text"),
            guid("t", 0, Stroke::Finish, "text"),
            guid("t", 0, Stroke::Fail, "text"),
            guid("t", 0, Stroke::Update, "text."),
        ] {
            assert_ne!(key, other);
        }
    }

    #[test]
    fn a_card_is_known_by_its_carrier_where_the_platform_names_one() {
        let answer =
            |results: serde_json::Value| json!({"success": true, "result": {"deliverResults": results}});
        let carriers = json!([{"success": true}, {"carrierId": ""}, {"carrierId": "4v+Az="}]);
        assert_eq!(carrier(&answer(carriers)).as_deref(), Some("4v+Az="));
        for none in
            [json!([]), json!(null), json!([{"carrierId": 7}]), json!([{"carrierId": "k".repeat(513)}])]
        {
            assert_eq!(carrier(&answer(none)), None);
        }
    }

    #[test]
    fn a_delivery_that_failed_in_one_place_is_a_failure() {
        let answer = |success: bool| {
            json!({"success": true, "result": {"outTrackId": "t", "deliverResults": [
                {"spaceType": "IM_GROUP", "success": success, "errorMsg": "robot not in group"}]}})
        };
        assert_eq!(delivery_failure(&answer(true)), None);
        assert_eq!(delivery_failure(&answer(false)), Some("robot not in group".into()));
        assert_eq!(delivery_failure(&json!({"success": true})), None);
    }
}
