//! What the JSON of a chat completion says, piece by piece or whole.

use std::collections::VecDeque;

use serde_json::Value;
use switchboard_domain::outcome::{AgentFailureKind, Cut};
use switchboard_ports::agent::AgentEvent;

use super::super::http::answer::{Ending, Protocol};
use super::super::http::failure::ErrorObject;
use super::super::thinking::Thinking;
use super::chunk;

/// A completion being read.
#[derive(Debug, Default)]
pub(super) struct Completion {
    /// Whether anything but white space was said.
    spoke: bool,
    /// Why the agent stopped speaking, once it did.
    finish: Option<String>,
    thinking: Thinking,
}

impl Protocol for Completion {
    fn event(&mut self, value: &Value, said: &mut VecDeque<AgentEvent>) -> Option<Ending> {
        self.take(value, said).err()
    }

    fn whole(&mut self, value: &Value, said: &mut VecDeque<AgentEvent>) -> Ending {
        match self.take(value, said) {
            Ok(true) => self.end(said),
            Ok(false) => Ending::failed(AgentFailureKind::Malformed, "the answer has no choices"),
            Err(ending) => ending,
        }
    }

    fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    fn end(&mut self, said: &mut VecDeque<AgentEvent>) -> Ending {
        let held = self.thinking.end();
        self.tell(held, said);
        if self.finish.as_deref() == Some("error") {
            return Ending::failed(AgentFailureKind::ServerError, "finish_reason error");
        }
        if self.spoke {
            return Ending::completed(self.finish.as_deref().and_then(cut));
        }
        let detail = match &self.finish {
            Some(reason) => format!("no text, finish_reason {reason}"),
            None => "no text".to_owned(),
        };
        Ending::failed(AgentFailureKind::Empty, detail)
    }
}

impl Completion {
    /// What one object says; whether it had a choice in it.
    fn take(&mut self, value: &Value, said: &mut VecDeque<AgentEvent>) -> Result<bool, Ending> {
        if let Some(error) = ErrorObject::find(value) {
            return Err(Ending::failed(AgentFailureKind::ServerError, error.detail(None)));
        }
        let chunk = chunk::read(value)
            .map_err(|why| Ending::failed(AgentFailureKind::Malformed, why.0.to_owned()))?;
        for event in chunk.events {
            let events =
                if let AgentEvent::Delta(text) = event { self.thinking.take(&text) } else { vec![event] };
            self.tell(events, said);
        }
        self.finish = chunk.finish.or_else(|| self.finish.take());
        Ok(chunk.has_choice)
    }

    fn tell(&mut self, events: Vec<AgentEvent>, said: &mut VecDeque<AgentEvent>) {
        for event in events {
            if let AgentEvent::Delta(text) = &event {
                self.spoke = self.spoke || !text.trim().is_empty();
            }
            said.push_back(event);
        }
    }
}

/// What a `finish_reason` says of an answer that is not whole. Beside the protocol's own words those that gateways pass on
/// from other protocols.
fn cut(finish: &str) -> Option<Cut> {
    match finish.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => Some(Cut::Length),
        "content_filter" | "safety" => Some(Cut::Filter),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
