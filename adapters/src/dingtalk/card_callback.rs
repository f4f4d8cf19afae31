//! Presses on cards as pure functions: what was pressed, and what the presser's card shows then (dingtalk §6.9).
//!
//! Tolerant in what it takes: `content`, `value` and `extension` may be objects or texts with JSON in them, `value` may
//! stand for `content`, the action may be named by `actionId`, in `actionIds`, or by `params.action`, at any of the
//! levels where payloads were seen to carry it. Unknown fields are ignored.

use serde_json::{Map, Value, json};
use thiserror::Error;

/// The answer that changes nothing on the card.
pub const NO_CHANGE: &str = r#"{"response":{}}"#;

/// Longest card id and user id taken, in characters; card ids of ours have 64 (dingtalk §6.3).
const ID_CHARS_MAX: usize = 200;

/// Actions of one press that are looked at; a press has one.
const ACTIONS_MAX: usize = 16;

/// Longest action name taken, in characters.
const ACTION_CHARS_MAX: usize = 200;

/// Something on a card was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// The card, by the id that we gave it; 1 to 200 characters.
    pub card: String,
    /// Who pressed, by the kind of user id that the card was made with (ours: `userId`); 1 to 200 characters.
    pub person: String,
    /// What was pressed, by every name that the push gives for it; at most 16, without repetitions.
    pub actions: Vec<String>,
}

impl Click {
    /// Whether this is the action of that name.
    #[must_use]
    pub fn means(&self, action: &str) -> bool {
        self.actions.iter().any(|name| name == action)
    }
}

/// A press that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClickError {
    /// Not a JSON object.
    #[error("decode a press: not a JSON object")]
    NotAnObject,
    /// There is no `outTrackId`, or not one that a card can have.
    #[error("decode a press: no card")]
    NoCard,
    /// There is no `userId`, or not one that a person can have.
    #[error("decode a press: no person")]
    NoPerson,
}

/// Decodes the data of a press. Never panics.
pub fn decode(data: &str) -> Result<Click, ClickError> {
    let data: Value = serde_json::from_str(data).map_err(|_| ClickError::NotAnObject)?;
    let fields = data.as_object().ok_or(ClickError::NotAnObject)?;
    let card = id(fields, "outTrackId").ok_or(ClickError::NoCard)?;
    let person = id(fields, "userId").ok_or(ClickError::NoPerson)?;
    let mut actions = Vec::new();
    gather(fields, &mut actions);
    for name in ["content", "value", "extension"] {
        if let Some(inner) = fields.get(name).and_then(object) {
            gather(&inner, &mut actions);
            if let Some(private) = inner.get("cardPrivateData").and_then(object) {
                gather(&private, &mut actions);
            }
        }
    }
    Ok(Click { card, person, actions })
}

/// The answer after which the card shows no button to whoever pressed; `key` is the variable that shows it. By key, so
/// that nothing else on the card changes.
#[must_use]
pub fn without_button(key: Option<&str>) -> String {
    let Some(key) = key else {
        return NO_CHANGE.to_owned();
    };
    json!({"response": {
        "cardUpdateOptions": {"updateCardDataByKey": true, "updatePrivateDataByKey": true},
        "cardData": {"cardParamMap": {key: "false"}},
    }})
    .to_string()
}

/// The names of actions on one level.
fn gather(fields: &Map<String, Value>, actions: &mut Vec<String>) {
    let mut add = |value: &Value| {
        if let Some(name) = value.as_str().filter(|name| fits(name, ACTION_CHARS_MAX))
            && actions.len() < ACTIONS_MAX
            && !actions.iter().any(|known| known == name)
        {
            actions.push(name.to_owned());
        }
    };
    if let Some(action) = fields.get("actionId") {
        add(action);
    }
    for action in fields.get("actionIds").and_then(Value::as_array).into_iter().flatten() {
        add(action);
    }
    if let Some(action) = fields.get("params").and_then(object).and_then(|mut params| params.remove("action"))
    {
        add(&action);
    }
}

/// An object, or a text with one in it.
fn object(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Some(fields),
            Ok(_) | Err(_) => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn id(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name).and_then(Value::as_str).filter(|id| fits(id, ID_CHARS_MAX)).map(str::to_owned)
}

fn fits(text: &str, chars_max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= chars_max
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Click, ClickError, NO_CHANGE, decode, without_button};

    fn press(more: Value) -> String {
        let mut press = json!({"type": "actionCallback", "outTrackId": "card1", "corpId": "dingcorp",
            "userId": "manager807", "userIdType": 1, "spaceId": "cidG1==", "spaceType": "IM"});
        let Value::Object(more) = more else { unreachable!("a case of the table") };
        press.as_object_mut().unwrap().extend(more);
        press.to_string()
    }

    #[rstest]
    #[case::documented(json!({"extension": "{}",
        "content": "{\"cardPrivateData\":{\"actionIds\":[\"stop\"],\"params\":{\"action\":\"stop\"}}}"}), &["stop"])]
    #[case::content_as_object(json!({"content": {"cardPrivateData": {"actionIds": ["stop"]}}}), &["stop"])]
    #[case::private_data_as_text(json!({"content": {"cardPrivateData": "{\"actionIds\":[\"stop\"]}"}}), &["stop"])]
    #[case::value_for_content(
        json!({"value": "{\"cardPrivateData\":{\"params\":{\"action\":\"stop\"}}}"}), &["stop"])]
    #[case::value_as_object(json!({"value": {"cardPrivateData": {"actionIds": ["btn1", "stop"]}}}), &["btn1", "stop"])]
    #[case::action_id(json!({"actionId": "stop", "content": "{}"}), &["stop"])]
    #[case::params_as_text(json!({"content": {"params": "{\"action\":\"stop\"}"}}), &["stop"])]
    #[case::in_the_extension(json!({"extension": {"actionIds": ["stop"]}}), &["stop"])]
    #[case::id_and_params(
        json!({"content": {"cardPrivateData": {"actionIds": ["button_3"], "params": {"action": "stop"}}}}),
        &["button_3", "stop"])]
    #[case::no_action(json!({"content": "{}"}), &[])]
    #[case::broken_content(json!({"content": "{", "extension": "x", "value": 7, "actionIds": "stop"}), &[])]
    #[case::other_types(json!({"actionId": 7, "actionIds": [null, {}, ""], "params": [1]}), &[])]
    fn a_press_names_card_person_and_action(#[case] more: Value, #[case] actions: &[&str]) {
        let actions = actions.iter().map(ToString::to_string).collect();
        let click = Click { card: "card1".into(), person: "manager807".into(), actions };
        assert_eq!(decode(&press(more)), Ok(click));
    }

    #[rstest]
    #[case("", ClickError::NotAnObject)]
    #[case("[]", ClickError::NotAnObject)]
    #[case("{}", ClickError::NoCard)]
    #[case("{\"outTrackId\":\"\",\"userId\":\"u\"}", ClickError::NoCard)]
    #[case("{\"outTrackId\":7,\"userId\":\"u\"}", ClickError::NoCard)]
    #[case("{\"outTrackId\":\"c\"}", ClickError::NoPerson)]
    #[case("{\"outTrackId\":\"c\",\"userId\":null}", ClickError::NoPerson)]
    fn what_is_no_press_is_refused(#[case] data: &str, #[case] error: ClickError) {
        assert_eq!(decode(data), Err(error));
    }

    #[test]
    fn only_the_named_action_is_meant() {
        let click = decode(&press(json!({"actionIds": ["stopped", "Stop"]}))).unwrap();
        assert!(!click.means("stop") && click.means("Stop"));
    }

    #[test]
    fn names_are_bounded() {
        let many: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        let click = decode(&press(json!({"actionIds": many, "actionId": "x".repeat(201)}))).unwrap();
        assert_eq!(click.actions.len(), 16);
        let long = json!({"outTrackId": "x".repeat(201), "userId": "u"}).to_string();
        assert_eq!(decode(&long), Err(ClickError::NoCard));
    }

    #[test]
    fn the_answer_changes_the_button_and_nothing_else() {
        let answer: Value = serde_json::from_str(&without_button(Some("canStop"))).unwrap();
        let expected = json!({"response": {
            "cardUpdateOptions": {"updateCardDataByKey": true, "updatePrivateDataByKey": true},
            "cardData": {"cardParamMap": {"canStop": "false"}}}});
        assert_eq!(answer, expected);
        assert_eq!(without_button(None), NO_CHANGE);
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in ".*", inner in ".*") {
            let _ = decode(&text);
            let _ = decode(&press(json!({"content": inner, "actionIds": inner, "params": inner})));
        }
    }
}
