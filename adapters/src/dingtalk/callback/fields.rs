//! Reading fields that may be missing, of another type, or JSON in a text.

use std::time::Duration;

use serde_json::{Map, Value};
use switchboard_domain::message::TEXT_BYTES_MAX;
use switchboard_domain::text::plain_name;

use super::{ID_BYTES_MAX, NAME_CHARS_MAX};
use crate::dingtalk::text::{cut, cut_chars};

/// Longest code that a file is fetched by, in bytes; real ones are a few hundred.
const CODE_BYTES_MAX: usize = 4_096;

/// Numbers below this, in a video's duration, are seconds: the documentation says milliseconds, real messages have
/// seconds (dingtalk §3.3), and nobody sends a video of less than a second.
const SECONDS_BELOW: f64 = 1_000.0;

/// Longest duration taken; what is longer is a mistake.
const DURATION_MAX: Duration = Duration::from_hours(24);

/// An object, or an object as JSON in a text (dingtalk §3.5).
pub(super) fn object(value: Option<&Value>) -> Option<Map<String, Value>> {
    match value? {
        Value::String(text) => match serde_json::from_str(text).ok()? {
            Value::Object(object) => Some(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        },
        Value::Object(object) => Some(object.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// A list, or a list as JSON in a text.
pub(super) fn list(value: Option<&Value>) -> Option<Vec<Value>> {
    match value? {
        Value::String(text) => match serde_json::from_str(text).ok()? {
            Value::Array(list) => Some(list),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
        },
        Value::Array(list) => Some(list.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The first of these fields that is a text with something in it.
pub(super) fn text_of<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    let texts = names.iter().filter_map(|name| object.get(*name)?.as_str());
    texts.map(str::trim).find(|text| !text.is_empty())
}

/// Whether a field says yes, as a boolean or in a text.
pub(super) fn is_set(object: &Map<String, Value>, name: &str) -> bool {
    match object.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => false,
    }
}

/// What a file is fetched by; empty where there is nothing usable.
pub(super) fn code(object: &Map<String, Value>) -> &str {
    text_of(object, &["downloadCode", "pictureDownloadCode"])
        .filter(|code| code.len() <= CODE_BYTES_MAX)
        .unwrap_or_default()
}

/// Milliseconds, in a number or a text.
pub(super) fn duration_ms(object: &Map<String, Value>) -> Option<Duration> {
    span(number(object)? / 1_000.0)
}

/// Milliseconds or seconds, whichever it must be.
pub(super) fn duration_ms_or_s(object: &Map<String, Value>) -> Option<Duration> {
    let number = number(object)?;
    span(if number < SECONDS_BELOW { number } else { number / 1_000.0 })
}

fn number(object: &Map<String, Value>) -> Option<f64> {
    let value = object.get("duration")?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn span(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|span| !span.is_zero() && *span <= DURATION_MAX)
}

/// A text without blanks around it, within its bound.
pub(super) fn tidy(text: &str) -> String {
    cut(text.trim(), TEXT_BYTES_MAX).to_owned()
}

/// A usable identifier.
pub(super) fn id<'a>(message: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let id = message.get(name)?.as_str()?;
    (!id.is_empty() && id.len() <= ID_BYTES_MAX).then_some(id)
}

/// A name or title, of what is seen alone, within its bound.
pub(super) fn name(message: &Map<String, Value>, name: &str) -> Option<String> {
    let name = plain_name(message.get(name)?.as_str()?);
    (!name.is_empty()).then(|| cut_chars(&name, NAME_CHARS_MAX))
}
