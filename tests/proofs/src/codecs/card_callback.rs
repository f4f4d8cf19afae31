//! Presses on cards: refused as documented, bounded, and of one meaning however the action is spelt.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use switchboard_adapters::dingtalk::card_callback::{Click, ClickError, NO_CHANGE, decode, without_button};

use crate::bytes::Bytes;

/// Longest id and action taken, in characters, and most actions, as documented at `Click`.
const CHARS_MAX: usize = 200;
const ACTIONS_MAX: usize = 16;

/// The target.
pub fn card_callback(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let text = if bytes.flag() { bytes.rest_text() } else { every_spelling(&mut bytes) };
    if let Ok(click) = decode(&text) {
        keeps_the_bounds(&click, &text);
    }
    is_refused_as_documented(&text);
    changes_one_key(&text);
}

fn is_refused_as_documented(text: &str) {
    let is_id = |id: Option<&Value>| {
        id.and_then(Value::as_str).is_some_and(|id| (1..=CHARS_MAX).contains(&id.chars().count()))
    };
    let expected = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(press)) if !is_id(press.get("outTrackId")) => Some(ClickError::NoCard),
        Ok(Value::Object(press)) if !is_id(press.get("userId")) => Some(ClickError::NoPerson),
        Ok(Value::Object(_)) => None,
        Ok(_) | Err(_) => Some(ClickError::NotAnObject),
    };
    assert_eq!(decode(text).err(), expected);
}

fn keeps_the_bounds(click: &Click, text: &str) {
    let mut said = BTreeSet::new();
    gather(&serde_json::from_str(text).expect("decoded"), 0, &mut said);
    assert!(said.contains(&click.card) && said.contains(&click.person));
    let distinct: BTreeSet<&String> = click.actions.iter().collect();
    assert!(distinct.len() == click.actions.len() && distinct.len() <= ACTIONS_MAX, "{:?}", click.actions);
    for action in &click.actions {
        assert!(
            (1..=CHARS_MAX).contains(&action.chars().count()) && said.contains(action),
            "invented: {action}"
        );
        assert!(click.means(action));
    }
}

/// Every text in a value, those in texts that are JSON themselves too.
fn gather(value: &Value, depth: usize, said: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            said.insert(text.clone());
            if let Some(inner) = serde_json::from_str(text).ok().filter(|_| depth < 8) {
                gather(&inner, depth + 1, said);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, depth, said)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, depth, said)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The answer hides one button by its key, and says nothing else.
fn changes_one_key(key: &str) {
    assert_eq!(without_button(None), NO_CHANGE);
    let answer: Value = serde_json::from_str(&without_button(Some(key))).expect("JSON");
    let shown = answer["response"]["cardData"]["cardParamMap"].as_object().expect("an object");
    assert_eq!(shown.iter().collect::<Vec<_>>(), [(&key.to_owned(), &json!("false"))]);
    assert_eq!(answer["response"]["cardUpdateOptions"]["updateCardDataByKey"], json!(true));
}

/// One press in every spelling that is known. Gives one of them.
fn every_spelling(bytes: &mut Bytes<'_>) -> String {
    let which = bytes.byte();
    let (card, person) = (bytes.text(12), bytes.text(12));
    let (extra, action) = (bytes.text(8), bytes.rest_text());
    let named = [
        json!({"actionId": action}),
        json!({"actionIds": [action]}),
        json!({"params": {"action": action}}),
        json!({"params": json!({"action": action}).to_string()}),
    ];
    let mut spellings = Vec::new();
    for inner in named {
        let private = json!({"cardPrivateData": inner});
        let private_text = json!({"cardPrivateData": inner.to_string()});
        spellings.push(inner.clone());
        for content in [inner, private, private_text] {
            for name in ["content", "value", "extension"] {
                spellings.push(json!({name: content}));
                spellings.push(json!({name: content.to_string()}));
            }
        }
    }
    let whole = |mut press: Value| {
        press["outTrackId"] = json!(card);
        press["userId"] = json!(person);
        press[format!("x{extra}")] = json!([extra]);
        press.to_string()
    };
    let texts: Vec<String> = spellings.into_iter().map(whole).collect();
    let is_action = (1..=CHARS_MAX).contains(&action.chars().count());
    let actions: Vec<String> = is_action.then(|| action.clone()).into_iter().collect();
    let expected = Click { card: card.clone(), person: person.clone(), actions };
    for text in &texts {
        match decode(text) {
            Ok(click) => assert_eq!(click, expected, "{text}"),
            Err(_) => assert!(card.is_empty() || person.is_empty(), "{text} was refused"),
        }
    }
    texts[usize::from(which) % texts.len()].clone()
}
