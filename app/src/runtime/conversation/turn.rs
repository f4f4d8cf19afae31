//! One run: find out who asks, gather what was said before, ask the agent, pass on what it says.

use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::choice::Choices;
use switchboard_domain::content;
use switchboard_domain::conversation::Said;
use switchboard_domain::history;
use switchboard_domain::ids::{ConversationId, Seq, SessionNumber};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, Refusal, RunFailure};
use switchboard_domain::reply::Progress;
use switchboard_domain::snapshot::TranscriptLine;
use switchboard_ports::agent::{AgentEvent, RunHandle, RunRequest};
use switchboard_ports::error::StoreError;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::owner::{Asked, Owner};
use super::words::Words;
use super::{RunSaid, attached, choosing};
use crate::runtime::channel::{Bot, ChannelHandle};
use crate::runtime::mapping::map_author;
use crate::runtime::panics::caught;
use crate::runtime::shared::{Patience, Shared};
use crate::runtime::timeline::{RunStory, message_id, trace_id};
use crate::runtime::told::agent_user;
use crate::telemetry::metrics as names;

/// How long an explicit cancel upstream may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(4);

/// What is asked.
pub(super) struct Question {
    pub(super) conversation: ConversationId,
    pub(super) entry: Entry,
    pub(super) session: SessionNumber,
    pub(super) continuation: Option<String>,
    /// A run of this turn that was begun before and can be asked for its result.
    pub(super) resume: Option<String>,
    /// What was chosen in the conversation.
    pub(super) choices: Choices,
}

/// How a run is ended from outside.
pub(super) struct Ways {
    /// The request is to be closed.
    pub(super) cancel: CancellationToken,
    /// Said before that where the run is to go on upstream: somebody will ask for its result.
    pub(super) left: CancellationToken,
}

/// A run as the agent knows it.
struct Upstream {
    asked: Arc<Asked>,
    run: RunHandle,
}

/// Runs until the agent has ended or the run is cancelled; then says that it is closed.
pub(super) async fn run(
    shared: Arc<Shared>,
    handle: Arc<ChannelHandle>,
    bot: Arc<Bot>,
    question: Question,
    ways: Ways,
    tell: mpsc::Sender<RunSaid>,
) {
    let begun = Instant::now();
    let (conversation, turn) = (question.conversation.clone(), question.entry.seq);
    metrics::gauge!(names::TURNS_RUNNING).increment(1.0);
    shared.tally.run_begins();
    let mut upstream = None;
    let given_up = tokio::select! {
        biased;
        () = ways.cancel.cancelled() => true,
        // Its conversation learns of a panic as of a cut stream: by the closing without an end.
        done = caught("a run", ask(&shared, &handle, &bot, question, &tell, &mut upstream)) => done.is_none(),
    };
    metrics::gauge!(names::TURNS_RUNNING).decrement(1.0);
    shared.tally.run_ends();
    metrics::histogram!(names::TURN_SECONDS).record(begun.elapsed().as_secs_f64());
    if let Some(Upstream { asked, run }) = upstream.filter(|_| given_up) {
        // What can be asked for later is not stopped by our going away.
        if !(run.pollable && ways.left.is_cancelled()) {
            let span = asked.span(&bot.channel.id, &conversation, Some(turn));
            cancel_upstream(&asked, &run.id, span).await;
        }
    }
    // A conversation that is gone from memory does not listen; the store knows what it needs.
    let _ = tell.send(RunSaid::Closed).await;
}

/// Stops a run upstream, within bounds: the next turn waits for this, since a late stop could hit it. Log lines about it are
/// found by `span`.
pub(super) async fn cancel_upstream(asked: &Asked, run: &str, span: tracing::Span) {
    let cancel = asked.agent.cancel(run).instrument(span.clone());
    let stopped = caught("a stop upstream", tokio::time::timeout(CANCEL_TIMEOUT, cancel)).await;
    if stopped.is_some_and(|stopped| stopped.is_err()) {
        span.in_scope(|| {
            tracing::warn!("an agent did not answer a request to stop a run in time; it may go on upstream");
        });
    }
}

async fn ask(
    shared: &Shared,
    handle: &ChannelHandle,
    bot: &Bot,
    question: Question,
    tell: &mpsc::Sender<RunSaid>,
    upstream: &mut Option<Upstream>,
) {
    let place = (question.conversation.clone(), question.entry.seq);
    let mut story = RunStory::new(shared, message_id(&place.0, place.1));
    // On its own: preparing takes 20 KiB, which would stay for as long as the answer takes.
    let prepared = Box::pin(prepare(shared, handle, bot, question, &story, tell)).await;
    let Prepared { asked, thread, request } = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => {
            let _ = tell.send(RunSaid::Agent(Said::Failed(failure))).await;
            return;
        }
    };
    *upstream = request.resume.clone().map(|id| {
        let run = RunHandle { id, pollable: true, continuation: None };
        Upstream { asked: Arc::clone(&asked), run }
    });
    let _ = tell.send(RunSaid::Ready).await;
    story.asked(&asked.config, request.model.as_deref(), request.resume.is_some());
    let span = asked.span(&handle.id, &place.0, Some(place.1));
    let chars_max = asked.config.limits.output_chars_max;
    let mut events = Words::of(asked.agent.run(request), chars_max);
    while let Some(event) = events.next().instrument(span.clone()).await {
        let said = match event {
            AgentEvent::Started { run } => {
                let pollable = run.as_ref().filter(|run| run.pollable);
                let continuation = pollable.and_then(|run| run.continuation.as_ref());
                let continuation = continuation.map(|name| thread.sign(name));
                let handle = pollable.map(|run| asked.owner.sign(&run.id));
                *upstream = run.map(|run| Upstream { asked: Arc::clone(&asked), run });
                Said::Started { handle, continuation }
            }
            AgentEvent::Delta(text) => {
                story.spoke();
                Said::Delta(text)
            }
            AgentEvent::Reasoning(text) => Said::Progress(Progress::Reasoning(text)),
            AgentEvent::Tool { name } => Said::Progress(Progress::Tool(name)),
            AgentEvent::Completed { continuation, cut } => {
                story.finished(cut);
                let continuation = continuation.map(|name| thread.sign(&name));
                Said::Completed { continuation, cut }
            }
            AgentEvent::Failed { failure, detail } => {
                story.failed(failure.kind);
                note_failure(handle, &asked, &place, failure.kind, &detail);
                Said::Failed(RunFailure::Agent(failure))
            }
        };
        let (ended, outcome) = match &said {
            Said::Completed { .. } => (true, "completed"),
            Said::Failed(_) => (true, "failed"),
            Said::Asked(_) | Said::Started { .. } | Said::Delta(_) | Said::Progress(_) => (false, ""),
        };
        if ended {
            count_request(&asked, outcome);
        }
        if tell.send(RunSaid::Agent(said)).await.is_err() || ended {
            return;
        }
    }
    story.failed(AgentFailureKind::CutStream);
    note_failure(handle, &asked, &place, AgentFailureKind::CutStream, "the stream ended without an end");
    count_request(&asked, "failed");
    let cut = RunFailure::Agent(AgentFailure::new(AgentFailureKind::CutStream));
    let _ = tell.send(RunSaid::Agent(Said::Failed(cut))).await;
}

/// A question ready to be asked.
struct Prepared {
    asked: Arc<Asked>,
    /// Whose the names are that the next turn goes on from.
    thread: Owner,
    request: RunRequest,
}

fn count_request(asked: &Asked, outcome: &'static str) {
    let agent = asked.config.name.clone();
    metrics::counter!(names::AGENT_REQUESTS, "agent" => agent, "outcome" => outcome).increment(1);
}

async fn prepare(
    shared: &Shared,
    handle: &ChannelHandle,
    bot: &Bot,
    question: Question,
    story: &RunStory<'_>,
    tell: &mpsc::Sender<RunSaid>,
) -> Result<Prepared, RunFailure> {
    let mut choices = question.choices.clone();
    let mut mapped = None;
    if choosing::is_per_user(bot) {
        let (user, rule) = map_author(shared, bot, &question.entry).await?;
        choices = choosing::choices_of(&user, &bot.channel.id);
        mapped = Some((user, rule));
    }
    let kept = question.resume.as_deref();
    let Some((asked, resume)) = Asked::of_turn(shared, bot, &question.conversation, kept, &choices).await?
    else {
        handle.note(ErrorCode::NoAgent, String::new());
        return Err(RunFailure::Refused(Refusal::NoAgent));
    };
    let config = &asked.config;
    if resume.is_none() {
        let _ = tell.send(RunSaid::Agent(Said::Asked(config.limits))).await;
    }
    let (user, rule) = match mapped {
        Some(mapped) => mapped,
        None => map_author(shared, bot, &question.entry).await?,
    };
    story.mapped(&user.id, rule);
    let _ = tell.send(RunSaid::Mapped(user.id.clone())).await;
    let lines_max = config.history_messages_max;
    let lines = recent(shared, &question, lines_max.saturating_mul(2)).await;
    let chars_max = config.history_chars_max as usize;
    let Intake::Ask { text, attachments, quotes } = question.entry.intake else {
        return Err(RunFailure::Refused(Refusal::Unsupported));
    };
    let text = match quotes {
        Some(key) => {
            let text = reworded(shared, bot, &question.entry.chat.id, &key, text).await;
            let _ = tell.send(RunSaid::Reworded(text.clone())).await;
            text
        }
        None => text,
    };
    let place = (&question.conversation, question.entry.seq);
    let files =
        attached::gather(shared, handle, place, &attachments, config.limits.first_output_timeout).await;
    if let Some(refusal) = attached::refusal(&files)
        && !content::has_words(&text, &attachments)
    {
        return Err(RunFailure::Refused(refusal));
    }
    let request = RunRequest {
        turn: message_id(&question.conversation, question.entry.seq),
        text,
        history: history::select(&lines, lines_max as usize, chars_max),
        continuation: question.continuation.and_then(|name| asked.thread(&choices).own(&name)),
        model: choosing::model_for(bot, config, &choices),
        user: agent_user(user, &bot.channel.platform, question.entry.chat.kind, &config.identity),
        attachments: files.into_iter().map(|file| file.handed).collect(),
        resume,
        trace: Some(story.traceparent()),
    };
    let thread = asked.thread(&choices);
    Ok(Prepared { asked: Arc::new(asked), thread, request })
}

/// A question that quotes an answer of ours, with the answer's words; where they are not found (any more), it goes as it
/// came, which says so.
async fn reworded(shared: &Shared, bot: &Bot, chat: &str, key: &str, question: String) -> String {
    let mut patience = Patience::of_turn(shared);
    loop {
        match shared.ports.transcripts.shown_as(&bot.channel.id, chat, key).await {
            Ok(line) => {
                return line.map_or(question.clone(), |line| content::with_answer(&question, &line.text));
            }
            Err(StoreError::Unavailable(_)) if patience.waits().await => {}
            Err(error) => {
                tracing::warn!(channel = %bot.channel.id, %error, "failed to look up a quoted answer");
                return question;
            }
        }
    }
}

/// What was said before; nothing when the store stays away.
async fn recent(shared: &Shared, question: &Question, lines_max: u32) -> Vec<TranscriptLine> {
    let mut patience = Patience::of_turn(shared);
    loop {
        let transcripts = &shared.ports.transcripts;
        match transcripts.recent(&question.conversation, question.session, lines_max).await {
            Ok(lines) => return lines,
            Err(StoreError::Unavailable(_)) if patience.waits().await => {}
            Err(error) => {
                // An answer without context is better than none; the next question has it again.
                tracing::warn!(conversation = %question.conversation, %error, "failed to read the history");
                return Vec::new();
            }
        }
    }
}

/// The agent's failure in the log, and in the channel's status where somebody has to do something.
fn note_failure(
    handle: &ChannelHandle,
    asked: &Asked,
    (conversation, turn): &(ConversationId, Seq),
    kind: AgentFailureKind,
    detail: &str,
) {
    let trace_id = trace_id(&message_id(conversation, *turn));
    let (agent, turn, kind_name) = (asked.config.name.as_str(), turn.0, kind.as_str());
    tracing::warn!(
        channel = %handle.id, %conversation, turn, trace_id, agent, kind = kind_name, detail, "the agent failed"
    );
    let code = match kind {
        AgentFailureKind::Unauthorized
        | AgentFailureKind::UnknownModel
        | AgentFailureKind::BadRequest
        | AgentFailureKind::Misconfigured => ErrorCode::AgentMisconfigured,
        // The agent is well: one conversation has to wait, one user needs another name, one answer was stopped, empty or
        // too long, some files are not for it.
        AgentFailureKind::Busy
        | AgentFailureKind::UserNameRefused
        | AgentFailureKind::Cancelled
        | AgentFailureKind::Empty
        | AgentFailureKind::TooLong
        | AgentFailureKind::AttachmentRefused => return,
        AgentFailureKind::Unreachable
        | AgentFailureKind::FirstOutputTimeout
        | AgentFailureKind::IdleTimeout
        | AgentFailureKind::TurnTimeout
        | AgentFailureKind::RateLimited
        | AgentFailureKind::ServerError
        | AgentFailureKind::CutStream
        | AgentFailureKind::Malformed => ErrorCode::AgentUnreachable,
    };
    if asked.is_present {
        handle.note(code, detail.to_owned());
    }
}
