//! A sign of life from an agent: one small turn, for the API's test and for `switchboard check`.

use std::time::Duration;

use futures_util::StreamExt;
use serde::Serialize;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::{Finding, Remedy, failure};
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, FailureCause};
use switchboard_domain::settings::Locale;
use switchboard_ports::agent::{Agent, AgentEvent, AgentUser, RunRequest};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::provider::CheckResult;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;
use utoipa::ToSchema;

use crate::http::dto::agent_input::Kinds;

/// The whole turn, at most: somebody is waiting in front of a page.
const TURN_TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// Events of one answer, at most.
const EVENTS_MAX: usize = 10_000;

/// The code of settings that no agent can be made of.
const MISFIT: &str = "agent_misconfigured";

/// What came of a small turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// From the request to the first output.
    pub first_output_ms: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a small turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The agent answered.
    Answered,
    /// It did not.
    Failed(TrialErrorView),
    /// Its server is there and takes the key, and answers only users of its own; nobody was made one.
    WantsUser,
}

/// What came of a small turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialView {
    /// Whether the agent answered.
    pub ok: bool,
    /// From the request to the first output.
    pub first_output_ms: Option<u64>,
    /// What went wrong.
    pub error: Option<TrialErrorView>,
    /// `ok`, `failed` or `cannot_be_told`.
    pub result: &'static str,
    /// What went wrong, or why it cannot be told whether the agent answers.
    pub message: Option<&'static str>,
    /// What to do about that.
    pub remedy: Option<&'static str>,
}

impl TrialView {
    /// The trial in the reader's language.
    #[must_use]
    pub fn of(trial: Trial, locale: Locale) -> Self {
        let (result, error, words) = match trial.outcome {
            Outcome::Answered => (CheckResult::Ok, None, None),
            Outcome::Failed(error) => {
                let words = error.words(locale).map(|words| (words.message, Some(words.remedy)));
                (CheckResult::Failed, Some(error), words)
            }
            Outcome::WantsUser => {
                let words = Finding::AgentWantsUser.words(locale);
                (CheckResult::CannotBeTold, None, Some((words.message, words.remedy)))
            }
        };
        Self {
            ok: result == CheckResult::Ok,
            first_output_ms: trial.first_output_ms,
            error,
            result: result_name(result),
            message: words.map(|(message, _)| message),
            remedy: words.and_then(|(_, remedy)| remedy),
        }
    }
}

/// What went wrong with an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialErrorView {
    /// `agent_unreachable`, `agent_unauthorized`, …
    pub code: &'static str,
    /// The agent's own words (status code, error code and the like), or what it failed to do.
    pub message: String,
}

impl TrialErrorView {
    /// What that means, and what to do about it.
    #[must_use]
    pub fn words(&self, locale: Locale) -> Option<Remedy> {
        FailureCause::named(self.code).map(|cause| failure(cause, locale))
    }
}

/// Asks an agent with these settings, as this user or as nobody.
pub async fn asked(config: &AgentConfig, kinds: &Kinds, user: Option<AgentUser>) -> Trial {
    let Some(kind) = kinds.get(config.kind.as_str()) else {
        return misfit(format!("the kind \"{}\" is not available in this version", config.kind));
    };
    // What the agent itself logs is found by this.
    let span = tracing::error_span!("agent_test", agent = config.name);
    match kind.build(config) {
        Ok(agent) => turn(&*agent, config, user).instrument(span).await,
        Err((pointer, message)) => misfit(format!("{pointer} {message}")),
    }
}

/// The error as a channel's status names it.
#[must_use]
pub fn error_code(error: &TrialErrorView) -> ErrorCode {
    let ours = [AgentFailureKind::Unauthorized, AgentFailureKind::UnknownModel, AgentFailureKind::BadRequest];
    let is_ours = error.code == MISFIT || ours.iter().any(|kind| kind.as_str() == error.code);
    if is_ours { ErrorCode::AgentMisconfigured } else { ErrorCode::AgentUnreachable }
}

/// How a check's result is called.
#[must_use]
pub const fn result_name(result: CheckResult) -> &'static str {
    match result {
        CheckResult::Ok => "ok",
        CheckResult::Failed => "failed",
        CheckResult::CannotBeTold => "cannot_be_told",
    }
}

fn misfit(message: String) -> Trial {
    let outcome = Outcome::Failed(TrialErrorView { code: MISFIT, message });
    Trial { first_output_ms: None, outcome }
}

async fn turn(agent: &dyn Agent, config: &AgentConfig, user: Option<AgentUser>) -> Trial {
    let makes_users = user.is_none() && agent.makes_users();
    let begun = Instant::now();
    let end = begun + config.limits.turn_timeout.min(TURN_TIMEOUT_MAX);
    let mut next_by = (begun + config.limits.first_output_timeout).min(end);
    let mut late = AgentFailureKind::FirstOutputTimeout;
    let mut first_output_ms = None;
    let mut said_something = false;
    let mut events = agent.run(question(user.unwrap_or_else(AgentUser::tester))).take(EVENTS_MAX);
    let ended = loop {
        let event = match timeout_at(next_by, events.next()).await {
            Ok(Some(event)) => event,
            Ok(None) => {
                break Err((
                    AgentFailureKind::CutStream,
                    String::from("the answer broke off before its end"),
                ));
            }
            Err(_) if next_by >= end => break Err(too_long(end.duration_since(begun))),
            Err(_) => break Err(too_late(late, config)),
        };
        match event {
            AgentEvent::Started { .. } => continue,
            AgentEvent::Delta(text) => said_something |= !text.is_empty(),
            AgentEvent::Reasoning(_) | AgentEvent::Tool { .. } => {}
            AgentEvent::Completed { .. } if said_something => break Ok(()),
            AgentEvent::Completed { .. } => {
                break Err((AgentFailureKind::Empty, String::from("the answer ended without any text")));
            }
            AgentEvent::Failed { failure: AgentFailure { kind, .. }, detail } => break Err((kind, detail)),
        }
        first_output_ms.get_or_insert_with(|| u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        late = AgentFailureKind::IdleTimeout;
        next_by = (Instant::now() + config.limits.idle_timeout).min(end);
    };
    let outcome = match ended {
        Ok(()) => Outcome::Answered,
        // No name was said: what is refused is that.
        Err((AgentFailureKind::UserNameRefused, _)) if makes_users => Outcome::WantsUser,
        Err((kind, message)) => Outcome::Failed(TrialErrorView { code: kind.as_str(), message }),
    };
    Trial { first_output_ms, outcome }
}

/// The whole turn took too long.
fn too_long(after: Duration) -> (AgentFailureKind, String) {
    (AgentFailureKind::TurnTimeout, format!("the answer was not complete after {} ms", after.as_millis()))
}

/// The agent was silent for longer than its settings allow.
fn too_late(kind: AgentFailureKind, config: &AgentConfig) -> (AgentFailureKind, String) {
    let limits = &config.limits;
    let message = if kind == AgentFailureKind::FirstOutputTimeout {
        format!(
            "nothing came within first_output_timeout_ms ({} ms)",
            limits.first_output_timeout.as_millis()
        )
    } else {
        format!("nothing more came within idle_timeout_ms ({} ms)", limits.idle_timeout.as_millis())
    };
    (kind, message)
}

fn question(user: AgentUser) -> RunRequest {
    RunRequest {
        turn: String::from("switchboard-test"),
        text: String::from("Reply with the single word: ok"),
        history: Vec::new(),
        continuation: None,
        model: None,
        attachments: Vec::new(),
        resume: None,
        trace: None,
        user,
    }
}
