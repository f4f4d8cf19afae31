//! `POST /agents/{id}/rollback`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::Value;
use switchboard_ports::agents::AgentConfig;

use super::{changeable, found};
use crate::changes::{Act, Author, Change};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::changes::rollback::{RollbackInput, content_then, refused};
use crate::http::dto::agent::AgentView;
use crate::http::dto::agent_input::replaced;
use crate::http::etag::{IfMatch, tagged};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Makes an agent what it was in an earlier version, which becomes a new version. Secrets are part of no version: each that it
/// had then keeps the value that is stored now. What is not valid today is refused, and the field is named.
#[utoipa::path(post, path = "/agents/{id}/rollback", tag = "changes", operation_id = "rollback_agent",
    request_body = RollbackInput,
    params(("id" = String, Path, description = "the agent's id"),
        ("If-Match" = Option<String>, Header, description = "the version to change")),
    responses((status = 200, description = "the agent as it is now", body = AgentView,
        headers(("ETag" = String, description = "its version"))),
        (status = 409, description = "the name is taken, or managed by file"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn rollback(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<(HeaderMap, Json<AgentView>), Problem> {
    query.finish()?;
    let (agent, changed) = write(&api, &id, &if_match, &body, &Author::from(&caller)).await?;
    if changed {
        api.operations.agent_changed().await;
        tracing::info!(agent = %agent.id, version = %agent.version, "agent rolled back");
    }
    Ok((tagged(agent.version), Json(AgentView::from(&agent))))
}

/// The agent as it was then, and whether that changed anything.
async fn write(
    api: &Api,
    id: &str,
    if_match: &IfMatch,
    body: &Value,
    author: &Author,
) -> Result<(AgentConfig, bool), Problem> {
    let held = api.settings.hold().await?;
    let stored = found(api, id).await?;
    changeable(&stored)?;
    if_match.check(stored.version)?;
    let document = content_then(&api.ports, &stored, body).await?;
    let now = api.ports.clock.now();
    let mut agent = replaced(&stored, &document, now, &api.ports.agent_kinds).map_err(Problem::invalid)?;
    if agent == (AgentConfig { updated_at: now, ..stored.clone() }) {
        return Ok((stored, false));
    }
    let change = Change { ports: &api.ports, held: &held, author };
    let version = change.changed(&stored, &agent, Act::RolledBack).await;
    agent.version = version.map_err(|error| refused(error, if_match.is_given()))?;
    Ok((agent, true))
}
