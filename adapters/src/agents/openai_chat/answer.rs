//! Reads the body of an answer: bytes in, events out. Pure; where the bytes come from is `run`'s business.
//!
//! ```text
//!             first byte `{`, or JSON announced
//! Unknown ───────────────────────────────────────► Whole ──┐ end
//!    │                                                     ├────► ended: Completed or Failed, once
//!    └──────────────────────────────────────────► Stream ──┘ end, [DONE], error
//!             anything else
//! ```

use std::collections::VecDeque;

use serde_json::Value;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::AgentEvent;

use super::super::sse::{SseDecoder, SseEvent};
use super::chunk;
use super::failure::{ErrorObject, failed};

/// Most bytes of an answer in one piece of JSON: the longest answer allowed (200,000 characters), each escaped at
/// length, three times over.
const WHOLE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What ends a stream in good order.
const DONE: &str = "[DONE]";

/// An answer being read.
#[derive(Debug)]
pub(super) struct Answer {
    shape: Shape,
    announced: Announced,
    /// Whether anything but white space was said.
    spoke: bool,
    /// Why the agent stopped speaking, once it did.
    finish: Option<String>,
    /// Whether the stream had an event at all.
    saw_event: bool,
    ready: VecDeque<AgentEvent>,
    ended: bool,
}

#[derive(Debug)]
enum Shape {
    Unknown,
    Stream(SseDecoder),
    Whole(Vec<u8>),
}

/// What `Content-Type` says. It is a hint: servers mislabel both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    Json,
    Events,
    Other,
}

impl Answer {
    /// An answer with this `Content-Type`.
    pub(super) fn new(content_type: Option<&str>) -> Self {
        let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        let announced = match essence.as_str() {
            "text/event-stream" => Announced::Events,
            json if json == "application/json" || json.ends_with("+json") => Announced::Json,
            _ => Announced::Other,
        };
        Self {
            shape: Shape::Unknown,
            announced,
            spoke: false,
            finish: None,
            saw_event: false,
            ready: VecDeque::new(),
            ended: false,
        }
    }

    /// The next event, if the bytes so far have one. The last one is `Completed` or `Failed`.
    pub(super) fn next(&mut self) -> Option<AgentEvent> {
        self.ready.pop_front()
    }

    /// Whether the answer is whole, though its end was not seen yet.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// More of the body.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if matches!(self.shape, Shape::Unknown) {
            // Blank lines before the answer keep the connection open on some servers.
            bytes = bytes.trim_ascii_start();
            match bytes.first() {
                Some(first) => self.shape = self.recognize(*first),
                None => return,
            }
        }
        if self.ended {
            return;
        }
        match &mut self.shape {
            Shape::Unknown => {}
            Shape::Whole(body) => {
                if body.len().saturating_add(bytes.len()) > WHOLE_BYTES_MAX {
                    return self
                        .fail(AgentFailureKind::TooLong, format!("longer than {WHOLE_BYTES_MAX} bytes"));
                }
                body.extend_from_slice(bytes);
            }
            Shape::Stream(decoder) => {
                let mut events = Vec::new();
                let result = decoder.push(bytes, &mut events);
                for event in &events {
                    self.take_event(event, false);
                }
                if let Err(error) = result {
                    self.fail(AgentFailureKind::Malformed, error.to_string());
                }
            }
        }
    }

    /// The body ended, in good order or not: only what was said in it tells the two apart reliably.
    pub(super) fn end(&mut self) {
        match std::mem::replace(&mut self.shape, Shape::Unknown) {
            Shape::Unknown => {}
            Shape::Whole(body) => self.take_whole(&body),
            Shape::Stream(mut decoder) => match decoder.finish() {
                Ok(Some(event)) => self.take_event(&event, true),
                Ok(None) if self.saw_event || self.announced == Announced::Events => {}
                Ok(None) => {
                    let detail = "the answer is neither JSON nor an event stream".to_owned();
                    self.fail(AgentFailureKind::Malformed, detail);
                }
                Err(error) => self.fail(AgentFailureKind::Malformed, error.to_string()),
            },
        }
        if self.is_finished() {
            self.complete();
        } else {
            self.fail(AgentFailureKind::CutStream, "the answer broke off".to_owned());
        }
    }

    fn recognize(&mut self, first: u8) -> Shape {
        if first == b'{' || self.announced == Announced::Json {
            return Shape::Whole(Vec::new());
        }
        if first == b'<' && self.announced == Announced::Other {
            self.fail(AgentFailureKind::Malformed, "the answer is a web page".to_owned());
        }
        Shape::Stream(SseDecoder::default())
    }

    /// One event of a stream; `last` when it was the stream's end that closed it, so that it may be cut off itself.
    fn take_event(&mut self, event: &SseEvent, last: bool) {
        self.saw_event = true;
        let data = event.data.trim();
        if self.ended || data.is_empty() {
            return;
        }
        if data == DONE {
            return self.complete();
        }
        let is_error = event.name == "error";
        let is_ours = matches!(event.name.as_str(), "" | "message") || is_error;
        match serde_json::from_str(data) {
            Ok(value) if is_error && ErrorObject::find(&value).is_none() => {
                self.fail(AgentFailureKind::ServerError, "an error event".to_owned());
            }
            Ok(value) => {
                self.take_value(&value);
            }
            Err(_) if is_error => self.fail(AgentFailureKind::ServerError, "an error event".to_owned()),
            Err(error) if last && error.is_eof() => {}
            Err(_) if is_ours => self.fail(AgentFailureKind::Malformed, "an event is not JSON".to_owned()),
            // Heartbeats and the like under names of their own.
            Err(_) => {}
        }
    }

    fn take_whole(&mut self, body: &[u8]) {
        match serde_json::from_slice(body) {
            Ok(value) => {
                if self.take_value(&value) {
                    self.complete();
                } else {
                    self.fail(AgentFailureKind::Malformed, "the answer has no choices".to_owned());
                }
            }
            // Cut off: `end` says so.
            Err(error) if error.is_eof() => {}
            Err(_) => self.fail(AgentFailureKind::Malformed, "the answer is not JSON".to_owned()),
        }
    }

    /// What one JSON object says; whether it had a choice in it.
    fn take_value(&mut self, value: &Value) -> bool {
        if let Some(error) = ErrorObject::find(value) {
            self.fail(AgentFailureKind::ServerError, error.detail(None));
            return false;
        }
        let chunk = match chunk::read(value) {
            Ok(chunk) => chunk,
            Err(why) => {
                self.fail(AgentFailureKind::Malformed, why.0.to_owned());
                return false;
            }
        };
        for event in chunk.events {
            if let AgentEvent::Delta(text) = &event {
                self.spoke = self.spoke || !text.trim().is_empty();
            }
            self.ready.push_back(event);
        }
        self.finish = chunk.finish.or_else(|| self.finish.take());
        chunk.has_choice
    }

    fn complete(&mut self) {
        if self.finish.as_deref() == Some("error") {
            return self.fail(AgentFailureKind::ServerError, "finish_reason error".to_owned());
        }
        if self.spoke {
            return self.finish_with(AgentEvent::Completed { continuation: None });
        }
        let detail = match &self.finish {
            Some(reason) => format!("no text, finish_reason {reason}"),
            None => "no text".to_owned(),
        };
        self.fail(AgentFailureKind::Empty, detail);
    }

    fn fail(&mut self, kind: AgentFailureKind, detail: String) {
        self.finish_with(failed(kind, detail));
    }

    fn finish_with(&mut self, event: AgentEvent) {
        if !self.ended {
            self.ended = true;
            self.ready.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests;
