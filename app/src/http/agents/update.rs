//! `PATCH /agents/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::Value;
use switchboard_ports::agents::AgentConfig;

use super::{changeable, found};
use crate::changes::{Act, Author, Change};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::changes::rollback::refused;
use crate::http::dto::agent::AgentView;
use crate::http::dto::agent_input::{AgentInput, patched};
use crate::http::etag::{IfMatch, tagged};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Changes an agent by merge patch (RFC 7396): `null` clears, what is absent stays.
#[utoipa::path(patch, path = "/agents/{id}", tag = "agents", operation_id = "update_agent",
    params(("id" = String, Path, description = "the agent's id"),
        ("If-Match" = Option<String>, Header, description = "the version to change")),
    request_body(content = AgentInput, description = "a merge patch of it: each field optional"),
    responses((status = 200, description = "the agent as it is now", body = AgentView,
        headers(("ETag" = String, description = "its version"))),
        (status = 409, description = "the name is taken, or managed by file"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn update(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    if_match: IfMatch,
    JsonBody(patch): JsonBody,
) -> Result<(HeaderMap, Json<AgentView>), Problem> {
    query.finish()?;
    let (agent, changed) = write(&api, &id, &if_match, patch, &Author::from(&caller)).await?;
    if changed {
        api.operations.agent_changed().await;
        tracing::info!(agent = %agent.id, version = %agent.version, "agent changed");
    }
    Ok((tagged(agent.version), Json(AgentView::from(&agent))))
}

/// The agent with the patch over it, and whether that changed anything.
async fn write(
    api: &Api,
    id: &str,
    if_match: &IfMatch,
    patch: Value,
    author: &Author,
) -> Result<(AgentConfig, bool), Problem> {
    let held = api.settings.hold().await?;
    let stored = found(api, id).await?;
    changeable(&stored)?;
    if_match.check(stored.version)?;
    let now = api.ports.clock.now();
    let mut agent = patched(&stored, patch, now, &api.ports.agent_kinds).map_err(Problem::invalid)?;
    if agent == (AgentConfig { updated_at: now, ..stored.clone() }) {
        return Ok((stored, false));
    }
    let change = Change { ports: &api.ports, held: &held, author };
    let version = change.changed(&stored, &agent, Act::Changed).await;
    agent.version = version.map_err(|error| refused(error, if_match.is_given()))?;
    Ok((agent, true))
}
