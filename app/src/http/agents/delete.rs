//! `DELETE /agents/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use switchboard_domain::ids::AgentId;

use super::{changeable, found};
use crate::http::auth::Admin;
use crate::http::etag::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Channels named in the refusal, at most.
const NAMED_MAX: usize = 10;

/// Deletes an agent that no channel uses.
#[utoipa::path(delete, path = "/agents/{id}", tag = "agents", operation_id = "delete_agent",
    params(("id" = String, Path, description = "the agent's id"),
        ("If-Match" = Option<String>, Header, description = "the version to delete")),
    responses((status = 204, description = "gone"),
        (status = 409, description = "channels use it, or managed by file"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn delete(
    _: Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    let settings = api.settings.hold().await?;
    let agent = found(&api, &id).await?;
    changeable(&agent)?;
    if_match.check(agent.version)?;
    unused(&api, &agent.id).await?;
    settings.still()?;
    api.ports.agents.delete(&agent.id).await?;
    api.operations.agent_changed().await;
    tracing::info!(agent = %agent.id, "agent deleted");
    Ok(StatusCode::NO_CONTENT)
}

async fn unused(api: &Api, agent: &AgentId) -> Result<(), Problem> {
    let channels = api.ports.channels.list().await?;
    let users: Vec<_> =
        channels.iter().filter(|channel| channel.default_agent.as_ref() == Some(agent)).collect();
    if users.is_empty() {
        return Ok(());
    }
    let mut names: Vec<_> =
        users.iter().take(NAMED_MAX).map(|c| format!("\"{}\" ({})", c.name, c.id)).collect();
    if users.len() > NAMED_MAX {
        names.push(format!("{} more", users.len().saturating_sub(NAMED_MAX)));
    }
    Err(Problem::in_use(format!("channels use this agent: {}", names.join(", "))))
}
