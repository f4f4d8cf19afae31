//! `DELETE /agents/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use switchboard_ports::channels::Channel;

use super::{changeable, found};
use crate::changes::{Author, Change};
use crate::http::auth::Admin;
use crate::http::channels::unused;
use crate::http::etag::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Deletes an agent that no channel uses.
#[utoipa::path(delete, path = "/agents/{id}", tag = "agents", operation_id = "delete_agent",
    params(("id" = String, Path, description = "the agent's id"),
        ("If-Match" = Option<String>, Header, description = "the version to delete")),
    responses((status = 204, description = "gone"),
        (status = 409, description = "channels use it, or managed by file"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn delete(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    let held = api.settings.hold().await?;
    let agent = found(&api, &id).await?;
    changeable(&agent)?;
    if_match.check(agent.version)?;
    let uses = |channel: &Channel| channel.default_agent.as_ref() == Some(&agent.id);
    unused(&api.ports, "channels use this agent", uses).await?;
    let change = Change { ports: &api.ports, held: &held, author: &Author::from(&caller) };
    change.deleted(&agent).await?;
    drop(held);
    api.operations.agent_changed().await;
    tracing::info!(agent = %agent.id, "agent deleted");
    Ok(StatusCode::NO_CONTENT)
}
