//! `GET /agents/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::found;
use crate::http::auth::Viewer;
use crate::http::dto::agent::AgentView;
use crate::http::etag::tagged;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// One agent.
#[utoipa::path(get, path = "/agents/{id}", tag = "agents", operation_id = "read_agent",
    params(("id" = String, Path, description = "the agent's id")),
    responses((status = 200, description = "the agent", body = AgentView,
        headers(("ETag" = String, description = "its version")))),
    security(("bearer" = ["viewer"])))]
pub async fn read(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<(HeaderMap, Json<AgentView>), Problem> {
    query.finish()?;
    let agent = found(&api, &id).await?;
    Ok((tagged(agent.version), Json(AgentView::from(&agent))))
}
