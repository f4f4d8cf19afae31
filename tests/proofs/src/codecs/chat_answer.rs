//! Answers of chat agents: one end and nothing behind it, the same in every cut, and every word of a good answer.

use serde_json::json;
use switchboard_adapters::agents::openai_chat::reread::read_answer;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::AgentEvent;

use crate::bytes::{Bytes, pieces};

/// Most bytes of one event's text, as the agent port promises (`Agent::run`).
const EVENT_TEXT_BYTES_MAX: usize = 64 * 1024;

/// What thinking aloud begins with where a server leaves it in the text.
const THOUGHT: &str = "<think>";

/// The target.
pub fn chat_answer(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let lengths = bytes.some(7);
    let announced = bytes.one_of(&[
        None,
        Some("application/json"),
        Some("text/event-stream; charset=utf-8"),
        Some("text/html"),
    ]);
    if bytes.flag() {
        has_one_end_in_every_cut(announced, bytes.rest(), lengths);
    } else {
        a_good_answer_is_read_whole(&mut bytes, announced, lengths);
    }
}

fn has_one_end_in_every_cut(announced: Option<&str>, body: &[u8], lengths: &[u8]) -> Vec<AgentEvent> {
    let whole = read_answer(announced, [body]);
    for lengths in [lengths, &[1]] {
        assert_eq!(read_answer(announced, pieces(body, lengths)), whole, "in pieces of {lengths:?}");
    }
    let is_end =
        |event: &AgentEvent| matches!(event, AgentEvent::Completed { .. } | AgentEvent::Failed { .. });
    let ends = whole.iter().filter(|event| is_end(event)).count();
    assert!(ends == 1 && whole.last().is_some_and(is_end), "not one end: {whole:?}");
    for event in &whole {
        match event {
            AgentEvent::Delta(text) | AgentEvent::Reasoning(text) => {
                assert!(!text.is_empty() && text.len() <= EVENT_TEXT_BYTES_MAX);
            }
            AgentEvent::Completed { .. } => assert!(!said(&whole).trim().is_empty(), "whole without a word"),
            AgentEvent::Failed { detail, .. } => assert!(detail.chars().count() <= 300, "{detail}"),
            AgentEvent::Started { .. } | AgentEvent::Tool { .. } => {}
        }
    }
    whole
}

fn said(events: &[AgentEvent]) -> String {
    let text =
        |event: &AgentEvent| if let AgentEvent::Delta(text) = event { text.clone() } else { String::new() };
    events.iter().map(text).collect()
}

/// Texts written as a server would: a stream, or one object; whole, or broken off before its end.
fn a_good_answer_is_read_whole(bytes: &mut Bytes<'_>, announced: Option<&str>, lengths: &[u8]) {
    let (is_stream, is_broken_off, crlf) = (bytes.flag(), bytes.flag(), bytes.flag());
    let mut texts = Vec::new();
    while !bytes.is_empty() && texts.len() < 16 {
        texts.push(bytes.text(24));
    }
    let text = texts.concat();
    let body = if is_stream {
        let end = if crlf { "\r\n\r\n" } else { "\n\n" };
        let event = |value: serde_json::Value| format!("data: {value}{end}");
        let deltas =
            texts.iter().map(|text| event(json!({"choices": [{"index": 0, "delta": {"content": text}}]})));
        let mut body: String = deltas.collect();
        if !is_broken_off {
            body += &event(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
            body.push_str("data: [DONE]");
            body.push_str(end);
        }
        body
    } else {
        let whole = json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).to_string();
        if is_broken_off { whole.trim_end_matches('}').to_owned() } else { whole }
    };
    // A stream that is announced as one piece of JSON is none; the rest is recognised whatever is announced.
    let announced = announced.filter(|kind| !is_stream || *kind != "application/json");
    let events = has_one_end_in_every_cut(announced, body.as_bytes(), lengths);
    let begun = text.trim_start();
    if begun.starts_with(THOUGHT) {
        // What it begins with is no part of the answer.
        return;
    }
    let said = said(&events);
    // Held back until it is clear whether it begins a thought.
    let is_open = is_stream && is_broken_off && said.is_empty() && THOUGHT.starts_with(begun);
    if (is_stream || !is_broken_off) && !is_open {
        assert_eq!(said, text, "what was said is not what is read");
    }
    let expected = if is_broken_off {
        Some(AgentFailureKind::CutStream)
    } else {
        text.trim().is_empty().then_some(AgentFailureKind::Empty)
    };
    let kind = match events.last() {
        Some(AgentEvent::Failed { failure, .. }) => Some(failure.kind),
        Some(_) | None => None,
    };
    // Nothing at all, and nothing announced, is no stream that broke off.
    if !(body.is_empty() && kind == Some(AgentFailureKind::Malformed)) {
        assert_eq!(kind, expected, "{body}");
    }
}
