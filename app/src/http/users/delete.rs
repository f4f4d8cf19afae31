//! `DELETE /users/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use switchboard_domain::ids::UserId;
use switchboard_domain::settings::MappingMode;
use switchboard_ports::audit::AuditAct;

use super::note::note;
use super::{found, no_user};
use crate::http::auth::Admin;
use crate::http::etag::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Channels named in the refusal, at most.
const NAMED_MAX: usize = 10;

/// Deletes a user and all its links: whoever writes with one of them next is mapped anew. Transcripts stay. To keep
/// somebody out, disable the user instead.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", operation_id = "delete_user",
    params(("id" = String, Path, description = "the user's id"),
        ("If-Match" = Option<String>, Header, description = "the version to delete")),
    responses((status = 204, description = "gone"),
        (status = 409, description = "channels map everybody to this user (`fixed_user`)"),
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
    // A channel must not begin to name the user in between.
    let _settings = api.settings.lock().await;
    let user = found(&api, &id).await?;
    if_match.check(user.version)?;
    unused(&api, &user.id).await?;
    let line = note(api.ports.clock.now(), AuditAct::Deleted, &user, None);
    if !api.ports.users.delete(&user.id, &[line]).await? {
        return Err(no_user());
    }
    tracing::info!(user = %user.id, "user deleted");
    Ok(StatusCode::NO_CONTENT)
}

async fn unused(api: &Api, user: &UserId) -> Result<(), Problem> {
    let channels = api.ports.channels.list().await?;
    let fixed = MappingMode::FixedUser(user.clone());
    let using: Vec<_> = channels.iter().filter(|channel| channel.user_mapping.mode == fixed).collect();
    if using.is_empty() {
        return Ok(());
    }
    let mut names: Vec<_> =
        using.iter().take(NAMED_MAX).map(|c| format!("\"{}\" ({})", c.name, c.id)).collect();
    if using.len() > NAMED_MAX {
        names.push(format!("{} more", using.len().saturating_sub(NAMED_MAX)));
    }
    Err(Problem::in_use(format!("channels map everybody to this user: {}", names.join(", "))))
}
