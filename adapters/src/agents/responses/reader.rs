//! Reads a response as it comes: the events of its stream, or one document. Pure.
//!
//! What an event is stands in its `type`; names beside the data (`event:`) are not needed, and types that are not known are
//! signs of life and no more.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;
use switchboard_domain::outcome::{AgentFailureKind, Cut};
use switchboard_ports::agent::{AgentEvent, RunHandle};

use super::super::http::answer::{Ending, Protocol};
use super::super::http::failure::ErrorObject;
use super::super::text::{cut, reasoning};
use super::super::thinking::Thinking;
use super::object::{Object, Scope, Status, item_text};

/// Longest name of a tool that is kept, in bytes.
const TOOL_NAME_BYTES_MAX: usize = 128;

/// Tools whose work was told, remembered at most; further ones are told each time.
const TOOLS_MAX: usize = 1_000;

/// Stands between two messages of one answer.
const BETWEEN_MESSAGES: &str = "\n\n";

/// What a run is called upstream, out of its response's id.
pub(in crate::agents) type Naming = Box<dyn Fn(&str) -> Option<RunHandle> + Send>;

/// A response being read.
pub(in crate::agents) struct Reader {
    scope: Scope,
    naming: Naming,
    id: Option<String>,
    last_item: Option<String>,
    started: bool,
    /// All text that came, thoughts in it included.
    said: String,
    /// Tells those thoughts from the answer.
    thinking: Thinking,
    /// The answer as it was said.
    answer: String,
    /// The part being said: output item and part within it, and what was said of it.
    part: Option<((u64, u64), String)>,
    tools: BTreeSet<String>,
    error: Option<ErrorObject>,
}

impl Reader {
    /// A reader that takes `scope` for the answer and names the run.
    pub(in crate::agents) fn new(scope: Scope, naming: Naming) -> Self {
        Self {
            scope,
            naming,
            id: None,
            last_item: None,
            started: false,
            said: String::new(),
            thinking: Thinking::default(),
            answer: String::new(),
            part: None,
            tools: BTreeSet::new(),
            error: None,
        }
    }

    /// The response's id, once it is known.
    pub(in crate::agents) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The id of the last item of the whole response, where it said so.
    pub(in crate::agents) fn last_item(&self) -> Option<&str> {
        self.last_item.as_deref()
    }

    /// Whether nothing was said yet that a person could have seen.
    pub(in crate::agents) fn is_silent(&self) -> bool {
        self.answer.trim().is_empty()
    }

    /// What the server said was wrong, if the run failed.
    pub(in crate::agents) fn error(&self) -> Option<&ErrorObject> {
        self.error.as_ref()
    }

    /// Takes in a response as it is now, and says what of its answer was not said yet.
    pub(in crate::agents) fn take(&mut self, object: Object<'_>, said: &mut VecDeque<AgentEvent>) -> Ending {
        self.starts(object, said);
        match object.status() {
            Status::Unfinished => Ending::Unfinished,
            Status::Completed => {
                self.say_rest(&object.text(&self.scope), said);
                self.say_held(said);
                if let Some(question) = object.question(&self.scope) {
                    self.ask_back(&question, said);
                }
                if !self.is_silent() {
                    return Ending::completed(object.cut());
                }
                let reason =
                    object.incomplete().map_or_else(String::new, |reason| format!(", incomplete: {reason}"));
                Ending::failed(AgentFailureKind::Empty, format!("no text{reason}"))
            }
            Status::Failed => {
                let error = object.error();
                self.failed(error)
            }
            Status::Cancelled => {
                self.say_rest(&object.text(&self.scope), said);
                Ending::failed(AgentFailureKind::Cancelled, "the run was cancelled upstream")
            }
        }
    }

    fn failed(&mut self, error: ErrorObject) -> Ending {
        let ending = Ending::failed(error.of_run(), error.detail(None));
        self.error = Some(error);
        ending
    }

    /// The run is known by its name, once.
    fn starts(&mut self, object: Object<'_>, said: &mut VecDeque<AgentEvent>) {
        if let Some(id) = object.id() {
            self.id.get_or_insert_with(|| id.to_owned());
        }
        if let Some(item) = object.last_item() {
            self.last_item = Some(item.to_owned());
        }
        if !std::mem::replace(&mut self.started, true) {
            let run = self.id.as_deref().and_then(|id| (self.naming)(id));
            said.push_back(AgentEvent::Started { run });
        }
    }

    fn say(&mut self, text: &str, said: &mut VecDeque<AgentEvent>) {
        self.said.push_str(text);
        let events = self.thinking.take(text);
        self.tell(events, said);
    }

    /// The text has ended: what was held back of it, since it could have been a thought.
    fn say_held(&mut self, said: &mut VecDeque<AgentEvent>) {
        let events = self.thinking.end();
        self.tell(events, said);
    }

    fn tell(&mut self, events: Vec<AgentEvent>, said: &mut VecDeque<AgentEvent>) {
        for event in &events {
            if let AgentEvent::Delta(text) = event {
                self.answer.push_str(text);
            }
        }
        said.extend(events);
    }

    /// What of the whole answer was not said: all of it, or its rest. Where something else was said, that stands.
    fn say_rest(&mut self, whole: &str, said: &mut VecDeque<AgentEvent>) {
        if let Some(rest) = whole.strip_prefix(self.said.as_str()) {
            self.say(rest, said);
        } else if self.is_silent() && !whole.trim().is_empty() {
            // What came was white space, or a thought that the whole answer is without.
            (self.said, self.thinking) = (String::new(), Thinking::default());
            self.say(whole, said);
        }
    }

    /// What the agent asks back: all of the answer, or its end where the text does not ask it already.
    fn ask_back(&mut self, question: &str, said: &mut VecDeque<AgentEvent>) {
        if !self.is_silent() {
            if self.answer.contains(question.trim()) {
                return;
            }
            self.say(BETWEEN_MESSAGES, said);
        }
        self.say(question, said);
    }

    /// More of one part of the answer. Parts of one message stand together, messages apart.
    fn delta(&mut self, place: (u64, u64), text: &str, said: &mut VecDeque<AgentEvent>) {
        if text.is_empty() {
            return;
        }
        match &mut self.part {
            Some((part, so_far)) if *part == place => so_far.push_str(text),
            part => {
                let apart = part.as_ref().is_some_and(|((item, _), _)| *item != place.0);
                *part = Some((place, text.to_owned()));
                if apart && !self.said.trim().is_empty() {
                    self.say(BETWEEN_MESSAGES, said);
                }
            }
        }
        self.say(text, said);
    }

    /// A part is whole: what of it did not come in pieces is said now.
    fn part_done(&mut self, place: (u64, u64), whole: &str, said: &mut VecDeque<AgentEvent>) {
        let rest = match &self.part {
            Some((part, so_far)) if *part == place => whole.strip_prefix(so_far.as_str()).map(str::to_owned),
            // An earlier part is done: it was said, or cannot be said in its place any more.
            Some((part, _)) if *part > place => None,
            Some(_) | None => Some(whole.to_owned()),
        };
        if let Some(rest) = rest {
            self.delta(place, &rest, said);
        }
    }

    fn tool(&mut self, id: &str, name: &str, said: &mut VecDeque<AgentEvent>) {
        let known = !id.is_empty() && self.tools.contains(id);
        if known || name.is_empty() {
            return;
        }
        if !id.is_empty() && self.tools.len() < TOOLS_MAX {
            self.tools.insert(id.to_owned());
        }
        said.push_back(AgentEvent::Tool { name: cut(name, TOOL_NAME_BYTES_MAX).to_owned() });
    }

    /// An item of the output begins: a call says which tool works.
    fn item_added(&mut self, item: &Value, said: &mut VecDeque<AgentEvent>) {
        let kind = text(item, "type").unwrap_or_default();
        if let Some(tool) = kind.strip_suffix("_call") {
            let name = text(item, "name").filter(|name| !name.is_empty()).unwrap_or(tool);
            self.tool(text(item, "id").unwrap_or_default(), name, said);
        }
    }

    /// An item of the output is done: a message that did not come in pieces is said now.
    fn item_done(&mut self, value: &Value, item: &Value, said: &mut VecDeque<AgentEvent>) {
        let is_answer = text(item, "type") == Some("message") && text(item, "role") != Some("user");
        let (item_place, _) = place(value);
        let came = self.part.as_ref().is_some_and(|((said_of, _), _)| *said_of >= item_place);
        if is_answer && !came {
            self.part_done((item_place, 0), &item_text(item), said);
        }
    }

    /// What an event of this type says.
    fn typed(&mut self, kind: &str, value: &Value, said: &mut VecDeque<AgentEvent>) {
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => {
                self.delta(place(value), text(value, "delta").unwrap_or_default(), said);
            }
            "response.output_text.done" => {
                self.part_done(place(value), text(value, "text").unwrap_or_default(), said);
            }
            "response.refusal.done" => {
                self.part_done(place(value), text(value, "refusal").unwrap_or_default(), said);
            }
            "response.reasoning_text.delta"
            | "response.reasoning_summary_text.delta"
            | "response.reasoning.delta"
            | "response.reasoning_summary.delta" => {
                said.extend(reasoning(text(value, "delta").unwrap_or_default()));
            }
            "response.output_item.added" => {
                if let Some(item) = value.get("item") {
                    self.item_added(item, said);
                }
            }
            "response.output_item.done" => {
                if let Some(item) = value.get("item") {
                    self.item_done(value, item, said);
                }
            }
            _ => self.other(kind, value, said),
        }
    }

    /// A type of no further interest, or newer than this reader: a sign of life, and perhaps a tool at work.
    fn other(&mut self, kind: &str, value: &Value, said: &mut VecDeque<AgentEvent>) {
        let Some(rest) = kind.strip_prefix("response.") else {
            return;
        };
        let before = said.len();
        if let Some(tool) = rest.strip_suffix("_call.in_progress") {
            self.tool(text(value, "item_id").unwrap_or_default(), tool, said);
        }
        if said.len() == before {
            said.push_back(AgentEvent::Reasoning(String::new()));
        }
    }
}

impl Protocol for Reader {
    fn event(&mut self, value: &Value, said: &mut VecDeque<AgentEvent>) -> Option<Ending> {
        let kind = text(value, "type").unwrap_or_default();
        let response = value.get("response").and_then(Object::read);
        match kind {
            "response.created" | "response.queued" | "response.in_progress" => {
                if let Some(object) = response {
                    self.starts(object, said);
                }
                return None;
            }
            "response.completed" | "response.incomplete" | "response.done" => {
                // The event's own word counts, too: some responses in it say nothing of themselves.
                let cut = (kind == "response.incomplete").then_some(Cut::Length);
                return Some(match response {
                    Some(object) => self.ended(object, object.cut().or(cut), said),
                    None => self.end_as(cut, said),
                });
            }
            "response.failed" => {
                return Some(self.failed(response.map(Object::error).unwrap_or_default()));
            }
            "response.cancelled" | "response.canceled" => {
                return Some(Ending::failed(AgentFailureKind::Cancelled, "the run was cancelled upstream"));
            }
            "error" => {
                let error = ErrorObject::find(value).unwrap_or_else(|| ErrorObject::of_event(value));
                return Some(self.failed(error));
            }
            _ => {}
        }
        if kind.is_empty() {
            return ErrorObject::find(value).map(|error| self.failed(error));
        }
        if !std::mem::replace(&mut self.started, true) {
            said.push_back(AgentEvent::Started { run: None });
        }
        self.typed(kind, value, said);
        None
    }

    fn whole(&mut self, value: &Value, said: &mut VecDeque<AgentEvent>) -> Ending {
        match (Object::read(value), ErrorObject::find(value)) {
            (Some(object), _) => self.take(object, said),
            (None, Some(error)) => self.failed(error),
            (None, None) => Ending::failed(AgentFailureKind::Malformed, "the answer is not a response"),
        }
    }

    fn is_finished(&self) -> bool {
        // The event that ends a response says so itself.
        false
    }

    fn end(&mut self, said: &mut VecDeque<AgentEvent>) -> Ending {
        self.end_as(None, said)
    }
}

impl Reader {
    /// The stream says that the response is done, whatever the response in it still says of itself.
    fn ended(&mut self, object: Object<'_>, cut: Option<Cut>, said: &mut VecDeque<AgentEvent>) -> Ending {
        match self.take(object, said) {
            Ending::Unfinished => {
                self.say_rest(&object.text(&self.scope), said);
                self.end_as(cut, said)
            }
            Ending::Event(AgentEvent::Completed { .. }) => Ending::completed(cut),
            ending @ Ending::Event(_) => ending,
        }
    }

    /// The end, where all there is to know of it is whether something was said.
    fn end_as(&mut self, cut: Option<Cut>, said: &mut VecDeque<AgentEvent>) -> Ending {
        self.say_held(said);
        if self.is_silent() {
            Ending::failed(AgentFailureKind::Empty, "no text")
        } else {
            Ending::completed(cut)
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// Which output item, and which part of it.
fn place(value: &Value) -> (u64, u64) {
    let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or(0);
    (number("output_index"), number("content_index"))
}

#[cfg(test)]
mod tests;
