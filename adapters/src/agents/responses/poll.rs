//! Asking for a result until it is there.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use serde_json::Value;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::AgentEvent;
use tokio::time::sleep;

use super::super::http::answer::Ending;
use super::super::http::call::Unanswered;
use super::super::http::failure::failed;
use super::super::http::telling::Teller;
use super::object::{Object, Scope, Status};
use super::reader::Reader;

/// The first pause between two looks; each is half as long again as the one before.
pub(in crate::agents) const PAUSE_MIN: Duration = Duration::from_secs(2);

/// The longest pause between two looks.
pub(in crate::agents) const PAUSE_MAX: Duration = Duration::from_secs(15);

/// Looks in a row that may go wrong in ways that pass.
const TROUBLES_MAX: u32 = 5;

/// Looks in a row that may say "done" without an answer of this turn: a server that calls all turns by one name may
/// still show the state of the one before.
const STALE_MAX: u32 = 3;

/// One look at a run.
pub(in crate::agents) trait Look: Sync {
    /// The response as it is now.
    fn look(&self) -> impl Future<Output = Result<Value, Unanswered>> + Send;
}

/// What comes of asking for a result.
pub(in crate::agents) enum Polled {
    /// The run ended.
    Ended(Ending),
    /// The server does not know the run.
    Unknown,
    /// The run was asked for, and there is none of this turn.
    Nothing,
}

/// The pause after this one.
pub(in crate::agents) fn longer(pause: Duration) -> Duration {
    pause.saturating_mul(3).checked_div(2).unwrap_or(PAUSE_MAX).min(PAUSE_MAX)
}

/// Asks until the run is done. With `at_once` the first look is not waited for. Signs of life are given while a
/// look says that the run goes on.
pub(in crate::agents) async fn poll(
    reader: &mut Reader,
    scope: &Scope,
    at_once: bool,
    tell: &Teller,
    upstream: &impl Look,
) -> Polled {
    let mut pause = PAUSE_MIN;
    let (mut troubles, mut stale) = (0_u32, 0_u32);
    let mut wait = if at_once { Duration::ZERO } else { PAUSE_MIN };
    loop {
        tell.patiently(sleep(wait)).await;
        let looked = tell.patiently(upstream.look()).await;
        wait = pause;
        pause = longer(pause);
        let value = match looked {
            Ok(value) => value,
            Err(Unanswered::Refused(refused)) if refused.status == 404 => return Polled::Unknown,
            Err(unanswered) => match trouble(unanswered, &mut troubles) {
                Ok(asked_for) => {
                    wait = wait.max(asked_for);
                    continue;
                }
                Err(event) => return Polled::Ended(Ending::Event(event)),
            },
        };
        troubles = 0;
        let Some(object) = Object::read(&value) else {
            let detail = "the result is not a response";
            return Polled::Ended(Ending::failed(AgentFailureKind::Malformed, detail));
        };
        let is_stale = object.status() == Status::Completed && !object.has_answer(scope);
        if is_stale && object.question(scope).is_none() {
            stale = stale.saturating_add(1);
            if stale >= STALE_MAX {
                return Polled::Nothing;
            }
            continue;
        }
        let mut said = VecDeque::new();
        let ending = reader.take(object, &mut said);
        for event in said {
            tell.say(event).await;
        }
        match ending {
            Ending::Unfinished => tell.live().await,
            Ending::Event(_) => return Polled::Ended(ending),
        }
    }
}

/// Whether a look that went wrong may be repeated: the pause that was asked for, or the failure that it is.
fn trouble(unanswered: Unanswered, troubles: &mut u32) -> Result<Duration, AgentEvent> {
    *troubles = troubles.saturating_add(1);
    match unanswered.into_event() {
        AgentEvent::Failed { failure, .. } if failure.kind.is_transient() && *troubles < TROUBLES_MAX => {
            Ok(failure.retry_after.unwrap_or_default().min(PAUSE_MAX))
        }
        event @ AgentEvent::Failed { .. } => Err(event),
        AgentEvent::Started { .. }
        | AgentEvent::Delta(_)
        | AgentEvent::Reasoning(_)
        | AgentEvent::Tool { .. }
        | AgentEvent::Completed { .. } => {
            Err(failed(AgentFailureKind::Malformed, "a refusal without a failure".to_owned()))
        }
    }
}
