//! `POST /agents/{id}/test`.

use axum::Json;
use axum::extract::State;

use super::found;
use crate::http::auth::Operator;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::trial::{TrialView, asked};

/// Asks the agent one small question with its stored settings. An agent that fails is a good answer to this request: 200
/// with `"ok": false` and the error.
#[utoipa::path(post, path = "/agents/{id}/test", tag = "agents", operation_id = "test_agent",
    params(("id" = String, Path, description = "the agent's id")),
    responses((status = 200, description = "what came of it", body = TrialView)),
    security(("bearer" = ["operator"])))]
pub async fn test(
    _: Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Json<TrialView>, Problem> {
    query.finish()?;
    let agent = found(&api, &id).await?;
    Ok(Json(asked(&agent, &api.ports.agent_kinds).await))
}
