//! What one JSON object of an answer says: a piece of a stream, or a whole completion. Pure.

use serde_json::Value;
use switchboard_ports::agent::AgentEvent;

use super::super::http::failure::word;
use super::super::text::{cut, delta, reasoning};

/// Longest name of a tool that is kept, in bytes.
const TOOL_NAME_BYTES_MAX: usize = 128;

/// What one JSON object says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Text, thinking and tools, in order.
    pub(super) events: Vec<AgentEvent>,
    /// `finish_reason`, where it is given.
    pub(super) finish: Option<String>,
    /// Whether it has a choice at all; pieces that only count tokens have none.
    pub(super) has_choice: bool,
}

/// The object is not what the protocol promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAChunk(pub(super) &'static str);

/// Reads one object. Only the first choice counts (`index` 0); missing and null fields are passed over.
pub(super) fn read(value: &Value) -> Result<Chunk, NotAChunk> {
    if !value.is_object() {
        return Err(NotAChunk("not an object"));
    }
    let choices = match value.get("choices") {
        None | Some(Value::Null) => return Ok(Chunk::default()),
        Some(choices) => choices.as_array().ok_or(NotAChunk("choices is not a list"))?,
    };
    let Some(choice) = choices.iter().find(|choice| is_first(choice)) else {
        return Ok(Chunk::default());
    };
    if !choice.is_object() {
        return Err(NotAChunk("a choice is not an object"));
    }
    let mut chunk = Chunk { has_choice: true, ..Chunk::default() };
    if let Some(reason) = choice.get("finish_reason").filter(|reason| !reason.is_null()) {
        chunk.finish = Some(word(reason).unwrap_or_else(|| "other".to_owned()));
    }
    // Streams carry `delta`, whole answers `message`; some servers put either into the other.
    match ["delta", "message"].into_iter().filter_map(|name| choice.get(name)).find(|found| !found.is_null())
    {
        Some(message) if message.is_object() => read_message(message, &mut chunk.events)?,
        Some(_) => return Err(NotAChunk("a message is not an object")),
        None => {}
    }
    Ok(chunk)
}

fn is_first(choice: &Value) -> bool {
    matches!(choice.get("index").and_then(Value::as_i64), None | Some(0))
}

fn read_message(message: &Value, events: &mut Vec<AgentEvent>) -> Result<(), NotAChunk> {
    // Two names for the same thing; servers that send both repeat themselves.
    let thinking = ["reasoning_content", "reasoning"]
        .into_iter()
        .filter_map(|name| message.get(name)?.as_str())
        .find(|text| !text.is_empty());
    events.extend(thinking.into_iter().flat_map(reasoning));
    match message.get("content") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => events.extend(delta(text)),
        Some(Value::Array(parts)) => events.extend(parts.iter().flat_map(read_part)),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            return Err(NotAChunk("content is neither text nor parts"));
        }
    }
    // A model that declines says so here instead of in `content`: it is the answer all the same.
    events.extend(message.get("refusal").and_then(Value::as_str).into_iter().flat_map(delta));
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    // The name comes with a call's first piece only; the others carry its arguments.
    events.extend(calls.filter_map(|call| tool(call.get("function")?.get("name")?.as_str()?)));
    Ok(())
}

/// A part of a message; pictures and sounds are passed over.
fn read_part(part: &Value) -> Vec<AgentEvent> {
    match (part.get("type").and_then(Value::as_str), part.get("text").and_then(Value::as_str)) {
        (Some("text" | "output_text") | None, Some(text)) => delta(text),
        (Some("reasoning" | "thinking"), Some(text)) => reasoning(text),
        (Some("thinking"), None) => thinking_parts(part),
        _ => Vec::new(),
    }
}

fn thinking_parts(part: &Value) -> Vec<AgentEvent> {
    let parts = part.get("thinking").and_then(Value::as_array).into_iter().flatten();
    parts.filter_map(|part| part.get("text")?.as_str()).flat_map(reasoning).collect()
}

fn tool(name: &str) -> Option<AgentEvent> {
    (!name.is_empty()).then(|| AgentEvent::Tool { name: cut(name, TOOL_NAME_BYTES_MAX).to_owned() })
}
