//! `POST /agents`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use switchboard_ports::agents::AGENTS_MAX;

use crate::changes::{Author, Change};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::dto::agent::AgentView;
use crate::http::dto::agent_input::{AgentInput, created};
use crate::http::etag::located;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::{Api, new_agent_id};

/// Adds an agent.
#[utoipa::path(post, path = "/agents", tag = "agents", operation_id = "create_agent", request_body = AgentInput,
    responses((status = 201, description = "made", body = AgentView,
        headers(("Location" = String, description = "its path"), ("ETag" = String, description = "its version"))),
        (status = 409, description = "the name is taken")),
    security(("bearer" = ["admin"])))]
pub async fn create(
    Admin(caller): Admin,
    State(api): State<Api>,
    query: Query,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, HeaderMap, Json<AgentView>), Problem> {
    query.finish()?;
    let id = new_agent_id(&*api.ports.entropy);
    let agent =
        created(&body, id, api.ports.clock.now(), &api.ports.agent_kinds).map_err(Problem::invalid)?;
    let held = api.settings.hold().await?;
    if api.ports.agents.list().await?.len() >= AGENTS_MAX {
        return Err(Problem::wrong_state(format!("there are {AGENTS_MAX} agents, which is the most")));
    }
    let change = Change { ports: &api.ports, held: &held, author: &Author::from(&caller) };
    change.made(&agent).await?;
    drop(held);
    tracing::info!(agent = %agent.id, "agent made");
    let headers = located(agent.version, &format!("/api/v1/agents/{}", agent.id));
    Ok((StatusCode::CREATED, headers, Json(AgentView::from(&agent))))
}
