//! `GET /agents/{id}/versions/{version}`.

use axum::Json;
use axum::extract::State;
use switchboard_ports::agents::AgentConfig;

use crate::http::auth::Viewer;
use crate::http::changes::Place;
use crate::http::changes::versions::one;
use crate::http::changes::view::WholeVersionView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// One version of an agent: what it held, and what differs from the one before.
#[utoipa::path(get, path = "/agents/{id}/versions/{version}", tag = "changes", operation_id = "read_agent_version",
    params(("id" = String, Path, description = "the agent's id"),
        ("version" = u64, Path, description = "the version")),
    responses((status = 200, description = "the version", body = WholeVersionView)),
    security(("bearer" = ["viewer"])))]
pub async fn read(
    _: Viewer,
    State(api): State<Api>,
    place: Place,
    query: Query,
) -> Result<Json<WholeVersionView>, Problem> {
    query.finish()?;
    Ok(Json(one::<AgentConfig>(&api, &place).await?))
}
