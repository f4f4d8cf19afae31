//! A whole answer read at once, for the fuzzers: what a run does with the pieces as they come in.

use switchboard_ports::agent::AgentEvent;

use super::super::http::answer::{Answer, Ending};
use super::answer::Completion;

/// The events that a body with this `Content-Type`, coming in these pieces, is read as. The last one is `Completed` or
/// `Failed`, and there is no other of these two.
pub fn read_answer<'a>(
    content_type: Option<&str>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<AgentEvent> {
    let mut answer = Answer::new(content_type, Completion::default());
    let mut events = Vec::new();
    for piece in pieces {
        answer.push(piece);
        events.extend(std::iter::from_fn(|| answer.next()));
    }
    answer.end();
    events.extend(std::iter::from_fn(|| answer.next()));
    events.extend(answer.ending().and_then(|ending| match ending {
        Ending::Event(event) => Some(event),
        Ending::Unfinished => None,
    }));
    events
}
