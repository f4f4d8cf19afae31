//! `DELETE /users/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use switchboard_domain::settings::MappingMode;
use switchboard_ports::audit::AuditAct;
use switchboard_ports::channels::Channel;

use super::note::note;
use super::{found, no_user};
use crate::http::auth::Admin;
use crate::http::channels::unused;
use crate::http::etag::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

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
    let settings = api.settings.hold().await?;
    let user = found(&api, &id).await?;
    if_match.check(user.version)?;
    let fixed = MappingMode::FixedUser(user.id.clone());
    let names_it = |channel: &Channel| channel.user_mapping.mode == fixed;
    unused(&api.ports, "channels map everybody to this user", names_it).await?;
    settings.still()?;
    let line = note(api.ports.clock.now(), AuditAct::Deleted, &user, None);
    if !api.ports.users.delete(&user.id, &[line]).await? {
        return Err(no_user());
    }
    tracing::info!(user = %user.id, "user deleted");
    Ok(StatusCode::NO_CONTENT)
}
