//! What the fake server does with a question, as events and documents.

use serde_json::{Value, json};

/// How an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In pieces, each with its event's name, an end mark last.
    Pieces,
    /// In pieces without names and without an end mark, with types nobody knows between.
    Bare,
    /// The first half in pieces; the rest comes only with the whole response at the end.
    HalfInPieces,
    /// Without a piece: all of it comes with the whole response at the end.
    AtTheEnd,
    /// As one document, also where a stream was asked for.
    Document,
    /// In pieces, as a refusal.
    Refusal,
    /// In pieces, and not to its end: the response is incomplete.
    Incomplete,
}

/// What is done with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Play {
    /// Answers.
    Say(String, Form),
    /// Thinks and works with tools, then answers.
    Work(String),
    /// Refuses with a status and an error object.
    Refuse {
        /// The status.
        status: u16,
        /// The error's code.
        code: Option<&'static str>,
        /// Its words.
        message: &'static str,
    },
    /// Begins to answer, then says that it failed.
    FailInStream(&'static str),
    /// Sends an error event.
    ErrorEvent(&'static str),
    /// Says that it was cancelled.
    Cancelled,
    /// Waits for a release, then answers; a run in the background goes on by itself.
    Held(String),
}

/// A response as a document.
pub(super) fn document(id: &str, status: &str, text: Option<&str>) -> Value {
    let output: Vec<Value> = text
        .map(|text| {
            json!({
                "type": "message", "id": format!("msg_{id}"), "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            })
        })
        .into_iter()
        .collect();
    json!({"id": id, "object": "response", "status": status, "model": "m", "output": output, "error": null})
}

/// The events of a stream.
pub(super) fn events(id: &str, play: &Play) -> (Vec<Value>, bool) {
    let mut events = vec![
        json!({"type": "response.created", "response": document(id, "in_progress", None)}),
        json!({"type": "response.in_progress", "response": document(id, "in_progress", None)}),
    ];
    let mut named = true;
    match play {
        Play::Say(text, form) => {
            named = *form != Form::Bare;
            say(&mut events, id, text, *form);
        }
        Play::Held(text) => say(&mut events, id, text, Form::Pieces),
        Play::Work(text) => {
            events.extend([
                json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "thinking"}),
                json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "web_search_call", "id": "ws_1"}}),
                json!({"type": "response.web_search_call.in_progress", "item_id": "ws_1"}),
                json!({"type": "response.code_interpreter_call.in_progress", "item_id": "ci_1"}),
                json!({"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "id": "fc_1", "name": "lookup"}}),
                json!({"type": "response.output_item.added", "output_index": 3, "item": {"type": "mcp_call", "id": "mcp_1", "name": "files.read"}}),
            ]);
            say(&mut events, id, text, Form::Pieces);
        }
        Play::FailInStream(code) => {
            let mut response = document(id, "failed", None);
            response["error"] = json!({"code": code, "message": "it failed"});
            events.push(json!({"type": "response.failed", "response": response}));
        }
        Play::ErrorEvent(code) => {
            events.push(json!({"type": "error", "code": code, "message": "something broke", "param": null}));
        }
        Play::Cancelled => {
            events.push(json!({"type": "response.cancelled", "response": document(id, "cancelled", None)}));
        }
        Play::Refuse { .. } => {}
    }
    (events, named)
}

fn say(events: &mut Vec<Value>, id: &str, text: &str, form: Form) {
    let kind = if form == Form::Refusal { "response.refusal.delta" } else { "response.output_text.delta" };
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let told = match form {
        Form::Pieces | Form::Bare | Form::Refusal | Form::Incomplete => words.len(),
        Form::HalfInPieces => words.len() / 2,
        Form::AtTheEnd | Form::Document => 0,
    };
    for word in &words[..told] {
        events.push(json!({"type": kind, "output_index": 9, "content_index": 0, "delta": word}));
        if form == Form::Bare {
            events.push(json!({"type": "response.block.updated", "block": {"text": "not the answer"}}));
            events.push(json!({"type": "something.else", "delta": "not the answer either"}));
        }
    }
    if form == Form::Incomplete {
        let mut response = document(id, "incomplete", Some(text));
        response["incomplete_details"] = json!({"reason": "max_output_tokens"});
        events.push(json!({"type": "response.incomplete", "response": response}));
    } else {
        events.push(json!({"type": "response.completed", "response": document(id, "completed", Some(text))}));
    }
}
