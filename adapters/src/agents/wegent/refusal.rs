//! What Wegent means when it says no: `{"detail": "…"}` or a list of mistakes, told apart by their words.

use std::time::Duration;

use switchboard_domain::outcome::{AgentFailure, AgentFailureKind};
use switchboard_ports::agent::AgentEvent;

use super::super::http::call::Refused;

/// What a refusal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The team cannot stream.
    CannotStream,
    /// A run of the task still goes on.
    Busy,
    /// Too many requests.
    TooMany,
    /// The task to go on from is not there, or not this user's.
    UnknownTask,
    /// Nothing that asking again would help.
    Final(AgentFailureKind),
}

/// What this refusal of a question means; `task` is the response that was to be gone on from.
pub(super) fn meaning(refused: &Refused, task: Option<&str>) -> Meaning {
    let says = |phrase: &str| refused.error.mentions(phrase);
    let of_task = task.is_some_and(|id| {
        says("previous response")
            || says("previous_response_id")
            || says(&id.to_lowercase())
            || says("task not found")
    });
    match refused.status {
        400 if says("streaming is only supported") => Meaning::CannotStream,
        400 | 409 | 423 if says("still running") || says("already running") => Meaning::Busy,
        429 => Meaning::TooMany,
        400 | 403 | 404 if of_task => Meaning::UnknownTask,
        400 | 404 if says("valid model configured") => Meaning::Final(AgentFailureKind::Misconfigured),
        400 if says("no members configured") || says("invalid bot reference") => {
            Meaning::Final(AgentFailureKind::Misconfigured)
        }
        400 | 404 if says("team") && says("not found") => Meaning::Final(AgentFailureKind::Misconfigured),
        400 | 404 if says("wegent-username") => Meaning::Final(AgentFailureKind::UserNameRefused),
        _ => Meaning::Final(kind_of(refused)),
    }
}

fn kind_of(refused: &Refused) -> AgentFailureKind {
    match refused.event() {
        AgentEvent::Failed { failure, .. } => failure.kind,
        AgentEvent::Started { .. }
        | AgentEvent::Delta(_)
        | AgentEvent::Reasoning(_)
        | AgentEvent::Tool { .. }
        | AgentEvent::Completed { .. } => AgentFailureKind::BadRequest,
    }
}

/// The failure of this kind that a refusal is.
pub(super) fn failure(refused: &Refused, kind: AgentFailureKind) -> AgentEvent {
    failure_after(refused, kind, refused.pause)
}

/// The same where the question was asked again and again for so long: a pause as long as that keeps the turn from
/// beginning all of it once more.
pub(super) fn given_up(refused: &Refused, kind: AgentFailureKind, waited: Duration) -> AgentEvent {
    failure_after(refused, kind, Some(waited))
}

/// A pause counts only where asking again makes sense.
fn failure_after(refused: &Refused, kind: AgentFailureKind, pause: Option<Duration>) -> AgentEvent {
    let retry_after = pause.filter(|_| kind.is_transient());
    AgentEvent::Failed {
        failure: AgentFailure { kind, retry_after },
        detail: refused.error.detail(Some(refused.status)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use switchboard_domain::outcome::AgentFailureKind as Kind;

    use super::super::super::http::call::Refused;
    use super::super::super::http::failure::ErrorObject;
    use super::{Meaning, failure, meaning};

    #[rstest]
    #[case(
        400,
        r#"{"detail":"Streaming is only supported for Chat Shell type teams"}"#,
        Meaning::CannotStream
    )]
    #[case(400, r#"{"detail":"Task is still running, please wait"}"#, Meaning::Busy)]
    #[case(429, r#"{"error":"Rate limit exceeded: 60 per 1 minute"}"#, Meaning::TooMany)]
    #[case(404, r#"{"detail":"Previous response 'resp_7' not found"}"#, Meaning::UnknownTask)]
    #[case(400, r#"{"detail":"Invalid previous_response_id format: 'resp_7'"}"#, Meaning::UnknownTask)]
    #[case(
        400,
        r#"{"detail":"Bot 'default/b' does not have a valid model configured. Please specify model_id"}"#,
        Meaning::Final(Kind::Misconfigured)
    )]
    #[case(
        404,
        r#"{"detail":"Team 'default#t' not found or not accessible"}"#,
        Meaning::Final(Kind::Misconfigured)
    )]
    #[case(400, r#"{"detail":"Model 'default/x' not found"}"#, Meaning::Final(Kind::UnknownModel))]
    #[case(401, r#"{"detail":"Not authenticated"}"#, Meaning::Final(Kind::Unauthorized))]
    #[case(403, r#"{"detail":"Forbidden"}"#, Meaning::Final(Kind::Unauthorized))]
    #[case(
        422,
        r#"{"detail":[{"loc":["body","input"],"msg":"field required"}]}"#,
        Meaning::Final(Kind::BadRequest)
    )]
    #[case(500, "oops", Meaning::Final(Kind::ServerError))]
    fn each_refusal_is_told_apart_by_its_words(
        #[case] status: u16,
        #[case] body: &str,
        #[case] expected: Meaning,
    ) {
        let refused = Refused { status, error: ErrorObject::read(body.as_bytes()), pause: None };
        assert_eq!(meaning(&refused, Some("resp_7")), expected);
        let detail = failure(&refused, Kind::BadRequest);
        assert!(
            format!("{detail:?}").contains(&format!("status {status}")),
            "no words of the server: {detail:?}"
        );
    }

    #[test]
    fn words_in_a_list_count_as_well() {
        let body = br#"{"detail":[{"msg":"Task is still running"}]}"#;
        let refused = Refused { status: 400, error: ErrorObject::read(body), pause: None };
        assert_eq!(meaning(&refused, None), Meaning::Busy);
    }
}
