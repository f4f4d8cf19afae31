//! `POST /failures/{id}/retry`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use switchboard_ports::failures::{FailureInfo, Requeued};

use super::unknown;
use crate::http::acts::{self, Act};
use crate::http::auth::Operator;
use crate::http::dto::failure::FailureView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

type Accepted = (StatusCode, Json<FailureView>);

/// Retries once what a failure record tells of: a question that was not answered is asked again and gets a new card; an answer
/// that did not arrive is delivered again, without asking the agent. The record stays, with `retried_at`; a retry that
/// fails has a record of its own. Repeating the request changes nothing.
#[utoipa::path(post, path = "/failures/{id}/retry", tag = "failures", operation_id = "retry_failure",
    params(("id" = String, Path, description = "the failure's id")),
    responses((status = 202, description = "it stands in the inbox, or did before", body = FailureView),
        (status = 409, description = "the channel is deleted or disabled, too much waits in the conversation, or the record \
            does not say enough")),
    security(("bearer" = ["operator"])))]
pub async fn retry(
    Operator(caller): Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Accepted, Problem> {
    query.finish()?;
    let info = api.ports.failures.find(&id).await?.ok_or_else(unknown)?;
    if info.retried_at.is_none() {
        can_be_retried(&api, &info).await?;
    }
    let retried = api.operations.retry(&id).await?.ok_or_else(unknown)?;
    match retried.outcome {
        Requeued::Now(_) | Requeued::Before => {
            acts::note(&api.ports, &caller, Act::FailureRetried, &id).await;
            Ok((StatusCode::ACCEPTED, Json(FailureView::from(retried.info))))
        }
        Requeued::Full => Err(Problem::wrong_state(
            "too many messages wait in the conversation: retry it when there are fewer",
        )),
        Requeued::Impossible => Err(nothing_to_retry()),
    }
}

async fn can_be_retried(api: &Api, info: &FailureInfo) -> Result<(), Problem> {
    if !info.can_be_retried {
        return Err(nothing_to_retry());
    }
    match api.ports.channels.find(&info.channel).await? {
        None => Err(Problem::wrong_state("the channel is deleted: nothing can be said there any more")),
        Some(channel) if !channel.enabled => {
            Err(Problem::wrong_state("the channel is disabled: enable it first"))
        }
        Some(_) => Ok(()),
    }
}

fn nothing_to_retry() -> Problem {
    Problem::wrong_state("the record does not keep what a retry needs: the author has to write again")
}
