//! One run: files uploaded, asked until the task is free, read as a stream or asked for until it is done.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{AgentEvent, RunHandle, RunRequest};
use tokio::time::{Instant, sleep};

use super::super::http::answer::Ending;
use super::super::http::call::{self, Refused, Unanswered};
use super::super::http::failure::failed;
use super::super::http::telling::Teller;
use super::super::responses::object::Scope;
use super::super::responses::poll::{Look, PAUSE_MAX, PAUSE_MIN, Polled, longer, poll};
use super::super::responses::reader::{Naming, Reader};
use super::Inner;
use super::files::{self, Uploaded};
use super::refusal::{self, Meaning};
use super::requests::Question;
use super::task::{Task, is_id};

/// How long a question waits for its task to be free.
const BUSY_WAIT_MAX: Duration = Duration::from_mins(2);

/// How long a question waits for the server to take requests again.
const THROTTLED_WAIT_MAX: Duration = Duration::from_mins(2);

/// Carries a run out; the event that it ends with.
pub(super) async fn run(agent: &Inner, request: &RunRequest, tell: &Teller) -> AgentEvent {
    if let Some(task) = request.resume.as_deref().and_then(Task::parse)
        && let Some(event) = fetch(agent, request, &task, None, tell).await
    {
        return event;
    }
    match Asking::prepare(agent, request, tell).await {
        Ok(mut asking) => match asking.ask().await {
            Ok(response) => asking.read(response).await,
            Err(event) => event,
        },
        Err(event) => event,
    }
}

/// Asks for a run's result until it is there; `None` where there is none of this turn. `reader` has read its beginning, where
/// that came just now.
async fn fetch(
    agent: &Inner,
    request: &RunRequest,
    task: &Task,
    reader: Option<Reader>,
    tell: &Teller,
) -> Option<AgentEvent> {
    let scope = Scope::NewerThan(task.last.clone());
    let at_once = reader.is_none();
    let mut reader = reader.unwrap_or_else(|| Reader::new(scope.clone(), naming(task.clone())));
    match poll(&mut reader, &scope, at_once, tell, &Fetching { agent, request, task }).await {
        Polled::Ended(Ending::Event(event)) => Some(going_on(event, task, &reader)),
        Polled::Ended(Ending::Unfinished) | Polled::Nothing | Polled::Unknown => None,
    }
}

/// A task that is asked for its state.
struct Fetching<'a> {
    agent: &'a Inner,
    request: &'a RunRequest,
    task: &'a Task,
}

impl Look for Fetching<'_> {
    async fn look(&self) -> Result<Value, Unanswered> {
        let looking = self.agent.looking(self.task, &self.request.user).ok_or_else(|| {
            let detail = "a header cannot carry the user's name".to_owned();
            Unanswered::Failed(failed(AgentFailureKind::BadRequest, detail))
        })?;
        self.agent.budget.look().await;
        call::document(looking, &*self.agent.surroundings.clock).await
    }
}

/// What a run in a task is called: where the turn began, so that its answer can be told from older ones. Stopped, it leaves the
/// task free for the next turn, with what was asked and said by then, so that the conversation goes on in it.
fn naming(begun: Task) -> Naming {
    Box::new(move |id| {
        let task = Task { response: id.to_owned(), ..begun.clone() }.print();
        let run = RunHandle { id: task.clone(), pollable: true, continuation: Some(task) };
        Some(run).filter(|_| is_id(id))
    })
}

/// An answer, with where the next turn goes on from.
fn going_on(event: AgentEvent, task: &Task, reader: &Reader) -> AgentEvent {
    match event {
        AgentEvent::Completed { cut, .. } => {
            let response = reader.id().unwrap_or(&task.response).to_owned();
            let last = reader.last_item().filter(|id| is_id(id)).map(str::to_owned);
            let next = Task { response, last, identity: task.identity.clone() };
            let continuation = Some(next.print()).filter(|_| is_id(&next.response));
            AgentEvent::Completed { continuation, cut }
        }
        AgentEvent::Started { .. }
        | AgentEvent::Delta(_)
        | AgentEvent::Reasoning(_)
        | AgentEvent::Tool { .. }
        | AgentEvent::Failed { .. } => event,
    }
}

/// Whether an answer broke off.
fn is_cut(event: &AgentEvent) -> bool {
    matches!(event, AgentEvent::Failed { failure, .. } if failure.kind == AgentFailureKind::CutStream)
}

/// A question on its way.
struct Asking<'a> {
    agent: &'a Inner,
    request: &'a RunRequest,
    tell: &'a Teller,
    uploaded: Uploaded,
    model: String,
    /// The task it goes on in.
    task: Option<Task>,
    identity: Option<String>,
    begun: Instant,
    pause: Duration,
}

impl<'a> Asking<'a> {
    async fn prepare(
        agent: &'a Inner,
        request: &'a RunRequest,
        tell: &'a Teller,
    ) -> Result<Self, AgentEvent> {
        let own = agent.settings.identity(&request.user);
        let model = agent.settings.model(request.model.as_deref())?;
        let known = request.continuation.as_deref().and_then(Task::parse);
        let asker = own.as_ref().ok().and_then(Option::as_deref);
        let task = known.filter(|task| agent.settings.goes_on_as(task.identity.as_deref(), asker));
        // Where a task goes on as somebody else, the asker's own name is not sent.
        let identity = task.as_ref().map_or(own, |task| Ok(task.identity.clone()))?;
        let uploaded = files::upload(agent, request, identity.as_deref(), tell).await?;
        if let Some(task) = &task {
            // Known before the answer begins: a stop in between has something to stop.
            let run = RunHandle { id: task.print(), pollable: false, continuation: None };
            tell.say(AgentEvent::Started { run: Some(run) }).await;
        }
        let begun = Instant::now();
        Ok(Self { agent, request, tell, uploaded, model, task, identity, begun, pause: PAUSE_MIN })
    }

    /// Asks until the question is taken on, or cannot be.
    async fn ask(&mut self) -> Result<Response, AgentEvent> {
        loop {
            let streamed = !self.agent.is_polling();
            let question = Question {
                text: &self.uploaded.text,
                attachments: &self.uploaded.ids,
                task: self.task.as_ref(),
                identity: self.identity.as_deref(),
                model: &self.model,
                streamed,
            };
            let prepared = self.agent.asking(self.request, &question)?;
            self.tell.patiently(self.agent.budget.ask()).await;
            match call::send(prepared, &*self.agent.surroundings.clock).await {
                Ok(response) => return Ok(response),
                Err(Unanswered::Failed(event)) => return Err(event),
                Err(Unanswered::Refused(refused)) => self.refused(&refused, streamed).await?,
            }
        }
    }

    /// A question was refused: waits, or changes it, so that it can be asked again.
    async fn refused(&mut self, refused: &Refused, streamed: bool) -> Result<(), AgentEvent> {
        let known = self.task.as_ref().map(|task| task.response.as_str());
        match refusal::meaning(refused, known) {
            Meaning::CannotStream if streamed && self.agent.settings.may_turn_to_polling() => {
                tracing::info!("a team cannot stream; its answers are asked for from now on");
                self.agent.poll_from_now_on();
                Ok(())
            }
            Meaning::CannotStream => Err(refusal::failure(refused, AgentFailureKind::Misconfigured)),
            Meaning::Busy => self.wait(refused, BUSY_WAIT_MAX, AgentFailureKind::Busy).await,
            Meaning::TooMany => self.wait(refused, THROTTLED_WAIT_MAX, AgentFailureKind::RateLimited).await,
            Meaning::UnknownTask => {
                tracing::info!("a task is not there any more, or another user's; a new one is begun");
                self.task = None;
                self.identity = self.agent.settings.identity(&self.request.user)?;
                Ok(())
            }
            Meaning::Final(kind) => Err(refusal::failure(refused, kind)),
        }
    }

    /// Waits before the question is asked again, as long as that is within bounds.
    async fn wait(
        &mut self,
        refused: &Refused,
        wait_max: Duration,
        kind: AgentFailureKind,
    ) -> Result<(), AgentEvent> {
        let pause = refused.pause.unwrap_or(self.pause).max(self.pause);
        if self.begun.elapsed().saturating_add(pause) > wait_max {
            // Waited for already: the turn is not to begin all this once more.
            return Err(refusal::given_up(refused, kind, wait_max));
        }
        self.pause = longer(self.pause).min(PAUSE_MAX);
        self.tell.patiently(sleep(pause)).await;
        Ok(())
    }

    /// Reads the answer to its end, be it here or by asking for it.
    async fn read(self, response: Response) -> AgentEvent {
        let begun = Task {
            response: self.task.as_ref().map(|task| task.response.clone()).unwrap_or_default(),
            last: self.task.as_ref().and_then(|task| task.last.clone()),
            identity: self.identity.clone(),
        };
        let scope = Scope::NewerThan(begun.last.clone());
        let (ending, reader) =
            call::read(response, Reader::new(scope, naming(begun.clone())), self.tell).await;
        let event = match ending {
            // The run goes on without the stream that broke: the rest can be asked for.
            Ending::Event(event) if !(is_cut(&event) && reader.id().is_some()) => {
                return going_on(event, &begun, &reader);
            }
            Ending::Event(_) | Ending::Unfinished => {
                match reader.id().filter(|id| is_id(id)).map(str::to_owned) {
                    Some(response) => {
                        let task = Task { response, ..begun };
                        fetch(self.agent, self.request, &task, Some(reader), self.tell).await
                    }
                    None => None,
                }
            }
        };
        event.unwrap_or_else(|| {
            failed(AgentFailureKind::Empty, "the run ended without an answer of this turn".to_owned())
        })
    }
}
