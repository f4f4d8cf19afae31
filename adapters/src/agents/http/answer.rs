//! Reads the body of an answer: bytes in, events out. Pure; where the bytes come from is `call`'s business, what the JSON in
//! them says the [`Protocol`]'s.
//!
//! ```text
//!             first byte `{`, or JSON announced
//! Unknown ───────────────────────────────────────► Whole ──┐ end
//!    │                                                     ├────► ended, once
//!    └──────────────────────────────────────────► Stream ──┘ end, [DONE], error
//!             anything else
//! ```

use std::collections::VecDeque;

use serde_json::Value;
use switchboard_domain::outcome::{AgentFailureKind, Cut};
use switchboard_ports::agent::AgentEvent;

use super::super::sse::{SseDecoder, SseEvent};
use super::failure::failed;

/// Most bytes of an answer in one piece of JSON: the longest answer allowed (200,000 characters), each escaped at
/// length, three times over.
pub(in crate::agents) const WHOLE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What ends a stream in good order.
const DONE: &str = "[DONE]";

/// What one protocol makes of the JSON objects of an answer.
pub(in crate::agents) trait Protocol {
    /// Takes in one event of a stream, and adds what it says to `said`. The answer's end, if this is it.
    fn event(&mut self, value: &Value, said: &mut VecDeque<AgentEvent>) -> Option<Ending>;

    /// Takes in an answer that came whole.
    fn whole(&mut self, value: &Value, said: &mut VecDeque<AgentEvent>) -> Ending;

    /// Whether the answer is whole, though its end was not seen yet.
    fn is_finished(&self) -> bool;

    /// The end of an answer that ended in good order without having said how; adds what was held back to `said`. Asked again,
    /// there is nothing to add.
    fn end(&mut self, said: &mut VecDeque<AgentEvent>) -> Ending;
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agents) enum Ending {
    /// With this event: `Completed` or `Failed`.
    Event(AgentEvent),
    /// The server goes on without us: its result can be asked for.
    Unfinished,
}

impl Ending {
    /// An end in failure.
    pub(in crate::agents) fn failed(kind: AgentFailureKind, detail: impl Into<String>) -> Self {
        Self::Event(failed(kind, detail.into()))
    }

    /// An end in good order, with nowhere to go on from yet; `cut` where it is not the answer's own end.
    pub(in crate::agents) const fn completed(cut: Option<Cut>) -> Self {
        Self::Event(AgentEvent::Completed { continuation: None, cut })
    }
}

/// An answer being read.
#[derive(Debug)]
pub(in crate::agents) struct Answer<P> {
    protocol: P,
    shape: Shape,
    announced: Announced,
    /// Whether the stream had an event at all.
    saw_event: bool,
    ready: VecDeque<AgentEvent>,
    ended: Ended,
}

#[derive(Debug)]
enum Ended {
    NotYet,
    As(Ending),
    /// And whoever reads knows how.
    Told,
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

impl<P: Protocol> Answer<P> {
    /// An answer with this `Content-Type`.
    pub(in crate::agents) fn new(content_type: Option<&str>, protocol: P) -> Self {
        let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        let announced = match essence.as_str() {
            "text/event-stream" => Announced::Events,
            json if json == "application/json" || json.ends_with("+json") => Announced::Json,
            _ => Announced::Other,
        };
        Self {
            protocol,
            shape: Shape::Unknown,
            announced,
            saw_event: false,
            ready: VecDeque::new(),
            ended: Ended::NotYet,
        }
    }

    /// The next event before the end, if the bytes so far have one.
    pub(in crate::agents) fn next(&mut self) -> Option<AgentEvent> {
        self.ready.pop_front()
    }

    /// How the answer ended, if it has; told once.
    pub(in crate::agents) fn ending(&mut self) -> Option<Ending> {
        match std::mem::replace(&mut self.ended, Ended::Told) {
            Ended::As(ending) => Some(ending),
            Ended::NotYet => {
                self.ended = Ended::NotYet;
                None
            }
            Ended::Told => None,
        }
    }

    /// Whether the answer is whole, though its end was not seen yet.
    pub(in crate::agents) fn is_finished(&self) -> bool {
        self.protocol.is_finished()
    }

    /// The protocol, with what it knows by now.
    pub(in crate::agents) fn into_protocol(self) -> P {
        self.protocol
    }

    /// More of the body.
    pub(in crate::agents) fn push(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if matches!(self.shape, Shape::Unknown) {
            // Blank lines before the answer keep the connection open on some servers.
            bytes = bytes.trim_ascii_start();
            match bytes.first() {
                Some(first) => self.shape = self.recognize(*first),
                None => return,
            }
        }
        if self.has_ended() {
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
    pub(in crate::agents) fn end(&mut self) {
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
            let ending = self.protocol.end(&mut self.ready);
            self.finish(ending);
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
        if self.has_ended() || data.is_empty() {
            return;
        }
        if data == DONE {
            let ending = self.protocol.end(&mut self.ready);
            return self.finish(ending);
        }
        let is_error = event.name == "error";
        let is_ours = matches!(event.name.as_str(), "" | "message") || is_error;
        match serde_json::from_str(data) {
            Ok(value) => match self.protocol.event(&value, &mut self.ready) {
                Some(ending) => self.finish(ending),
                None if is_error => self.fail(AgentFailureKind::ServerError, "an error event".to_owned()),
                None => {}
            },
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
                let ending = self.protocol.whole(&value, &mut self.ready);
                self.finish(ending);
            }
            // Cut off: `end` says so.
            Err(error) if error.is_eof() => {}
            Err(_) => self.fail(AgentFailureKind::Malformed, "the answer is not JSON".to_owned()),
        }
    }

    fn has_ended(&self) -> bool {
        !matches!(self.ended, Ended::NotYet)
    }

    fn fail(&mut self, kind: AgentFailureKind, detail: String) {
        self.finish(Ending::failed(kind, detail));
    }

    fn finish(&mut self, ending: Ending) {
        if !self.has_ended() {
            self.ended = Ended::As(ending);
        }
    }
}
