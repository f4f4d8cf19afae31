//! One run: asked with what the server knows, or with the history; read to its end, or asked for until it is there.

use serde_json::Value;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{AgentEvent, RunRequest};

use super::super::http::answer::Ending;
use super::super::http::call::{self, Refused, Unanswered};
use super::super::http::failure::{ErrorObject, failed};
use super::super::http::telling::Teller;
use super::super::responses::object::Scope;
use super::super::responses::poll::{Look, Polled, poll};
use super::super::responses::reader::Reader;
use super::{HANDLE, Inner};

/// Longest id of a response that is gone on from, in bytes. Gateways write routes into them.
const ID_BYTES_MAX: usize = 4 * 1024;

/// Codes by which servers say that they do not know the response to go on from.
const UNKNOWN_PREVIOUS: [&str; 2] = ["previous_response_not_found", "response_not_found"];

/// Carries a run out; the event that it ends with.
pub(super) async fn run(agent: &Inner, request: &RunRequest, tell: &Teller) -> AgentEvent {
    let resumed = request.resume.as_deref().and_then(|handle| handle.strip_prefix(HANDLE));
    if let Some(id) = resumed.filter(|_| agent.in_background())
        && let Some(event) = fetch(agent, request, id, None, tell).await
    {
        return event;
    }
    let mut previous = request.continuation.as_deref().filter(|id| agent.keeps() && is_id(id));
    loop {
        let event = match ask(agent, request, previous, tell).await {
            Asked::Event(event) => event,
            Asked::UnknownPrevious => {
                tracing::info!(
                    "an agent does not know the response to go on from; the history is sent instead"
                );
                previous = None;
                continue;
            }
        };
        return event;
    }
}

/// What came of asking.
enum Asked {
    /// The event that the run ends with.
    Event(AgentEvent),
    /// The response to go on from is not known, and nothing was said. Only where one was named.
    UnknownPrevious,
}

async fn ask(agent: &Inner, request: &RunRequest, previous: Option<&str>, tell: &Teller) -> Asked {
    let prepared = match agent.asking(request, previous) {
        Ok(prepared) => prepared,
        Err(event) => return Asked::Event(event),
    };
    let response = match call::send(prepared, &*agent.surroundings.clock).await {
        Ok(response) => response,
        Err(Unanswered::Refused(refused)) if is_unknown_previous(&refused, previous) => {
            return Asked::UnknownPrevious;
        }
        Err(unanswered) => return Asked::Event(unanswered.into_event_of(!request.attachments.is_empty())),
    };
    let (ending, reader) = call::read(response, Reader::new(Scope::Whole, agent.naming()), tell).await;
    let id = reader.id().map(str::to_owned);
    match ending {
        Ending::Event(event @ AgentEvent::Completed { .. }) => Asked::Event(agent.going_on(event, id)),
        Ending::Event(event) => {
            let unknown =
                reader.error().is_some_and(|error| previous.is_some_and(|id| names_previous(error, id)));
            if unknown && reader.is_silent() { Asked::UnknownPrevious } else { Asked::Event(event) }
        }
        Ending::Unfinished => Asked::Event(match id {
            Some(id) => fetch(agent, request, &id, Some(reader), tell).await.unwrap_or_else(lost),
            None => failed(AgentFailureKind::Malformed, "a response that goes on without an id".to_owned()),
        }),
    }
}

/// Asks for a run's result until it is there; `None` where the server does not know the run. `reader` has read its
/// beginning, where that came just now.
async fn fetch(
    agent: &Inner,
    request: &RunRequest,
    id: &str,
    reader: Option<Reader>,
    tell: &Teller,
) -> Option<AgentEvent> {
    let at_once = reader.is_none();
    let mut reader = reader.unwrap_or_else(|| Reader::new(Scope::Whole, agent.naming()));
    match poll(&mut reader, &Scope::Whole, at_once, tell, &Fetching { agent, request, id }).await {
        Polled::Ended(Ending::Event(event)) => Some(agent.going_on(event, Some(id.to_owned()))),
        Polled::Ended(Ending::Unfinished) | Polled::Nothing | Polled::Unknown => None,
    }
}

/// A response that is asked for.
struct Fetching<'a> {
    agent: &'a Inner,
    request: &'a RunRequest,
    id: &'a str,
}

impl Look for Fetching<'_> {
    async fn look(&self) -> Result<Value, Unanswered> {
        let looking = self.agent.looking(self.id, &self.request.user).ok_or_else(|| {
            let detail = "a header cannot carry the user's name".to_owned();
            Unanswered::Failed(failed(AgentFailureKind::BadRequest, detail))
        })?;
        call::document(looking, &*self.agent.surroundings.clock).await
    }
}

/// A run that was taken on a moment ago is not known any more.
fn lost() -> AgentEvent {
    failed(AgentFailureKind::ServerError, "the server does not know its own response any more".to_owned())
}

impl Inner {
    /// An answer, with where the next turn goes on from.
    fn going_on(&self, event: AgentEvent, id: Option<String>) -> AgentEvent {
        match event {
            AgentEvent::Completed { cut, .. } => {
                AgentEvent::Completed { continuation: id.filter(|id| self.keeps() && is_id(id)), cut }
            }
            AgentEvent::Started { .. }
            | AgentEvent::Delta(_)
            | AgentEvent::Reasoning(_)
            | AgentEvent::Tool { .. }
            | AgentEvent::Failed { .. } => event,
        }
    }
}

/// Whether this can be a response's id: other kinds of agents have other things to go on from.
fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_unknown_previous(refused: &Refused, previous: Option<&str>) -> bool {
    let Some(id) = previous else { return false };
    // A server may say no more than "not found": asked without it, a wrong address is not found again.
    matches!(refused.status, 404 | 410) && !refused.error.is_unknown_model()
        || refused.status == 400 && names_previous(&refused.error, id)
}

/// Whether an error says that the response to go on from is not there: by its code, the field, or the words.
fn names_previous(error: &ErrorObject, id: &str) -> bool {
    error.says(&UNKNOWN_PREVIOUS)
        || error.is_about("previous_response_id")
        || error.mentions("previous response")
        || error.mentions("previous_response_id")
        || error.mentions(&id.to_lowercase())
}
