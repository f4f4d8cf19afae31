//! `GET /agents`.

use axum::Json;
use axum::extract::State;
use switchboard_ports::agents::AgentConfig;

use crate::http::auth::Viewer;
use crate::http::dto::agent::AgentView;
use crate::http::dto::list::{List, name_key};
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::state::Api;

/// All agents, in name order.
#[utoipa::path(get, path = "/agents", tag = "agents", operation_id = "list_agents", params(PageParams),
    responses((status = 200, description = "one page", body = List<AgentView>)), security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<AgentView>>, Problem> {
    let page = query.page_by_name();
    query.finish()?;
    let agents = api.ports.agents.list().await?;
    Ok(Json(List::cut(agents, &page, key, |agent| AgentView::from(&agent))))
}

fn key(agent: &AgentConfig) -> String {
    name_key(&agent.name, agent.id.as_str())
}
