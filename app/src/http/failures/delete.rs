//! `DELETE /failures/{id}`.

use axum::extract::State;
use axum::http::StatusCode;

use super::unknown;
use crate::http::acts::{self, Act};
use crate::http::auth::Operator;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Forgets a failure record. A retry of it that is under way goes on.
#[utoipa::path(delete, path = "/failures/{id}", tag = "failures", operation_id = "delete_failure",
    params(("id" = String, Path, description = "the failure's id")),
    responses((status = 204, description = "gone")),
    security(("bearer" = ["operator"])))]
pub async fn delete(
    Operator(caller): Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    if !api.ports.failures.delete(&id).await? {
        return Err(unknown());
    }
    acts::note(&api.ports, &caller, Act::FailureDeleted, &id).await;
    Ok(StatusCode::NO_CONTENT)
}
